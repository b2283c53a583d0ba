"""Minibatch standard deviation."""

from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MinibatchStdDev(Layer):
    """Appends a channel that measures how much the images of a group differ, so that a discriminator notices low diversity.

    It computes the standard deviation of every feature at every position over the images of a group, and averages it to one
    number for the group. If the group size does not divide the batch, the largest smaller size that does is used.

    The images of a group should have the same class. Otherwise, differences between classes hide a lack of diversity within
    them. GANs with classes order their batches by `class_groups`. Under a strategy, a group consists of images of one
    replica; the GANs deal whole groups to the replicas.

    Reference: Karras et al. 2018, Progressive Growing of GANs, section 3.

    Args:
        group_size: Maximum number of images in a group, at least 1. Defaults to 4.
        epsilon: Added to the variance. Defaults to 1e-8.

    Input: a float tensor of shape (batch, height, width, channels); output: (batch, height, width, channels + 1).
    """

    def __init__(self, group_size: int = 4, epsilon: float = 1e-8, **kwargs):
        super().__init__(**kwargs)
        self.group_size = _checks.positive_int(group_size, "group_size")
        self.epsilon = _checks.non_negative(epsilon, "epsilon")

    def call(self, inputs):
        batch, size = tf.shape(inputs)[0], size_of_groups(inputs, self.group_size)
        height, width, channels = inputs.shape[1:]
        x = tf.cast(inputs, tf.float32)
        #  size, .../As in the paper's code, a group consists of the images n, n + batch / size, .../ size, ...
        x = tf.reshape(x, [size, -1, height, width, channels])
        variance = tf.reduce_mean(tf.square(x - tf.reduce_mean(x, axis=0, keepdims=True)), axis=0)
        deviation = tf.reduce_mean(tf.sqrt(variance + self.epsilon), axis=[1, 2, 3])  # one number for each group
        deviation = tf.tile(deviation, [size])[:, None, None, None]
        deviation = tf.broadcast_to(deviation, [batch, height, width, 1])
        return tf.concat([inputs, tf.cast(deviation, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)


def class_groups(labels: tf.Tensor, group_size: Any = 4) -> tf.Tensor:
    """Orders a batch so that `MinibatchStdDev` groups images of the same class, as far as the batch allows.

    Args:
        labels: int32 class indices (batch,); with several attributes, a number for each combination.
        group_size: The group size of the layer. Defaults to 4.

    Returns int32 positions (batch,), for `tf.gather`.

    Example:

    >>> from keras_ganaug.layers.minibatch_stddev import class_groups
    >>> class_groups([0, 1, 1, 0], group_size=2).numpy()  # groups are the rows (0, 2) and (1, 3) of the new order
    array([0, 1, 3, 2], dtype=int32)
    """
    labels = tf.convert_to_tensor(labels, tf.int32)
    by_class = tf.argsort(labels, stable=True)
    return tf.reshape(tf.transpose(tf.reshape(by_class, [-1, size_of_groups(labels, group_size)])), [-1])


def size_of_groups(batch: tf.Tensor, most: Any) -> Any:
    """The largest divisor of the batch size up to `most`: an integer, or a tensor if either is not static."""
    if batch.shape[0] is not None and isinstance(most, int):
        return max(n for n in range(1, most + 1) if batch.shape[0] % n == 0)
    sizes = tf.range(1, most + 1)
    return tf.reduce_max(tf.where(tf.equal(tf.shape(batch)[0] % sizes, 0), sizes, 1))
