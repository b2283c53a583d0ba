"""Class labels in all the forms that users have: indices of any dtype, columns, one-hot or soft rows."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks

_SUM_SLACK = 0.15  # how far from 1 the sum of a row may be: half precision, and smoothing that adds without taking
_SAME = 1e-3  # entries of a row that differ by less are equal
_MOST_SMOOTHED = 0.25  # with two classes, a smaller share above this is a mixture and no smoothing
_CHUNK = 2**14  # rows that are looked at at a time


def is_one_hot(labels):
    """Whether labels are rows with a number for each class, rather than class indices."""
    shape = tf.TensorShape(labels.shape)
    return shape.rank == 2 and shape[1] != 1


def check(labels, num_classes=None):
    """Checks dtype and shape of a tensor or array of labels."""
    dtype, shape = tf.as_dtype(labels.dtype), tf.TensorShape(labels.shape)
    if shape.rank not in (1, 2) or not (dtype.is_integer or dtype.is_floating or dtype.is_bool):
        raise ValueError(
            "`labels` must be class indices of shape (batch,) or (batch, 1), or rows of shape (batch, num_classes). "
            f"Received: dtype {dtype.name}, shape {shape}"
        )
    if is_one_hot(labels) and num_classes is not None and shape[1] != num_classes:
        raise ValueError(f"`labels` must have one column for each of the {num_classes} classes. Received: shape {shape}")


def class_of(labels):
    """The class of each row, int32 (batch,): of soft labels the most likely one."""
    if is_one_hot(labels):
        return tf.argmax(tf.cast(labels, tf.int8) if labels.dtype.is_bool else labels, axis=1, output_type=tf.int32)
    return tf.cast(tf.reshape(labels, [-1]), tf.int32)


def at_least_one(classes):
    """int32 classes (n,), or one class where there are none: not every convolution takes an empty batch."""
    if classes.shape[0]:
        return classes
    return tf.pad(classes, [[0, tf.maximum(0, 1 - tf.shape(classes)[0])]])


def write(labels, rows, classes, only_mixed=False):
    """Labels in their own format and dtype, with new classes at some rows.

    A smoothed row stays smoothed: the class gets the largest value of the row that is replaced, the others its smallest. A
    row that mixes classes, as MixUp makes them, becomes a row of one class with the smoothing of the batch.

    Args:
        labels: Tensor of labels of any form.
        rows: int32 (k,).
        classes: int32 (k,).
        only_mixed: Whether rows that are of one class already stay as they are, bit by bit. Defaults to False.
    """
    if not is_one_hot(labels):
        if only_mixed:
            return labels
        new = tf.cast(tf.reshape(classes, [-1, *[1] * (labels.shape.rank - 1)]), labels.dtype)
    elif not labels.dtype.is_floating:  # such rows can be neither smoothed nor mixed
        if only_mixed:
            return labels
        new = tf.cast(tf.one_hot(classes, labels.shape[1]), labels.dtype)
    else:
        old = tf.gather(labels, rows)
        off, on, mixed = _smoothing(old, tf.reduce_min(labels))
        new = tf.where(tf.one_hot(classes, labels.shape[1], True, False), on, off)
        if only_mixed:
            new = tf.where(mixed, new, old)
    return tf.tensor_scatter_nd_update(labels, rows[:, None], new)


def _smoothing(labels, batch_lowest):
    """Of float rows: the values of the other classes and of its own that a row of one class has, and which rows mix classes.

    Each of shape (k, 1). Where a row mixes classes the first two are those of the batch, whose smallest value no mixture of
    some of several classes has changed.
    """
    dtype, columns = labels.dtype, labels.shape[1]
    if dtype != tf.float64:
        labels, batch_lowest = tf.cast(labels, tf.float32), tf.cast(batch_lowest, tf.float32)
    lowest, highest = tf.reduce_min(labels, 1, keepdims=True), tf.reduce_max(labels, 1, keepdims=True)
    total = tf.reduce_sum(labels, 1, keepdims=True)
    if columns == 2:  # here each row looks like a smoothed one
        batch_lowest = tf.where(batch_lowest > _MOST_SMOOTHED, tf.zeros_like(batch_lowest), batch_lowest)
        mixed = lowest - batch_lowest > _SAME
    else:
        others = total - highest - (columns - 1) * lowest  # 0 where all but one are equal
        mixed = (others > _SAME) | (highest - lowest < _SAME)
    off = tf.where(mixed, batch_lowest, lowest)
    on = tf.where(mixed, total - (columns - 1) * batch_lowest, highest)
    return tf.cast(off, dtype), tf.cast(on, dtype), mixed


_ROWS = (
    "`labels` must be of one class for each image: rows of at least 0 that sum to 1. Rows with several ones (multi-label) "
    "and rows without any are not taken"
)


def _indices(num_classes):
    highest = "" if num_classes is None else f" to {num_classes - 1} (num_classes={num_classes})"
    return f"`labels` must be class indices from 0{highest}"


def can_be_wrong(labels, num_classes):
    """Whether there is anything to check about the values: not about integers, where any number of classes will do."""
    return is_one_hot(labels) or labels.dtype.is_floating or num_classes is not None


def assertion(labels, num_classes):
    """An operation that fails where the values of labels of any form are wrong; XLA leaves it out.

    Args:
        labels: Tensor that has passed `check`.
        num_classes: Number of classes; None if not known.
    """
    if is_one_hot(labels):
        values = tf.cast(labels, tf.float32)
        sums = tf.reduce_sum(values, 1)
        # Written so that NaN is wrong too.
        right = tf.reduce_all(tf.abs(sums - 1) <= _SUM_SLACK) & tf.reduce_all(values >= 0)
        return _checks.assertion(right, f"{_ROWS}. What the rows sum to is shown", sums)
    # In a dtype that can hold `num_classes`.
    values = labels if labels.dtype.is_floating else tf.cast(labels, tf.int64)
    inside = tf.ones_like(values, tf.bool) if num_classes is None else (values >= 0) & (values < num_classes)
    if labels.dtype.is_floating:
        inside &= tf.equal(labels, tf.floor(labels))
    return _checks.assertion(tf.reduce_all(inside), _indices(num_classes), labels)


def check_values(labels, num_classes):
    """Checks the values of concrete labels that have passed `check`: indices of classes there are, or rows of one class.

    Args:
        labels: Eager tensor or array, of any length: it is looked at in parts.
        num_classes: Number of classes; None if not known.
    """
    rows, floating = is_one_hot(labels), tf.as_dtype(labels.dtype).is_floating
    for start in range(0, len(labels), _CHUNK):
        values = np.asarray(labels[start : start + _CHUNK])
        if rows:
            values = values.astype(np.float64)
            right = (values >= 0).all(1) & (np.abs(values.sum(1) - 1) <= _SUM_SLACK)
            if not right.all():
                shown = ", ".join(f"{value:g}" for value in values[~right][0][:20])
                raise ValueError(f"{_ROWS}. Received: [{shown}{', ...' if values.shape[1] > 20 else ''}]")
            continue
        values = values.ravel().astype(np.float64) if floating else values.ravel().astype(np.int64)
        wrong = ~np.isfinite(values) | (values != np.floor(values)) if floating else np.zeros(values.shape, bool)
        if num_classes is not None:
            wrong |= (values < 0) | (values >= num_classes)
        if wrong.any():
            raise ValueError(f"{_indices(num_classes)}. Received: {np.unique(values[wrong])[:5].tolist()}")
