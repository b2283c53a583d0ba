"""Encodes class indices as one-hot rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.conditions import encode, sizes_of
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class OneHot(Layer):
    """Encodes class indices as one-hot rows. Those of several attributes are concatenated.

    Args:
        num_classes: Number of classes; with several attributes, a sequence of numbers or a mapping from names to numbers.

    Call arguments:
        labels: Integer tensor of shape (batch,), or (batch, attributes) with several attributes.

    Returns rows of shape (batch, num_classes), or (batch, sum of the numbers), in the compute dtype.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.layers import OneHot
    >>> OneHot([2, 3])(np.array([[1, 0], [0, 2]])).numpy()
    array([[0., 1., 1., 0., 0.],
           [1., 0., 0., 0., 1.]], dtype=float32)
    """

    def __init__(self, num_classes: int | Sequence[int] | Mapping[str, int], **kwargs):
        super().__init__(**kwargs)
        self.sizes, self.num_classes = checked_sizes(num_classes)

    def call(self, labels):
        return encode(tf.cast(labels, tf.int32), self.sizes, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], sum(self.sizes))


def checked_sizes(num_classes: Any) -> tuple[tuple[int, ...], Any]:
    """Checks `num_classes`. Returns the number of values of each attribute, a tuple, and its form in a config."""
    sizes = tuple(_checks.positive_int(size, "num_classes") for size in sizes_of(num_classes) or (0,))
    return sizes, sizes if len(sizes) > 1 else sizes[0]
