"""Class labels in all the forms that users have: indices of any dtype, columns, one-hot or soft rows."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks


def is_one_hot(labels):
    """Whether labels are rows with a number for each class, rather than class indices."""
    return labels.shape.rank == 2 and labels.shape[1] != 1


def check(labels, num_classes=None):
    """Checks dtype and shape of a tensor of labels."""
    rows = is_one_hot(labels)
    numeric = labels.dtype.is_integer or labels.dtype.is_floating or (rows and labels.dtype.is_bool)
    if labels.shape.rank not in (1, 2) or not numeric:
        raise ValueError(
            "`labels` must be class indices of shape (batch,) or (batch, 1), or rows of shape (batch, num_classes). "
            f"Received: dtype {labels.dtype.name}, shape {labels.shape}"
        )
    if rows and num_classes is not None and labels.shape[1] != num_classes:
        raise ValueError(
            f"`labels` must have one column for each of the {num_classes} classes. Received: shape {labels.shape}"
        )


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


def assertion(labels, num_classes):
    """An operation that fails where labels, class indices of any dtype, are none of the `num_classes`; XLA leaves it out."""
    message = f"`labels` must be class indices from 0 to {num_classes - 1} (num_classes={num_classes})"
    # In a dtype that can hold `num_classes`.
    values = labels if labels.dtype.is_floating else tf.cast(labels, tf.int64)
    inside = (values >= 0) & (values < num_classes)
    if labels.dtype.is_floating:
        inside &= tf.equal(labels, tf.floor(labels))
    return _checks.assertion(tf.reduce_all(inside), message, labels)


def check_values(labels, num_classes):
    """Checks that concrete labels, already of a right shape, are class indices of the `num_classes` there are."""
    if is_one_hot(labels):
        return
    indices = np.asarray(labels, np.float64 if labels.dtype.is_floating else None).ravel()
    wrong = indices[~np.isfinite(indices)] if labels.dtype.is_floating else indices[:0]
    if not wrong.size:
        wrong = indices[indices != np.floor(indices)] if labels.dtype.is_floating else indices[:0]
    if not wrong.size and num_classes is not None:
        wrong = indices[(indices < 0) | (indices >= num_classes)]
    if wrong.size:
        highest = "" if num_classes is None else f" to {num_classes - 1} (num_classes={num_classes})"
        raise ValueError(f"`labels` must be class indices from 0{highest}. Received: {np.unique(wrong)[:5].tolist()}")
