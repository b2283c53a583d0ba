"""Class indices as one-hot rows."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from keras_ganaug import _checks


@keras.saving.register_keras_serializable(package="keras_ganaug")
class OneHot(keras.layers.Layer):
    """Encodes class indices as one-hot rows; those of several attributes stand side by side.

    Args:
        num_classes: Number of classes; of several attributes a sequence of numbers, or a mapping from names to numbers.

    Call arguments:
        labels: Integer tensor of shape (batch,), or (batch, attributes) of several attributes.

    Returns rows of shape (batch, num_classes), of several attributes (batch, sum of the numbers), in the compute dtype.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.layers import OneHot
    >>> OneHot([2, 3])(np.array([[1, 0], [0, 2]])).numpy()
    array([[0., 1., 1., 0., 0.],
           [1., 0., 0., 0., 1.]], dtype=float32)
    """

    def __init__(self, num_classes: int | Sequence[int] | Mapping[str, int], **kwargs):
        super().__init__(**kwargs)
        self.num_classes = class_numbers(num_classes)

    def call(self, labels):
        return one_hot_rows(labels, self.num_classes, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        single = isinstance(self.num_classes, int)
        return (*input_shape, self.num_classes) if single else (input_shape[0], sum(self.num_classes))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def class_numbers(num_classes, name="num_classes"):
    """The checked number of classes, or tuple of them for several attributes."""
    if isinstance(num_classes, Mapping):
        num_classes = [*num_classes.values()]
    if isinstance(num_classes, Sequence) and not isinstance(num_classes, str) and num_classes:
        return tuple(_checks.positive_int(number, name) for number in num_classes)
    return _checks.positive_int(num_classes, name)


def one_hot_rows(labels, numbers, dtype):
    """The rows for one number of classes, or for a tuple of them side by side."""
    labels = tf.cast(labels, tf.int32)
    if isinstance(numbers, int):
        return tf.one_hot(labels, numbers, dtype=dtype)
    return tf.concat([tf.one_hot(labels[:, n], number, dtype=dtype) for n, number in enumerate(numbers)], axis=-1)
