"""Samples next to their nearest training images."""

from collections.abc import Callable, Sequence

import numpy as np

from keras_ganaug import _checks, _extras
from keras_ganaug.metrics._inputs import checked_images, warn_of_scales
from keras_ganaug.plots.grids import image_grid
from keras_ganaug.plots.picture import Picture

_CHUNK = 2048  # number of training images at a time, to bound memory


def nearest_images(
    samples: np.ndarray,
    training: np.ndarray,
    rows: int = 8,
    columns: int = 4,
    names: Sequence[str] | None = None,
    features: Callable[[np.ndarray], np.ndarray] | None = None,
    value_range: tuple[float, float] = (0, 255),
    zoom: int | None = None,
) -> Picture:
    """Draws samples next to their nearest training images, to see whether they are copies.

    The samples that are closest to a training image come first: if these are not copies, none is. `metrics.memorization`
    measures the same as a number. Needs scikit-learn and Pillow.

    Args:
        samples: Generated images, (n, height, width, channels).
        training: Training images, (m, height, width, channels).
        rows: Number of samples to draw, at least 1. Defaults to 8.
        columns: Number of training images to draw next to each, at least 1. Defaults to 4.
        names: A caption for each sample, such as its class. Defaults to None: rows show only the distance.
        features: Function from images to features, such as the result of `metrics.features_of`. Defaults to None: the
            distance is the root mean square of the pixel differences.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        zoom: See `plots.image_grid`. Defaults to None.

    Returns a `plots.Picture`, with the distance to the nearest training image next to each row.

    Raises:
        ValueError: For images that do not fit together, or are not finite.
        ImportError: If scikit-learn or Pillow is not installed.

    Example:

    >>> import keras_ganaug as kga
    >>> train, test = (kga.datasets.to_arrays(part)[0] for part in kga.datasets.load("digits"))
    >>> panel = kga.plots.nearest_images(test[:100], train, rows=3, value_range=(0, 16))
    """
    samples = checked_images(samples, "samples")
    training = checked_images(training, "training", samples.shape[1:])
    if names is not None and len(names) != len(samples):
        raise ValueError(f"`names` must be one for each of {len(samples)} samples. Received: {len(names)}")
    rows, columns = _checks.positive_int(rows, "rows"), _checks.positive_int(columns, "columns")
    warn_of_scales(training=training, samples=samples)
    asked = _described(samples, features)
    distances, nearest = np.zeros([len(samples), 0]), np.zeros([len(samples), 0], int)
    for start in range(0, len(training), _CHUNK):
        some = _described(training[start : start + _CHUNK], features)
        neighbors = _extras.load("sklearn.neighbors").NearestNeighbors(n_neighbors=min(columns, len(some)))
        found, rows_found = neighbors.fit(some).kneighbors(asked)
        distances, nearest = np.hstack([distances, found]), np.hstack([nearest, rows_found + start])
        order = np.argsort(distances, axis=1, kind="stable")[:, :columns]
        distances, nearest = np.take_along_axis(distances, order, 1), np.take_along_axis(nearest, order, 1)
    distances = distances if features is not None else distances / np.sqrt(asked.shape[1])
    order = np.argsort(distances[:, 0], kind="stable")[:rows]
    captions = [f"{'' if names is None else f'{names[row]}'}\n{distances[row, 0]:.3g}".strip() for row in order]
    groups = {"sample": samples[order][:, None], "nearest training images": training[nearest[order]]}
    return image_grid(groups, captions, value_range, zoom)


def _described(images, features):
    return np.asarray(images.reshape(len(images), -1) if features is None else features(images), np.float32)
