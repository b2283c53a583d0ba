"""Metrics against closed forms and against sums written out."""

import numpy as np
import pytest

from keras_ganaug import metrics

RNG = np.random.default_rng(0)


def test_frechet_distance_is_its_closed_form():
    """Features whose sample moments are exactly those asked for: the distance of the two Gaussians is then exact."""

    def with_moments(mean, covariance, n=400):
        x = RNG.normal(size=[n, 3])
        x -= x.mean(0)
        x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T  # now of covariance 1
        return x @ np.linalg.cholesky(covariance).T + mean

    root = RNG.normal(size=[3, 3])
    rotation, _ = np.linalg.qr(root)
    # Covariances that commute: tr (Σ₁ Σ₂)^½ is the sum of the roots of the products of their eigenvalues.
    a, b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 0.2, 0.5])
    first, second = (rotation @ np.diag(values) @ rotation.T for values in (a, b))
    means = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, -1.0])
    expected = ((means[0] - means[1]) ** 2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    result = metrics.frechet_distance(with_moments(means[0], first), with_moments(means[1], second))
    assert result == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_against_scipys_matrix_root():
    linalg = pytest.importorskip("scipy.linalg")
    x, y = RNG.normal(size=[50, 6]), RNG.normal(size=[40, 6]) @ RNG.normal(size=[6, 6]) + 1
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(first @ second).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_the_unbiased_sum_written_out():
    x, y = RNG.normal(size=[7, 3]), RNG.normal(size=[7, 3]) + 0.5

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    pairs = [(i, j) for i in range(7) for j in range(7)]
    expected = (
        sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs if i != j) / 42 - 2 * sum(k(x[i], y[j]) for i, j in pairs) / 49
    )
    assert metrics.kernel_distance(x, y, subsets=2) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_of_one_distribution_is_about_0_and_grows_with_the_difference():
    x, y = RNG.normal(size=[2, 2000, 4])
    values = [metrics.kernel_distance(x, y + shift, subset_size=500) for shift in (0.0, 0.3, 1.0)]
    assert abs(values[0]) < 0.02
    assert values[0] < values[1] < values[2]


def test_precision_recall_density_coverage_written_out():
    real, fake, k = RNG.normal(size=[30, 2]), RNG.normal(size=[20, 2]) * 0.5 + 0.5, 3

    def distance(a, b):
        return np.linalg.norm(a - b)

    real_radii = [sorted(distance(a, b) for b in real)[k] for a in real]
    fake_radii = [sorted(distance(a, b) for b in fake)[k] for a in fake]
    inside = [[distance(f, r) <= radius for r, radius in zip(real, real_radii)] for f in fake]
    expected = {
        "precision": np.mean([any(row) for row in inside]),
        "recall": np.mean([any(distance(r, f) <= radius for f, radius in zip(fake, fake_radii)) for r in real]),
        "density": np.sum(inside) / (k * 20),
        "coverage": np.mean([min(distance(f, r) for f in fake) <= radius for r, radius in zip(real, real_radii)]),
    }
    assert metrics.precision_recall_density_coverage(real, fake, k) == pytest.approx(expected)


def test_what_the_four_shares_are_for():
    real = np.concatenate([RNG.normal(size=[1500, 2]), RNG.normal(size=[1500, 2]) + 50])
    both, one = real + RNG.normal(size=real.shape) * 0.01, real[:1500].repeat(2, 0) + RNG.normal(size=real.shape) * 0.01
    complete, collapsed = (metrics.precision_recall_density_coverage(real, fake) for fake in (both, one))
    assert min(complete.values()) > 0.9
    assert collapsed["precision"] > 0.9
    assert collapsed["recall"] < 0.6
    assert collapsed["coverage"] < 0.6


def test_within_class_diversity():
    images = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 1.0], [1.0, 2.0], [9.0, 9.0]])
    result = metrics.within_class_diversity(images, np.array([0, 0, 1, 1, 1, 2]), 4, pairs=20000)
    assert result[0] == 5
    assert result[1] == pytest.approx(2 / 3, abs=0.02)
    assert np.isnan(result[2:]).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.frechet_distance(np.zeros([3]), np.zeros([3, 2])),
        lambda: metrics.frechet_distance(np.zeros([3, 2]), np.zeros([3, 4])),
        lambda: metrics.kernel_distance(np.full([3, 2], np.nan), np.zeros([3, 2])),
        lambda: metrics.kernel_distance(np.zeros([3, 2]), np.zeros([3, 2]), subsets=0),
        lambda: metrics.precision_recall_density_coverage(np.zeros([3, 2]), np.zeros([9, 2]), k=5),
        lambda: metrics.within_class_diversity(np.zeros([3, 2]), np.zeros([4], int), 2),
        lambda: metrics.within_class_diversity(np.zeros([3, 2]), np.array([0, 1, 2]), 2),
    ],
)
def test_bad_calls(call):
    with pytest.raises(ValueError, match=r"`\w+`.*Received"):
        call()
