"""How much of what is generated is real, and how much of what is real is generated."""

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.metrics.distances import _feature_sets

_ROWS = 1000  # of a matrix of distances at a time, to bound memory


def precision_recall_density_coverage(real, fake, k=5):
    """Four shares that compare two sets of features by balls around their points, as large as its k-th neighbour is far.

    - precision: the share of fakes within a real point's ball; recall: the share of real points within a fake's ball;
    - density: the mean number of real balls around a fake, over k (may be above 1); coverage: the share of real points whose
      ball holds a fake.

    References: Kynkäänniemi et al. 2019, Improved Precision and Recall Metric for Assessing Generative Models; Naeem et al.
    2020, Reliable Fidelity and Diversity Metrics for Generative Models.

    Args:
        real: Features of real images, float array of shape (n, d).
        fake: Features of generated images, float array of shape (m, d).
        k: Which neighbour, at least 1. Defaults to 5.

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
    real, fake = _feature_sets(real, fake)
    k = _checks.positive_int(k, "k")
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"`k` must be below the number of features. Received: k={k} for {len(real)} and {len(fake)}")
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    in_real_balls, nearest = np.zeros(len(fake)), np.full(len(real), np.inf)
    in_fake_ball = np.zeros(len(real), bool)
    for rows in _blocks(len(fake)):
        distances = _distances(fake[rows], real)
        in_real_balls[rows] = (distances <= real_radii).sum(1)
        in_fake_ball |= (distances <= fake_radii[rows, None]).any(0)
        nearest = np.minimum(nearest, distances.min(0))
    return {
        "precision": float((in_real_balls > 0).mean()),
        "recall": float(in_fake_ball.mean()),
        "density": float(in_real_balls.mean() / k),
        "coverage": float((nearest <= real_radii).mean()),
    }


def _blocks(n):
    return [slice(start, start + _ROWS) for start in range(0, n, _ROWS)]


def _distances(x, y):
    """Squared distances between all rows of x and of y."""
    return np.maximum((x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2.0 * x @ y.T, 0.0)


def _radii(features, k):
    """The squared distance of each point from its k-th neighbour, itself not counted."""
    return np.concatenate(
        [np.partition(_distances(features[rows], features), k, axis=1)[:, k] for rows in _blocks(len(features))]
    )
