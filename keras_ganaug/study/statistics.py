"""What is measured of a classifier, and whether two arms differ."""

import math

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.study import extras

BUCKETS = ("head", "middle", "tail")
METRICS = (
    "balanced_accuracy",
    "macro_f1",
    "head_recall",
    "middle_recall",
    "tail_recall",
    "calibration_error",
    "log_loss",
)
FEWEST = 3
"""Pairs below which there is no interval of their mean difference."""

_TEMPERATURES = np.geomspace(0.1, 100.0, 121)


def buckets(counts):
    """Which classes are head, middle and tail, from how many training images each has.

    The range from the smallest count to the largest is cut into three equal parts on a logarithmic scale. Where all classes
    are equally large, each belongs to all three.

    Args:
        counts: Images of each class, a sequence.

    Returns a dict of three bool arrays.

    Example:

    >>> from keras_ganaug.study import statistics
    >>> statistics.buckets([4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40])["tail"].tolist()[-4:]
    [False, True, True, True]
    """
    logs = np.log(np.maximum(np.asarray(counts, np.float64), 1.0))
    low, high = logs.min(), logs.max()
    if low == high:
        return {name: np.ones(len(logs), bool) for name in BUCKETS}
    third = (high - low) / 3
    head, tail = logs > high - third, logs < low + third
    return dict(zip(BUCKETS, (head, ~head & ~tail, tail), strict=True))


def measure(logits, labels, counts, bins=15):
    """The figures of a classifier on test images.

    Args:
        logits: Float array (n, C).
        labels: Class indices (n,).
        counts: Training images of each class, for the buckets.
        bins: Of the expected calibration error (Guo et al. 2017). Defaults to 15.

    Returns a dict with the `METRICS`, floats from 0 to 1, but for the log loss, which is in nats; NaN for an empty bucket.
    And `recalls`, a list, by class.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    num_classes = logits.shape[1]
    named = logits.argmax(1)
    confusion = np.zeros([num_classes, num_classes])
    np.add.at(confusion, (labels, named), 1)
    right, of_class, as_class = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    there = of_class > 0
    recalls = np.where(there, right / np.maximum(of_class, 1), np.nan)
    f1 = 2 * right / np.maximum(of_class + as_class, 1)
    groups = buckets(counts)

    def mean(values, which):
        return float(values[which].mean()) if which.any() else float("nan")

    return {
        "balanced_accuracy": mean(recalls, there),
        "macro_f1": mean(f1, there),
        **{f"{name}_recall": mean(recalls, which & there) for name, which in groups.items()},
        "calibration_error": _calibration_error(logits, named == labels, bins),
        "log_loss": log_loss(logits, labels),
        "recalls": recalls.tolist(),
    }


def log_loss(logits, labels):
    """The mean over the classes of the mean of -log p(label), at the temperature that suits these images best.

    It says more of a few images than how many of them are named right, and the temperature, as in temperature scaling (Guo
    et al. 2017), keeps a classifier that is too sure of itself from being judged by that alone.

    Args:
        logits: Float array (n, C).
        labels: Class indices (n,).

    Returns a float of at least 0.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    weights = 1 / np.bincount(labels)[labels]
    weights /= weights.sum()
    above = logits - logits[np.arange(len(labels)), labels][:, None]
    highest = above.max(1, keepdims=True)

    def at(temperature):
        exponentials = np.exp((above - highest) / temperature).sum(1)
        return weights @ (highest[:, 0] / temperature + np.log(exponentials))

    return float(min(at(temperature) for temperature in _TEMPERATURES))


def _calibration_error(logits, right, bins):
    """Σ (share of a bin) |its accuracy - its mean confidence|, over equal bins of confidence."""
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    confidence = (exponentials / exponentials.sum(1, keepdims=True)).max(1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def paired_interval(differences, level=0.95):
    """The t interval of a mean difference of pairs.

    It assumes that differences are normal and independent, as those of seeds with data of their own are, and covers the mean
    as often as `level` says for any number of pairs. With two pairs it is so wide that it says nothing.

    Args:
        differences: One for each pair, here for each seed: float array (n,).
        level: Coverage, above 0 and below 1. Defaults to 0.95.

    Returns `(lowest, highest)`; NaN if one of the differences is; None if there are fewer than three.

    Raises:
        ImportError: Without SciPy.
        ValueError: For differences that are not of the shape (n,).
    """
    differences = _series(differences)
    if len(differences) < FEWEST:
        return None
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return _t_interval(differences, error, level)


def in_words(interval, level=0.95):
    """An interval of shares in words, in points: "95% interval -0.6 to +0.2"."""
    if interval is None:
        return "too few seeds for an interval"
    if np.isnan(interval).any():
        return "no interval, since not all seeds were measured"
    low, high = (100 * value for value in interval)
    return f"{level:.0%} interval {low:+.1f} to {high:+.1f}"


def cross_validated_interval(differences, folds, level=0.95):
    """A confidence interval of a mean difference over the folds of a repeated cross-validation.

    Any two of these share most of their training images, so that their differences are alike, and their mean is further from
    the truth than the spread says: the variance of the mean is not s²/J but s² (1/J + n_test/n_train), in a t test of J - 1
    degrees of freedom (the corrected resampled t test).

    Reference: Nadeau and Bengio 2003, Inference for the Generalization Error, section 3.

    Args:
        differences: One for each of the J folds of all repetitions: float array (J,).
        folds: Into how many parts the data were cut, at least 2: n_test/n_train is 1 / (folds - 1).
        level: Coverage, above 0 and below 1. Defaults to 0.95.

    Returns `(lowest, highest)`; infinite for a single difference.

    Raises:
        ImportError: Without SciPy.
        ValueError: For differences that are not of the shape (n,), and fewer than two folds.
    """
    differences = _series(differences)
    if _checks.positive_int(folds, "folds") < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    count = len(differences)
    if count == 1:
        return -math.inf, math.inf
    error = differences.std(ddof=1) * math.sqrt(1 / count + 1 / (folds - 1))
    return _t_interval(differences, error, level)


def _series(differences):
    differences = np.asarray(differences, np.float64)
    if differences.ndim != 1 or not len(differences):
        raise ValueError(f"`differences` must have the shape (n,). Received: shape {differences.shape}")
    return differences


def _t_interval(differences, error, level):
    """The mean ± the quantile of Student's t distribution times the standard error; a point where the error is 0."""
    half = extras.load("scipy.stats").t.ppf((1 + level) / 2, len(differences) - 1) * error
    middle = differences.mean()
    return float(middle - half), float(middle + half)


def without_rounding(differences):
    """Differences of shares without what the last bits of floating-point numbers add: equal ones are equal then."""
    return np.round(np.asarray(differences, np.float64), 12)


def wilcoxon(differences):
    """The two-sided p-value of Wilcoxon's signed-rank test (1945), by SciPy: exact with few pairs, else an approximation.

    Differences of 0 are dropped, and ties share their mean rank; what differs by rounding alone is a tie. With few seeds it
    cannot be small: with five at least 0.0625, with ten 0.002.

    Args:
        differences: One for each pair: float array (n,).

    Returns a float; 1 if all differences are 0, and NaN if one of them is.

    Raises:
        ImportError: Without SciPy.
    """
    differences = without_rounding(differences)
    if np.isnan(differences).any():
        return math.nan
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    return float(extras.load("scipy.stats").wilcoxon(differences, correction=True).pvalue)
