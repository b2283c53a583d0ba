"""Diversity of samples within classes."""

from typing import Any

import numpy as np

from keras_ganaug import _checks, _watch
from keras_ganaug.metrics._inputs import checked_labels


def within_class_diversity(
    images: np.ndarray, labels: Any, num_classes: int, pairs: int = 2000, seed: int = 0
) -> np.ndarray:
    """The mean Euclidean distance between two images of the same class, for each class.

    In a collapsed class it is close to 0. Divide it by that of real images to get the share of the real diversity.

    Args:
        images: Real array of shape (n, ...): pixels or features.
        labels: Integer class indices of shape (n,).
        num_classes: Number of classes.
        pairs: Number of pairs of different images drawn in each class. Defaults to 2000.
        seed: Integer, for drawing the pairs. Defaults to 0.

    Returns a float64 array of shape (num_classes,); NaN for a class with fewer than two images.

    Raises:
        ValueError: For an argument out of its range, or images that are not finite.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> metrics.within_class_diversity([[0.0], [3.0], [7.0], [7.0]], [0, 0, 1, 1], num_classes=2)
    array([3., 0.])
    """
    images = np.asarray(images)
    num_classes = _checks.positive_int(num_classes, "num_classes")
    pairs, seed = _checks.positive_int(pairs, "pairs"), _checks.non_negative_int(seed, "seed")
    labels = checked_labels(images, labels, num_classes)
    _watch.not_finite(images, "images")
    rng = np.random.default_rng(seed)
    result = np.full(num_classes, np.nan)
    for c in range(num_classes):
        rows = np.flatnonzero(labels == c)
        if len(rows) < 2:
            continue
        of_class = images[rows].reshape(len(rows), -1).astype(np.float32)
        first, second = rng.integers(len(rows), size=pairs), rng.integers(len(rows) - 1, size=pairs)
        second += second >= first  # another image
        result[c] = np.linalg.norm(of_class[first] - of_class[second], axis=1).mean()
    return result
