"""The frequency spectra of real and generated images."""

from collections.abc import Mapping

import numpy as np

from keras_ganaug import _checks, _extras
from keras_ganaug.metrics import power_spectrum
from keras_ganaug.plots.picture import Picture, of_figure


def spectra(sets: Mapping[str, np.ndarray], value_range: tuple[float, float] = (0, 255)) -> Picture:
    """Draws the `metrics.power_spectrum` of several sets of images, such as real and synthetic ones.

    Generators leave traces. If the curve of the samples departs from that of real images at the right end, the samples are
    too smooth or too rough. A peak is a repeating pattern, such as the checkerboard of transposed convolutions. A classifier
    may learn to recognise synthetic images by such traces. Needs matplotlib.

    Reference: Durall et al. 2020, Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to
    Reproduce Spectral Distributions.

    Args:
        sets: Mapping from names to images, (n, height, width, channels), all of the same size.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).

    Returns a `plots.Picture`.

    Raises:
        ValueError, TypeError: For images of another shape, or that are not finite.
        ImportError: If matplotlib is not installed.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> real = kga.datasets.to_arrays(kga.datasets.load("digits")[0])[0]
    >>> noise = np.random.default_rng(0).uniform(0, 16, real.shape)
    >>> picture = kga.plots.spectra({"digits": real, "noise": noise}, value_range=(0, 16))
    """
    low, high = _checks.value_range(value_range)
    if not isinstance(sets, Mapping) or not sets:
        raise TypeError(f"`sets` must be a mapping from names to images, not empty. Received: sets={sets!r}")
    figure = _extras.load("matplotlib.figure").Figure(figsize=(5.0, 3.2))  # not by pyplot, whose backend belongs to the user
    axes = figure.add_subplot()
    for (name, images), style in zip(sets.items(), ("-", "--", "-.", ":") * len(sets)):
        frequencies, power = power_spectrum((np.asarray(images, np.float32) - low) / (high - low))
        axes.plot(frequencies, power, style, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(_extras.load("matplotlib.ticker").LogLocator(subs=(2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(labelsize=8, which="both")
    axes.set_xlabel("frequency, cycles per pixel")
    axes.set_ylabel("power")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.tight_layout()
    return of_figure(figure)
