"""The pictures of a report."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_ganaug import _extras, plots
from keras_ganaug.plots.picture import Picture, of_figure
from keras_ganaug.study import statistics
from keras_ganaug.study.report_data import Samples

_LOOKS = {"gan": ("tab:red", "with the GAN"), "none": ("tab:blue", "without"), "control": ("tab:gray", "control")}
_COLUMNS = 4  # number of real images of a class, and of synthetic ones
_MOST = 2000  # number of real images in a spectrum


def of_arms(report: Any, order: Sequence[str], label: str) -> Picture:
    """Plots the deciding metric of arms, the first on top: a dot for each seed, the mean, and its 95% interval."""
    figure = _extras.load("matplotlib.figure").Figure(figsize=(5.2, 0.3 * len(order) + 1.3))  # without pyplot
    axes, legend = figure.add_subplot(), {}
    for n, arm in enumerate(reversed(order)):
        values = 100 * np.array(report.arms[arm][report.metric])
        color, name = _LOOKS.get(report.kinds[arm], _LOOKS["control"])
        interval = statistics.paired_interval(values)
        if interval is not None:
            axes.plot(interval, [n, n], "-", color=color, linewidth=1)
        axes.plot(values, np.full(len(values), n), "o", color=color, alpha=0.5, markersize=4.5, markeredgewidth=0)
        [legend[name]] = axes.plot(values.mean(), n, "|", color=color, markersize=11, markeredgewidth=2.5)
    axes.set_yticks(range(len(order)), list(reversed(order)), fontsize=8)
    axes.set_xlabel(label, fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(legend.values(), legend, loc="upper center", ncols=len(legend), frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.28 / figure.get_figheight()))
    return of_figure(figure)


def grid_of_samples(samples: Samples, names: Sequence[str]) -> Picture:
    """Draws real images next to synthetic ones, with a row for each class. `names` are those of all classes."""
    classes, high = np.unique(samples.synthetic_classes), samples.value_range[1]
    real = np.full([len(classes), _COLUMNS, *samples.training.shape[1:]], high, np.float32)
    for row, c in enumerate(classes):
        some = samples.training[samples.classes == c][:_COLUMNS]
        real[row, : len(some)] = some
    made = np.stack([samples.synthetic[samples.synthetic_classes == c][:_COLUMNS] for c in classes])
    groups = {"real": real, "synthetic": made}
    return plots.image_grid(groups, [names[c] for c in classes], samples.value_range)


def nearest_to_samples(samples: Samples, names: Sequence[str]) -> Picture:
    """Draws the samples that are closest to a training image, next to it."""
    of = [names[c] for c in samples.synthetic_classes]
    return plots.nearest_images(samples.synthetic, samples.training, 6, 4, of, value_range=samples.value_range)


def spectra_of_samples(samples: Samples) -> Picture:
    """Plots the spectra of real and synthetic images of the same classes."""
    real = samples.training[np.isin(samples.classes, samples.synthetic_classes)][:_MOST]
    return plots.spectra({"real": real, "synthetic": samples.synthetic}, samples.value_range)
