"""What is measured of a classifier, and whether two arms differ."""

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
"""Pairs below which there is no interval of their mean difference."""

_TEMPERATURES = np.geomspace(0.1, 100.0, 121)


def deciding(runs: Sequence[Mapping[str, Any]]) -> str:
    """The metric by which these are compared: "unseen_cells" where all have it, else "balanced_accuracy"."""
    unseen = [run.get("unseen_cells", np.nan) for run in runs]
    return "unseen_cells" if unseen and np.isfinite(unseen).all() else "balanced_accuracy"


def buckets(counts: Sequence[int]) -> dict[str, np.ndarray]:
    """Which classes are head, middle and tail, from how many training images each has.

    The range from the smallest count to the largest is cut into three equal parts on a logarithmic scale. Where all classes
    are equally large, each belongs to all three.

    `counts` are the images of each class. Returns a dict of three bool arrays.

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
    """The metrics of a classifier on test images, by scikit-learn.

    Args:
        logits: Float array (n, C).
        labels: Class indices (n,).
        counts: Training images of each class, for the buckets.
        bins: Of the expected calibration error (Guo et al. 2017). Defaults to 15.
        cells: The cell of each image, a number for each combination of several attributes, int (n,). Defaults to None:
            there are none.
        seen: Whether each cell has training images, bool (cells,). Defaults to None.

    Returns a dict with the `METRICS`, floats from 0 to 1, but for the log loss, which is in nats; NaN for an empty bucket.
    And `recalls`, a list, by class. Of several attributes it has also what `of_cells` gives.
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
    """The accuracies of cells, the combinations of several attributes' values.

    Args:
        correct: Whether each test image is classified correctly, bool (n,).
        cells: The cell of each, int (n,).
        seen: Whether each cell has training images, bool (cells,).

    Returns a dict: `worst_group`, the lowest accuracy of a cell with test images; `seen_cells` and `unseen_cells`, the mean
    over those with and without training images, NaN where there are none; and `cells`, a list of all, by cell.

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
    """The mean over the classes of the mean of -log p(label), at the temperature that suits these images best.

    It says more of a few images than how many of them are classified correctly, and the temperature, as in temperature
    scaling (Guo et al. 2017), keeps overconfidence alone from deciding. Logits are floats (n, C), labels class indices (n,).
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    weights = 1 / np.bincount(labels)[labels]
    log_softmax, rows = _extras.load("scipy.special").log_softmax, np.arange(len(labels))
    losses = [-log_softmax(logits / temperature, axis=1)[rows, labels] for temperature in _TEMPERATURES]
    return float(min(np.average(losses, axis=1, weights=weights)))


def _calibration_error(logits: np.ndarray, correct: np.ndarray, bins: int) -> float:
    """Σ (share of a bin) |its accuracy - its mean confidence|, over equal bins of confidence."""
    confidence = _extras.load("scipy.special").softmax(logits, axis=1).max(1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(correct))


def paired_interval(differences: ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """The t interval of a mean difference of pairs: `(lowest, highest)`, or None of fewer than three.

    It assumes that differences are normal and independent, as those of seeds with data of their own are. It is NaN if one
    of the differences is. `level` is the coverage, above 0 and below 1.
    """
    values = _series(differences)
    if len(values) < FEWEST:
        return None
    return _t_interval(values, values.std(ddof=1) / math.sqrt(len(values)), level)


def in_words(interval: tuple[float, float] | None, level: float = 0.95) -> str:
    """An interval of shares in words, in points: "95% interval -0.6 to +0.2"."""
    if interval is None:
        return "too few seeds for an interval"
    if np.isnan(interval).any():
        return "no interval, since not all seeds were measured"
    low, high = (100 * value for value in interval)
    return f"{level:.0%} interval {low:+.1f} to {high:+.1f}"


def cross_validated_interval(differences: ArrayLike, folds: int, level: float = 0.95) -> tuple[float, float]:
    """A confidence interval of a mean difference over the folds of a repeated cross-validation.

    Any two of these share most of their training images, so that their differences are alike, and their mean is further from
    the truth than the spread says: the variance of the mean is not s²/J but s² (1/J + n_test/n_train), in a t test of J - 1
    degrees of freedom (the corrected resampled t test).

    Reference: Nadeau and Bengio 2003, Inference for the Generalization Error, section 3.

    Args:
        differences: One for each of the J folds of all repetitions: floats (J,).
        folds: Into how many parts the data were cut, at least 2: n_test/n_train is 1 / (folds - 1).
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
    """The mean ± the quantile of Student's t distribution times the standard error; a point where the error is 0."""
    half = _extras.load("scipy.stats").t.ppf((1 + level) / 2, len(differences) - 1) * error
    middle = differences.mean()
    return float(middle - half), float(middle + half)


def without_rounding(differences: ArrayLike) -> np.ndarray:
    """Differences of shares without what the last bits of floating-point numbers add: equal ones are equal then."""
    return np.round(np.asarray(differences, np.float64), 12)


def wilcoxon(differences: ArrayLike) -> float:
    """The two-sided p-value of Wilcoxon's signed-rank test (1945), by SciPy: exact with few pairs, else an approximation.

    Differences of 0 are dropped, and ties share their mean rank; what differs by rounding alone is a tie. With few seeds it
    cannot be small: with five at least 0.0625, with ten 0.002. It is 1 if all differences are 0, and NaN if one of them is.
    """
    values = without_rounding(differences)
    if np.isnan(values).any():
        return math.nan
    values = values[values != 0]
    return float(_extras.load("scipy.stats").wilcoxon(values, correction=True).pvalue) if len(values) else 1.0
