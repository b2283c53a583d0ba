"""Precision and recall: how many samples look real, and how many real images the samples cover."""

from collections.abc import Callable

import numpy as np

from keras_ganaug import _checks, _extras
from keras_ganaug.metrics._inputs import feature_sets


def precision_recall_density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> dict[str, float]:
    """Compares two sets of features through balls around their points, each reaching to the k-th nearest neighbour.

    - precision: the share of fakes inside the ball of a real point
    - recall: the share of real points inside the ball of a fake
    - density: the mean number of real balls around a fake, divided by k (may be above 1)
    - coverage: the share of real points whose ball contains a fake

    Needs scikit-learn.

    References: Kynkäänniemi et al. 2019, Improved Precision and Recall Metric for Assessing Generative Models; Naeem et al.
    2020, Reliable Fidelity and Diversity Metrics for Generative Models.

    Args:
        real: Features of real images, float array of shape (n, d).
        fake: Features of generated images, float array of shape (m, d).
        k: Which nearest neighbour, at least 1. Defaults to 5.

    Returns a dict of four floats.

    Raises:
        ValueError: For arrays of other shapes, fewer than k + 1 rows, or values that are not finite.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> x = np.random.default_rng(0).normal(size=[200, 2])
    >>> metrics.precision_recall_density_coverage(x, x[:20] + 100.0)
    {'precision': 0.0, 'recall': 0.0, 'density': 0.0, 'coverage': 0.0}
    """
    real, fake = feature_sets(real=real, fake=fake)
    k = _checks.positive_int(k, "k")
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"`k` must be below the number of features. Received: k={k} for {len(real)} and {len(fake)}")
    real_radii, fake_radii = (over_distances(lambda d: np.partition(d, k, axis=1)[:, k], of) for of in (real, fake))
    real_balls = over_distances(lambda distances: (distances <= real_radii).sum(1), fake, real)
    return {
        "precision": float((real_balls > 0).mean()),
        "recall": float(over_distances(lambda distances: (distances <= fake_radii).any(1), real, fake).mean()),
        "density": float(real_balls.mean() / k),
        "coverage": float((nearest(real, fake)[0] <= real_radii).mean()),
    }


def nearest(x: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of x, the Euclidean distance to the nearest row of others, float64 (n,), and its index, int64 (n,)."""
    distances, indices = over_distances(lambda d: np.stack([d.min(1), d.argmin(1)], 1), x, others).T
    return distances, indices.astype("int64")


def over_distances(function: Callable, x: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Applies a function to the Euclidean distances from rows of x to all rows of others (or of x), some rows at a time."""
    chunks = _extras.load("sklearn.metrics").pairwise_distances_chunked
    return np.concatenate([*chunks(x, others, reduce_func=lambda distances, start: function(distances))])
