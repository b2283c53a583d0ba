"""Metrics of classifiers, and tests whether two arms differ."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_ganaug import _checks, _extras

BUCKETS = ("head", "middle", "tail")
METRICS = (
    "balanced_accuracy",
    "macro_f1",
    "head_recall",
    "middle_recall",
    "tail_recall",
    "calibration_error",
    "log_loss",
    "worst_group",
    "seen_cells",
    "unseen_cells",
)
FEWEST = 3
"""The fewest pairs for an interval of their mean difference."""

_TEMPERATURES = np.geomspace(0.1, 100.0, 121)


def deciding(runs: Sequence[Mapping[str, Any]]) -> str:
    """The metric for comparing these runs: "unseen_cells" if all have it, otherwise "balanced_accuracy"."""
    unseen = [run.get("unseen_cells", np.nan) for run in runs]
    return "unseen_cells" if unseen and np.isfinite(unseen).all() else "balanced_accuracy"


def buckets(counts: Sequence[int]) -> dict[str, np.ndarray]:
    """Divides classes into head, middle and tail by their numbers of training images.

    The range from the smallest count to the largest is cut into three equal parts on a logarithmic scale. If all classes
    have the same size, each belongs to all three.

    `counts` are the numbers of images of each class. Returns a dict of three bool arrays.

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


def measure(
    logits: np.ndarray,
    labels: np.ndarray,
    counts: Sequence[int],
    bins: int = 15,
    cells: np.ndarray | None = None,
    seen: np.ndarray | None = None,
) -> dict[str, Any]:
    """The metrics of a classifier on test images, computed with scikit-learn.

    Args:
        logits: Float array (n, C).
        labels: Class indices (n,).
        counts: Number of training images of each class, for the buckets.
        bins: Number of bins for the expected calibration error (Guo et al. 2017). Defaults to 15.
        cells: The cell of each image, a number for each combination of several attributes, int (n,). Defaults to None: no
            cells.
        seen: Whether each cell has training images, bool (cells,). Defaults to None.

    Returns a dict with the `METRICS`, floats from 0 to 1 except for the log loss, which is in nats; NaN for an empty bucket.
    It also has `recalls`, a list with one value per class, and with several attributes the results of `of_cells`.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    predicted, classes = logits.argmax(1), np.arange(logits.shape[1])
    _, recalls, f1, support = _extras.load("sklearn.metrics").precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0.0
    )
    recalls = np.where(support > 0, recalls, np.nan)

    def mean(values: np.ndarray, which: np.ndarray) -> float:
        which = which & (support > 0)
        return float(values[which].mean()) if which.any() else math.nan

    everywhere = classes >= 0
    return {
        "balanced_accuracy": mean(recalls, everywhere),
        "macro_f1": mean(f1, everywhere),
        **{f"{name}_recall": mean(recalls, which) for name, which in buckets(counts).items()},
        "calibration_error": _calibration_error(logits, predicted == labels, bins),
        "log_loss": log_loss(logits, labels),
        "recalls": recalls.tolist(),
        **({} if cells is None or seen is None else of_cells(predicted == labels, cells, seen)),
    }


def of_cells(correct: np.ndarray, cells: np.ndarray, seen: np.ndarray) -> dict[str, Any]:
    """The accuracies of cells, combinations of the values of several attributes.

    Args:
        correct: Whether each test image is classified correctly, bool (n,).
        cells: The cell of each image, int (n,).
        seen: Whether each cell has training images, bool (cells,).

    Returns a dict: `worst_group`, the lowest accuracy of a cell with test images; `seen_cells` and `unseen_cells`, the mean
    over cells with and without training images, NaN if there are none; and `cells`, a list with the accuracy of each cell.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.study import statistics
    >>> correct, cells = np.array([1, 0, 1, 1, 0]), np.array([0, 0, 1, 1, 2])
    >>> statistics.of_cells(correct, cells, np.array([True, True, False]))
    {'worst_group': 0.0, 'seen_cells': 0.75, 'unseen_cells': 0.0, 'cells': [0.5, 1.0, 0.0]}
    """
    number, right = (np.bincount(cells, weights, len(seen)) for weights in (None, correct))
    accuracies = np.where(number > 0, right / np.maximum(number, 1), np.nan)

    def mean(which: np.ndarray) -> float:
        which = which & (number > 0)
        return float(accuracies[which].mean()) if which.any() else math.nan

    return {
        "worst_group": float(np.nanmin(accuracies)),
        "seen_cells": mean(seen),
        "unseen_cells": mean(~seen),
        "cells": accuracies.tolist(),
    }


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean of -log p(label) within each class, averaged over the classes, at the best temperature for these images.

    For few images it is more informative than the number of correct classifications. The temperature, as in temperature
    scaling (Guo et al. 2017), removes the effect of overconfidence. Logits are floats (n, C), labels class indices (n,).
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    weights = 1 / np.bincount(labels)[labels]
    log_softmax, rows = _extras.load("scipy.special").log_softmax, np.arange(len(labels))
    losses = [-log_softmax(logits / temperature, axis=1)[rows, labels] for temperature in _TEMPERATURES]
    return float(min(np.average(losses, axis=1, weights=weights)))


def _calibration_error(logits: np.ndarray, correct: np.ndarray, bins: int) -> float:
    """Σ (share of a bin) |its accuracy - its mean confidence|, over bins of equal width in confidence."""
    confidence = _extras.load("scipy.special").softmax(logits, axis=1).max(1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(correct))


def paired_interval(differences: ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """The t interval of a mean difference of pairs: `(lowest, highest)`, or None for fewer than three pairs.

    It assumes that differences are normal and independent, like those of seeds with their own data. It is NaN if any
    difference is. `level` is the coverage, above 0 and below 1.
    """
    values = _series(differences)
    if len(values) < FEWEST:
        return None
    return _t_interval(values, values.std(ddof=1) / math.sqrt(len(values)), level)


def in_words(interval: tuple[float, float] | None, level: float = 0.95) -> str:
    """An interval of shares in words, in percentage points: "95% interval -0.6 to +0.2"."""
    if interval is None:
        return "too few seeds for an interval"
    if np.isnan(interval).any():
        return "no interval, since not all seeds were measured"
    low, high = (100 * value for value in interval)
    return f"{level:.0%} interval {low:+.1f} to {high:+.1f}"


def cross_validated_interval(differences: ArrayLike, folds: int, level: float = 0.95) -> tuple[float, float]:
    """A confidence interval of a mean difference over the folds of a repeated cross-validation.

    Any two folds share most of their training images, so their differences are correlated, and the spread underestimates the
    error of the mean. The variance of the mean is not s²/J but s² (1/J + n_test/n_train), in a t test with J - 1 degrees of
    freedom (the corrected resampled t test).

    Reference: Nadeau and Bengio 2003, Inference for the Generalization Error, section 3.

    Args:
        differences: One for each of the J folds of all repetitions: floats (J,).
        folds: Number of folds in each repetition, at least 2: n_test/n_train is 1 / (folds - 1).
        level: Coverage, above 0 and below 1. Defaults to 0.95.

    Returns `(lowest, highest)`; infinite for a single difference.
    """
    values = _series(differences)
    if _checks.positive_int(folds, "folds") < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    if len(values) == 1:
        return -math.inf, math.inf
    return _t_interval(values, values.std(ddof=1) * math.sqrt(1 / len(values) + 1 / (folds - 1)), level)


def _series(differences: ArrayLike) -> np.ndarray:
    values = np.asarray(differences, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`differences` must have the shape (n,). Received: shape {values.shape}")
    return values


def _t_interval(differences: np.ndarray, error: float, level: float) -> tuple[float, float]:
    """The mean ± the quantile of Student's t distribution times the standard error. A single point if the error is 0."""
    half = _extras.load("scipy.stats").t.ppf((1 + level) / 2, len(differences) - 1) * error
    middle = differences.mean()
    return float(middle - half), float(middle + half)


def without_rounding(differences: ArrayLike) -> np.ndarray:
    """Removes floating-point rounding errors from differences of shares, so that equal ones are exactly equal."""
    return np.round(np.asarray(differences, np.float64), 12)


def wilcoxon(differences: ArrayLike) -> float:
    """The two-sided p-value of Wilcoxon's signed-rank test (1945), by SciPy: exact for few pairs, otherwise approximate.

    Differences of 0 are dropped, and ties share their mean rank; differences that are equal up to rounding are ties. With
    few seeds it cannot be small: at least 0.0625 with five, 0.002 with ten. It is 1 if all differences are 0, and NaN if any
    is.
    """
    values = without_rounding(differences)
    if np.isnan(values).any():
        return math.nan
    values = values[values != 0]
    return float(_extras.load("scipy.stats").wilcoxon(values, correction=True).pvalue) if len(values) else 1.0
