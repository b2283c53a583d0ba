"""The losses and the statistics of a study against references."""

import numpy as np
import pytest

from keras_ganaug import study
from keras_ganaug.study import losses, statistics

RNG = np.random.default_rng(0)


def _softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_losses_written_out():
    prior = np.array([0.7, 0.2, 0.1])
    logits, labels = RNG.normal(size=[5, 3]), np.array([0, 1, 2, 1, 0])
    one_hot, p = np.eye(3)[labels], _softmax(logits)
    p_y = p[range(5), labels]
    weighted = prior * np.exp(logits)  # balanced softmax: n_y exp(η_y) / Σ n_j exp(η_j)
    expected = {
        "cross_entropy": -np.log(p_y),
        "class_weights": -np.log(p_y) / (3 * prior[labels]),
        "balanced_softmax": -np.log(weighted[range(5), labels] / weighted.sum(1)),
        "focal": -((1 - p_y) ** 2) * np.log(p_y),
    }
    assert set(expected) == set(losses.NAMES)
    for name, values in expected.items():
        np.testing.assert_allclose(losses.make(name, prior)(one_hot, logits), values, rtol=1e-5)


def test_balanced_softmax_and_logit_adjustment_undo_the_prior():
    """The best logits for a prior p, told of it, are those for equal classes."""
    prior, likelihood = np.array([0.9, 0.1]), np.array([[0.3, 0.6]])  # p(x | y)
    posterior = prior * likelihood / (prior * likelihood).sum()
    balanced = likelihood / likelihood.sum()
    np.testing.assert_allclose(_softmax(losses.adjusted(np.log(posterior), prior)), balanced, rtol=1e-5)
    risk = [
        float((posterior[0] * losses.make("balanced_softmax", prior)(np.eye(2), np.log(q))).numpy().sum())
        for q in (np.repeat(balanced, 2, 0), np.repeat(posterior, 2, 0))
    ]
    assert risk[0] < risk[1]


def test_measures_against_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    logits, labels = RNG.normal(size=[200, 4]), RNG.integers(0, 4, 200)
    logits[range(200), labels] += 1
    figures = statistics.measure(logits, labels, counts=[1000, 100, 10, 10])
    named = logits.argmax(1)
    assert figures["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(labels, named))
    assert figures["macro_f1"] == pytest.approx(sklearn.f1_score(labels, named, average="macro"))
    recalls = sklearn.recall_score(labels, named, average=None)
    np.testing.assert_allclose(figures["recalls"], recalls)
    assert figures["head_recall"] == pytest.approx(recalls[0])
    assert figures["tail_recall"] == pytest.approx(recalls[2:].mean())


@pytest.mark.parametrize("sureness", [0.2, 1.0, 7.0])
def test_log_loss_is_that_of_equal_classes_at_the_best_temperature(sureness):
    metrics, optimize = pytest.importorskip("sklearn.metrics"), pytest.importorskip("scipy.optimize")
    labels = np.repeat(range(4), [80, 40, 20, 10])
    logits = 2 * (RNG.normal(size=[150, 4]) + np.eye(4)[labels])

    def at(log_temperature):
        p = _softmax(logits / np.exp(log_temperature))
        return metrics.log_loss(labels, p, sample_weight=1 / np.bincount(labels)[labels])

    least = optimize.minimize_scalar(at, bounds=(-3, 3), method="bounded").fun
    assert least < at(0) - 1e-3
    assert statistics.log_loss(sureness * logits, labels) == pytest.approx(least, rel=1e-3)
    assert statistics.measure(logits, labels, [1] * 4)["log_loss"] == pytest.approx(least, rel=1e-3)


def test_calibration_error_written_out():
    logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.81, 0.19], [0.6, 0.4]])
    labels = [0, 0, 1, 1]  # right, right, wrong, wrong
    # five bins: [0.6, 0.8) holds the last, [0.8, 1] the others
    expected = 0.25 * abs(0 - 0.6) + 0.75 * abs(2 / 3 - (0.9 + 0.8 + 0.81) / 3)
    assert statistics.measure(logits, labels, [1, 1], bins=5)["calibration_error"] == pytest.approx(expected)


def test_buckets():
    groups = statistics.buckets([500] * 5 + [20] * 5)
    assert groups["head"].tolist() == [True] * 5 + [False] * 5
    assert groups["tail"].tolist() == [False] * 5 + [True] * 5
    assert all(group.all() for group in statistics.buckets([7, 7]).values())
    logits = np.eye(3)[[0, 1, 2]]
    assert np.isnan(statistics.measure(logits, [0, 1, 2], [100, 10, 100])["middle_recall"])


@pytest.mark.parametrize("n", [3, 6, 10, 40])
def test_wilcoxon_against_scipy(n):
    stats = pytest.importorskip("scipy.stats")
    differences = RNG.normal(size=n) + 0.3
    expected = stats.wilcoxon(differences, method="exact" if n <= 16 else "asymptotic", correction=True).pvalue
    assert statistics.wilcoxon(differences) == pytest.approx(expected, rel=1e-6)


def test_wilcoxon_with_ties_and_zeros():
    assert statistics.wilcoxon([0.0, 0.0]) == 1
    # ranks 1.5, 1.5, 3: of 8 signs, two are as extreme as all positive
    assert statistics.wilcoxon([0.1, 0.1, 0.5, 0.0]) == pytest.approx(2 / 8)


def test_bootstrap_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    differences = RNG.normal(size=12) + 1
    options = {"n_resamples": 10_000, "method": "percentile", "rng": np.random.default_rng(1)}
    expected = stats.bootstrap([differences], np.mean, **options).confidence_interval
    np.testing.assert_allclose(statistics.paired_bootstrap(differences), expected, atol=0.03)


@pytest.mark.parametrize(("count", "folds", "level"), [(2, 2, 0.9), (6, 3, 0.9), (6, 3, 0.95), (40, 10, 0.5)])
def test_cross_validated_interval_against_scipy(count, folds, level):
    stats = pytest.importorskip("scipy.stats")
    differences = RNG.normal(size=count) + 1
    test_share = 1 / folds
    scale = differences.std(ddof=1) * np.sqrt(1 / count + test_share / (1 - test_share))
    expected = stats.t.interval(level, df=count - 1, loc=differences.mean(), scale=scale)
    np.testing.assert_allclose(statistics.cross_validated_interval(differences, folds, level), expected, rtol=1e-6)


def test_cross_validated_interval_of_the_least():
    assert statistics.cross_validated_interval([0.2], 3) == (-np.inf, np.inf)
    np.testing.assert_allclose(statistics.cross_validated_interval([0.2] * 4, 3), [0.2, 0.2])
    with pytest.raises(ValueError, match=r"`folds` must be at least 2. Received: folds=1"):
        statistics.cross_validated_interval([0.2, 0.3], 1)
    with pytest.raises(ValueError, match=r"`differences`.*Received"):
        statistics.cross_validated_interval([], 3)


def test_differences_of_rounding_are_ties():
    rounded = {"gan": [0.982, 0.5, 0.6], "plain": [0.9819999999999999, 0.4, 0.7]}
    figures = {name: [dict.fromkeys(statistics.METRICS, value) for value in values] for name, values in rounded.items()}
    compared = study.Report(figures, [0, 1, 2], ["gan"], ["plain"]).compare("gan", "plain")
    assert compared["wins"] == 1
    assert compared["p_value"] == 1.0
    assert statistics.wilcoxon([2e-16, 0.01, 0.02, -0.03]) == statistics.wilcoxon([0.0, 0.01, 0.02, -0.03]) == 1.0
    assert np.isnan(statistics.wilcoxon([np.nan] * 3))
