"""One class per image: labels are class indices, or one-hot or soft rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _random
from keras_ganaug.conditions import names
from keras_ganaug.conditions.condition import Condition

_CHUNK = 2**14  # number of rows checked at a time
_SUM_SLACK = 0.15  # tolerance of a row's sum, for half precision and for smoothing that does not renormalise
_SAME = 1e-3  # entries of a row that differ by less count as equal
_MOST_SMOOTHED = 0.25  # with two classes, a smaller share above this counts as mixed, not smoothed
_ROWS = (
    "must be of one class for each image: rows of at least 0 that sum to 1. Rows with several ones (multi-label) and rows "
    "without any are not accepted"
)


def is_one_hot(labels: Any) -> bool:
    """Whether labels are rows with one number per class, not class indices."""
    shape = tf.TensorShape(labels.shape)
    return shape.rank == 2 and shape[1] != 1


def class_indices(labels: Any, num_classes: int | None, name: str = "labels") -> np.ndarray:
    """Checks a sequence of concrete class indices. Returns them as an int32 array of shape (n,)."""
    try:
        labels = np.asarray(labels)
    except ValueError:  # rows of different lengths
        labels = np.asarray(labels, object)
    labels = labels.astype(np.int32) if labels.shape == (0,) else labels
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{name}` must be a one-dimensional sequence of integer class indices. "
            f"Received: dtype {labels.dtype}, shape {labels.shape}"
        )
    wrong = labels[(labels < 0) | (labels >= (np.iinfo(np.int32).max if num_classes is None else num_classes))]
    if wrong.size:
        raise ValueError(f"`{name}` {_range_of(num_classes)}. Received: {np.unique(wrong)[:5].tolist()}")
    return labels.astype(np.int32)


def _range_of(num_classes):
    highest = "" if num_classes is None else f" to {num_classes - 1} (num_classes={num_classes})"
    return f"must be class indices from 0{highest}"


class OneClass(Condition):
    """One class per image. Labels are indices of any dtype, (batch,) or (batch, 1), or rows (batch, num_classes).

    Args:
        num_classes: Number of classes; None if unknown.
        name: Name of the labels in errors. Defaults to "labels".
        class_names: Names of the classes. Defaults to None: no names.
    """

    def __init__(self, num_classes: int | None, name: str = "labels", class_names: Any = None):
        self.num_classes, self.sizes, self.name = num_classes, (num_classes,), name
        self.named(class_names)

    def named(self, class_names: Any) -> OneClass:
        if class_names is not None:
            self.class_names = names.checked(class_names, self.num_classes)
        return self

    def label_names(self, label: Any) -> tuple[str, ...]:
        return (self.class_names[int(label)] if self.class_names else str(int(label)),)

    def check(self, labels: Any) -> None:
        dtype, shape = tf.as_dtype(labels.dtype), tf.TensorShape(labels.shape)
        if shape.rank not in (1, 2) or not (dtype.is_integer or dtype.is_floating or dtype.is_bool):
            raise ValueError(
                f"`{self.name}` must be class indices of shape (batch,) or (batch, 1), or rows of shape (batch, "
                f"num_classes). Received: dtype {dtype.name}, shape {shape}"
            )
        if is_one_hot(labels) and self.num_classes is not None and shape[1] != self.num_classes:
            raise ValueError(
                f"`{self.name}` must have one column for each of the {self.num_classes} classes. Received: shape {shape}"
            )

    def check_values(self, labels: Any) -> None:
        rows, floating = is_one_hot(labels), tf.as_dtype(labels.dtype).is_floating
        for start in range(0, len(labels), _CHUNK):
            values = np.asarray(labels[start : start + _CHUNK])
            if rows:
                self._check_rows(values.astype(np.float64))
                continue
            values = values.ravel().astype(np.float64 if floating else np.int64)
            wrong = ~np.isfinite(values) | (values != np.floor(values)) if floating else np.zeros(values.shape, bool)
            if self.num_classes is not None:
                wrong |= (values < 0) | (values >= self.num_classes)
            if wrong.any():
                received = np.unique(values[wrong])[:5].tolist()
                raise ValueError(f"`{self.name}` {_range_of(self.num_classes)}. Received: {received}")

    def _check_rows(self, rows):
        right = (rows >= 0).all(1) & (np.abs(rows.sum(1) - 1) <= _SUM_SLACK)
        if not right.all():
            row = ", ".join(f"{value:g}" for value in rows[~right][0][:20])
            raise ValueError(f"`{self.name}` {_ROWS}. Received: [{row}{', ...' if rows.shape[1] > 20 else ''}]")

    def assertions(self, labels: Any) -> list:
        floating = labels.dtype.is_floating
        if is_one_hot(labels):
            values = tf.cast(labels, tf.float32)
            sums = tf.reduce_sum(values, 1)
            # Written so that NaN fails too.
            right = tf.reduce_all(tf.abs(sums - 1) <= _SUM_SLACK) & tf.reduce_all(values >= 0)
            return [_checks.assertion(right, f"`{self.name}` {_ROWS}. What the rows sum to", sums)]
        if not floating and self.num_classes is None:
            return []
        values = labels if floating else tf.cast(labels, tf.int64)  # in a dtype that can hold `num_classes`
        inside = tf.ones_like(values, tf.bool) if self.num_classes is None else (values >= 0) & (values < self.num_classes)
        if floating:
            inside &= tf.equal(labels, tf.floor(labels))
        return [_checks.assertion(tf.reduce_all(inside), f"`{self.name}` {_range_of(self.num_classes)}", labels)]

    def indices(self, labels: Any) -> Any:
        labels = tf.convert_to_tensor(labels)
        if is_one_hot(labels):  # soft labels count as the most likely class
            return tf.argmax(tf.cast(labels, tf.int8) if labels.dtype.is_bool else labels, axis=1, output_type=tf.int32)
        return tf.cast(tf.reshape(labels, [-1]), tf.int32)

    def to_generate(self, labels: Any) -> np.ndarray:
        return class_indices(names.counted(labels, self.class_names, self.name), self.num_classes, self.name)

    def draw(self, number: Any, seed: Any) -> tf.Tensor:
        return _random.integers([number], seed, 0, self.num_classes)

    def mismatch(self, labels: tf.Tensor, seed: Any) -> tf.Tensor:
        return (labels + _random.integers(tf.shape(labels), seed, 1, self.num_classes)) % self.num_classes

    @property
    def seen_shape(self) -> tuple | None:
        return (self.num_classes,)

    def seen_in(self, labels: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(tf.one_hot(labels, self.num_classes), 0)

    def unseen(self, table: np.ndarray) -> tuple:
        return tuple(np.flatnonzero(np.asarray(table) <= 0).tolist())

    def write(self, labels: Any, rows: tf.Tensor, classes: tf.Tensor, only_mixed: bool = False) -> Any:
        """Writes new classes into some rows, see `Condition`.

        A smoothed row stays smoothed: its class gets the largest value of the replaced row, the other classes get the
        smallest. A row that mixes classes, as MixUp makes them, becomes a row of one class with the smoothing of the batch.
        """
        if only_mixed and not (is_one_hot(labels) and labels.dtype.is_floating):  # neither smoothed nor mixed
            return labels
        if not is_one_hot(labels):
            new = tf.cast(tf.reshape(classes, [-1, *[1] * (labels.shape.rank - 1)]), labels.dtype)
        elif not labels.dtype.is_floating:
            new = tf.cast(tf.one_hot(classes, labels.shape[1]), labels.dtype)
        else:
            old = tf.gather(labels, rows)
            off, on, mixed = _smoothing(old, tf.reduce_min(labels))
            new = tf.where(tf.one_hot(classes, labels.shape[1], True, False), on, off)
            new = tf.where(mixed, new, old) if only_mixed else new
        return tf.tensor_scatter_nd_update(labels, rows[:, None], new)


def _smoothing(labels, batch_lowest):
    """For float rows: the values of other classes and of the class itself in a row of one class, and which rows are mixed.

    Each has the shape (k, 1). For mixed rows, the first two come from the batch, whose smallest value stays the same when
    some but not all classes are mixed.
    """
    dtype, columns = labels.dtype, labels.shape[1]
    if dtype != tf.float64:
        labels, batch_lowest = tf.cast(labels, tf.float32), tf.cast(batch_lowest, tf.float32)
    lowest, highest = tf.reduce_min(labels, 1, keepdims=True), tf.reduce_max(labels, 1, keepdims=True)
    total = tf.reduce_sum(labels, 1, keepdims=True)
    if columns == 2:  # here mixed and smoothed rows look alike
        batch_lowest = tf.where(batch_lowest > _MOST_SMOOTHED, tf.zeros_like(batch_lowest), batch_lowest)
        mixed = lowest - batch_lowest > _SAME
    else:
        others = total - highest - (columns - 1) * lowest  # 0 if all but one are equal
        mixed = (others > _SAME) | (highest - lowest < _SAME)
    off = tf.where(mixed, batch_lowest, lowest)
    on = tf.where(mixed, total - (columns - 1) * batch_lowest, highest)
    return tf.cast(off, dtype), tf.cast(on, dtype), mixed
