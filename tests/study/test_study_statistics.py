"""The losses and the statistics of a study against references."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import study
from keras_ganaug.study import losses, statistics

stats = pytest.importorskip("scipy.stats")
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
    assert {*expected, *losses.OF_GROUPS} == {*losses.NAMES}
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


def _signed_rank_p(differences):
    """Wilcoxon's p-value from all signs that the ranks could have had."""
    ranks = stats.rankdata(np.abs(differences))
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(ranks))])
    middle = ranks.sum() / 2
    return np.mean(np.abs(sums - middle) >= abs(ranks[differences > 0].sum() - middle) - 1e-9)


@pytest.mark.parametrize("n", [1, 3, 6, 11])
def test_wilcoxon_counted_out(n):
    differences = RNG.normal(size=n) + 0.3
    assert statistics.wilcoxon(differences) == pytest.approx(_signed_rank_p(differences), rel=1e-6)
    ties = RNG.choice([-0.02, -0.01, 0.01, 0.02, 0.03], size=n)
    assert statistics.wilcoxon(ties) == pytest.approx(_signed_rank_p(ties), rel=1e-6)


def test_wilcoxon_with_ties_and_zeros():
    assert statistics.wilcoxon([0.0, 0.0]) == 1
    # ranks 1.5, 1.5, 3: of 8 signs, two are as extreme as all positive
    assert statistics.wilcoxon([0.1, 0.1, 0.5, 0.0]) == pytest.approx(2 / 8)


@pytest.mark.parametrize(("n", "level"), [(3, 0.95), (5, 0.9), (10, 0.95)])
def test_paired_interval_against_scipy(n, level):
    arm, other = RNG.normal(size=[2, n]) + 1
    expected = stats.ttest_rel(arm, other).confidence_interval(level)
    np.testing.assert_allclose(statistics.paired_interval(arm - other, level), expected, rtol=1e-6)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_interval_covers_what_it_says(n):
    trials = 3000
    differences = np.random.default_rng(n).normal(0.01, 0.02, [trials, n])
    low, high = np.transpose([statistics.paired_interval(row) for row in differences])
    assert np.mean((low < 0.01) & (high > 0.01)) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / trials))


def test_a_bootstrap_of_three_covers_less():
    """Why the interval is none: 70 to 75% of the percentile bootstrap's hold the mean where 95% should."""
    rng = np.random.default_rng(3)
    means = rng.normal(size=[3000, 3])[:, rng.integers(3, size=[500, 3])].mean(-1)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    assert 0.7 < np.mean((low < 0) & (high > 0)) < 0.78


def test_too_few_seeds_for_an_interval():
    assert statistics.paired_interval([0.1]) is statistics.paired_interval([0.1, 0.2]) is None
    assert statistics.paired_interval([0.1] * 3) == (pytest.approx(0.1), pytest.approx(0.1))
    assert np.isnan(statistics.paired_interval([0.1, np.nan, 0.2])).all()
    with pytest.raises(ValueError, match=r"`differences`.*Received"):
        statistics.paired_interval([])


def _report(gan, plain):
    figures = {"gan": gan, "plain": plain}
    runs = {name: [dict.fromkeys(statistics.METRICS, value) for value in values] for name, values in figures.items()}
    return study.Report(runs, range(len(gan)), {"gan": "gan", "plain": "none"})


def test_a_report_says_how_sure_it_is():
    report = _report([0.60, 0.66, 0.64], [0.58, 0.62, 0.63])
    low, high = report.compare("gan", "plain")["interval"]
    half = 4.302653 * np.std([0.02, 0.04, 0.01], ddof=1) / np.sqrt(3)  # the t table's 0.975 of two degrees of freedom
    assert (low, high) == (pytest.approx(0.07 / 3 - half, rel=1e-6), pytest.approx(0.07 / 3 + half, rel=1e-6))
    assert f"95% interval {100 * low:+.1f} to {100 * high:+.1f}" in report.verdict()
    assert report.verdict().startswith("No clear difference")
    few = _report([0.60, 0.66], [0.58, 0.62])
    assert few.compare("gan", "plain")["interval"] is None
    assert few.verdict().startswith("Too few seeds for a verdict: +3.0 points")
    assert "too few seeds for an interval" in few.verdict()
    lost = _report([0.60, np.nan, 0.64], [0.58, 0.62, 0.63])
    assert np.isnan(lost.compare("gan", "plain")["interval"]).all()
    assert "no interval, since not all seeds were measured" in lost.verdict()


def test_a_study_without_scipy_says_what_to_install():
    code = """
import sys
for module in ("scipy", "sklearn", "imblearn", "filelock", "matplotlib"):
    sys.modules[module] = None
import keras_ganaug as kga
from keras_ganaug.study import statistics
import numpy as np
data = np.zeros([60, 8, 8, 1], "uint8"), np.arange(60) % 2
filtered = {"a": kga.study.Arm(synthetic=kga.study.Synthetic(band=(0, 1)))}
classifier = lambda *_: print("trained")
for call in (
    lambda: statistics.paired_interval([0.1, 0.2, 0.3]),
    lambda: kga.recommend(data, classifier, build=classifier),
    lambda: kga.study.cross_fitted_classifier(classifier, *data, seed=1),
    lambda: kga.AugmentationStudy(data, data, classifier, filtered, on_top_of=None),
    lambda: kga.study.Report({"a": [{"balanced_accuracy": 0.5}]}, [0], {"a": "none"}).plot(),
    lambda: kga.study.results.Results("results.json").lock(),
):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    packages = [line.split('pip install "keras_ganaug[study]"')[0] for line in output.splitlines()]
    needed = ("This needs scipy", "This needs scipy", "This needs scikit-learn", "'a' needs scikit-learn")
    for words, line in zip((*needed, "This needs matplotlib", "`directory` needs filelock"), packages, strict=True):
        assert words in line


@pytest.mark.parametrize(("count", "folds", "level"), [(2, 2, 0.9), (6, 3, 0.9), (6, 3, 0.95), (40, 10, 0.5)])
def test_cross_validated_interval_against_scipy(count, folds, level):
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
    compared = _report([0.982, 0.5, 0.6], [0.9819999999999999, 0.4, 0.7]).compare("gan", "plain")
    assert compared["wins"] == 1
    assert compared["p_value"] == 1.0
    assert statistics.wilcoxon([2e-16, 0.01, 0.02, -0.03]) == statistics.wilcoxon([0.0, 0.01, 0.02, -0.03]) == 1.0
    assert np.isnan(statistics.wilcoxon([np.nan] * 3))


def test_what_a_report_writes_is_whole_and_json(tmp_path):
    report = _report([0.60, np.nan], [0.58, 0.62])
    path = tmp_path / "new" / "report.json"
    report.to_json(path, setting={"more": [np.float32(0.5), np.nan, float("inf")], "n": np.int64(3)})
    content = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert content["setting"] == {"more": [0.5, None, None], "n": 3}
    assert content["arms"]["gan"]["log_loss"] == [0.6, None]
    before = path.read_text()
    with pytest.raises(TypeError, match=r"plain values\. Received: <object"):
        report.to_json(path, setting=object())
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    path, report = tmp_path / "report.html", _report([0.60, 0.7], [0.58, 0.62])
    path.write_text("old")

    def killed(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tf.io.gfile, "rename", killed)
        for write in (report.to_html, report.to_json, report.plot):
            with pytest.raises(KeyboardInterrupt):
                write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    report.to_html(path)
    assert "too few seeds for an interval" in path.read_text(encoding="utf-8")
