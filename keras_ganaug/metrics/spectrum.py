"""The frequency spectrum of images."""

import numpy as np

from keras_ganaug.metrics._inputs import checked_images


def power_spectrum(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The power of images by frequency, averaged over all directions, images and channels.

     |DFT|² / (height · width) of each channel minus its mean, averaged over the frequencies with the same distance from 0,
     up to half a step. White noise of variance σ² has the power σ² everywhere.

    Reference: Durall et al. 2020, Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to
    Reproduce Spectral Distributions.

    Args:
        images: Real array of shape (n, height, width, channels).

    Returns `(frequencies, power)`, float64 arrays: frequencies in cycles per pixel, from one cycle on the smaller side to
    half a cycle per pixel.

    Raises:
        ValueError: For an array of another shape, of images below 2×2, or with values that are not finite.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> frequencies, power = metrics.power_spectrum(np.random.default_rng(0).normal(size=[2000, 8, 8, 1]))
    >>> frequencies
    array([0.125, 0.25 , 0.375, 0.5  ])
    >>> power.round(1)
    array([1., 1., 1., 1.])
    """
    images = checked_images(images)
    height, width = images.shape[1:3]
    side = min(height, width)
    if side < 2:
        raise ValueError(f"`images` must be of at least 2×2 pixels. Received: shape {images.shape}")
    total = np.zeros([height, width])
    for image in images:
        image = image.astype(np.float64)
        total += (np.abs(np.fft.fft2(image - image.mean((0, 1)), axes=(0, 1))) ** 2).mean(2)
    power = total / (len(images) * height * width)
    distance = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    place = np.floor(distance * side + 0.5).astype(int).ravel()
    sums, counts = np.bincount(place, power.ravel()), np.bincount(place)
    rings = np.arange(1, side // 2 + 1)
    return rings / side, sums[rings] / counts[rings]
