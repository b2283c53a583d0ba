"""Distances between two sets of features.

With features from the Inception network of the papers, these would be FID and KID. With other features, as here, their
values cannot be compared with published ones, only with each other.
"""

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.metrics._inputs import feature_sets


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """The Fréchet distance between Gaussians that are fitted to two sets of features.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½). The estimate from few samples is too large, so compare only estimates from the
    same number of samples.

    Reference: Dowson and Landau 1982; Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule.

    Args:
        real: Features of real images, float array of shape (n, d).
        fake: Features of generated images, float array of shape (m, d).

    Returns a float of at least 0.

    Raises:
        ValueError: For arrays of other shapes, fewer than two rows, or values that are not finite.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> x = np.random.default_rng(0).normal(size=[500, 3])
    >>> print(f"{metrics.frechet_distance(x, x + [2.0, 0.0, 0.0]):.3f}")
    4.000
    """
    real, fake = feature_sets(real=real, fake=fake)
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (real, fake))
    # tr (Σ₁ Σ₂)^½ is that of the symmetric Σ₁^½ Σ₂ Σ₁^½, whose eigenvalues are real and not negative.
    root = _root(first)
    eigenvalues = np.linalg.eigvalsh(root @ second @ root)
    trace = np.trace(first) + np.trace(second) - 2.0 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return max(float(((real.mean(0) - fake.mean(0)) ** 2).sum() + trace), 0.0)


def kernel_distance(real: np.ndarray, fake: np.ndarray, subsets: int = 50, subset_size: int = 1000, seed: int = 0) -> float:
    """The squared maximum mean discrepancy with the kernel (xᵀy / d + 1)³, unbiased, averaged over subsets.

    Unlike the Fréchet distance, its expectation does not depend on the number of samples. It can be slightly below 0.

    Reference: Bińkowski et al. 2018, Demystifying MMD GANs.

    Args:
        real: Features of real images, float array of shape (n, d).
        fake: Features of generated images, float array of shape (m, d).
        subsets: Number of subsets. Defaults to 50.
        subset_size: Samples in each subset, without repetition; at most as many as there are. Defaults to 1000.
        seed: Integer, for the choice of subsets. Defaults to 0.

    Raises:
        ValueError: For arrays of other shapes, fewer than two rows, or values that are not finite.
    """
    real, fake = feature_sets(real=real, fake=fake)
    _checks.positive_int(subsets, "subsets")
    size = min(_checks.positive_int(subset_size, "subset_size"), len(real), len(fake))
    rng = np.random.default_rng(seed)
    subsets = 1 if size == len(real) == len(fake) else subsets  # all subsets would be the same
    values = []
    for _ in range(subsets):
        x, y = (of[rng.choice(len(of), size, replace=False)] for of in (real, fake))
        xx, yy, xy = (_cube(a @ b.T / real.shape[1] + 1.0) for a, b in ((x, x), (y, y), (x, y)))
        off_diagonal = sum((k.sum() - np.trace(k)) / (size * (size - 1)) for k in (xx, yy))
        values.append(off_diagonal - 2.0 * xy.mean())
    return float(np.mean(values))


def _cube(x):
    return x * x * x  # many times faster than a power


def _root(matrix):
    """The symmetric square root of a covariance matrix."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.T
