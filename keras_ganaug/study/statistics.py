"""What is measured of a classifier, and whether two arms differ."""

import itertools
import math

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks

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


def paired_bootstrap(differences, level=0.95, draws=10_000, seed=0):
    """A confidence interval of a mean difference, from resampling pairs.

    Args:
        differences: One for each pair, here for each seed: float array (n,).
        level: Coverage, above 0 and below 1. Defaults to 0.95.
        draws: How often n pairs are drawn with repetition. Defaults to 10,000.
        seed: Integer. Defaults to 0.

    Returns `(lowest, highest)`.
    """
    differences = np.asarray(differences, np.float64)
    _checks.positive_int(draws, "draws")
    if differences.ndim != 1 or not len(differences):
        raise ValueError(f"`differences` must have the shape (n,). Received: shape {differences.shape}")
    rng = np.random.default_rng(seed)
    means = differences[rng.integers(len(differences), size=[draws, len(differences)])].mean(1)
    return tuple(float(value) for value in np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))


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
    """
    differences = np.asarray(differences, np.float64)
    if differences.ndim != 1 or not len(differences):
        raise ValueError(f"`differences` must have the shape (n,). Received: shape {differences.shape}")
    if _checks.positive_int(folds, "folds") < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    count = len(differences)
    if count == 1:
        return -math.inf, math.inf
    deviation = differences.std(ddof=1) * math.sqrt(1 / count + 1 / (folds - 1))
    half, middle = _t_quantile((1 + level) / 2, count - 1) * deviation, differences.mean()
    return float(middle - half), float(middle + half)


def _t_quantile(share, freedom):
    """The quantile of Student's t distribution, for a share above a half."""
    low, high = 0.0, 1.0  # of x = ν / (ν + t²), whose incomplete beta function is P(|T| > t)
    for _ in range(60):
        x = (low + high) / 2
        beyond = float(tf.math.betainc(*(tf.constant(value, tf.float64) for value in (freedom / 2, 0.5, x))))
        low, high = (x, high) if beyond < 2 * (1 - share) else (low, x)
    return math.sqrt(freedom * (1 / high - 1))


def without_rounding(differences):
    """Differences of shares without what the last bits of floating-point numbers add: equal ones are equal then."""
    return np.round(np.asarray(differences, np.float64), 12)


def wilcoxon(differences):
    """The two-sided p-value of Wilcoxon's signed-rank test (1945): exact up to 16 pairs, else by the normal approximation.

    Differences of 0 are dropped, and ties share their mean rank; what differs by rounding alone is a tie. With few seeds it
    cannot be small: with five at least 0.0625, with ten 0.002.

    Args:
        differences: One for each pair: float array (n,).

    Returns a float; 1 if all differences are 0, and NaN if one of them is.
    """
    differences = without_rounding(differences)
    if np.isnan(differences).any():
        return math.nan
    differences = differences[differences != 0]
    n = len(differences)
    if n == 0:
        return 1.0
    sizes = np.abs(differences)
    ranks = np.array([(sizes < size).sum() + ((sizes == size).sum() + 1) / 2 for size in sizes])
    positive = ranks[differences > 0].sum()
    middle = ranks.sum() / 2
    if n <= 16:
        sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=n)])
        return float((np.abs(sums - middle) >= abs(positive - middle) - 1e-9).mean())
    deviation = math.sqrt((ranks**2).sum() / 4)
    z = max(abs(positive - middle) - 0.5, 0.0) / deviation
    return math.erfc(z / math.sqrt(2))
