"""Minibatch standard deviation."""

import keras
import tensorflow as tf

from keras_ganaug import _checks


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MinibatchStdDev(keras.layers.Layer):
    """Appends a channel that tells how much the images of a group differ, so that a discriminator sees a lack of variety.

    The standard deviation of every feature at every position over the images of a group, averaged to one number for the
    group. Of a batch that the group size does not divide, the groups are of the largest smaller size that does.

    Reference: Karras et al. 2018, Progressive Growing of GANs, section 3.

    Args:
        group_size: Most images in a group, at least 1. Defaults to 4.
        epsilon: Added to the variance. Defaults to 1e-8.

    Input: a float tensor of shape (batch, height, width, channels); output: (batch, height, width, channels + 1).
    """

    def __init__(self, group_size=4, epsilon=1e-8, **kwargs):
        super().__init__(**kwargs)
        self.group_size = _checks.positive_int(group_size, "group_size")
        self.epsilon = _checks.non_negative(epsilon, "epsilon")

    def call(self, inputs):
        batch, sizes = tf.shape(inputs)[0], tf.range(1, self.group_size + 1)
        if inputs.shape[0] is not None:
            size = max(n for n in range(1, self.group_size + 1) if inputs.shape[0] % n == 0)
        else:
            size = tf.reduce_max(tf.where(tf.equal(batch % sizes, 0), sizes, 1))
        height, width, channels = inputs.shape[1:]
        x = tf.cast(inputs, tf.float32)
        # As in the paper's code, a group are images that stand apart: n, n + batch / size, ...
        x = tf.reshape(x, [size, -1, height, width, channels])
        variance = tf.reduce_mean(tf.square(x - tf.reduce_mean(x, axis=0, keepdims=True)), axis=0)
        deviation = tf.reduce_mean(tf.sqrt(variance + self.epsilon), axis=[1, 2, 3])  # one number for a group
        deviation = tf.tile(deviation, [size])[:, None, None, None]
        deviation = tf.broadcast_to(deviation, [batch, height, width, 1])
        return tf.concat([inputs, tf.cast(deviation, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size, "epsilon": self.epsilon}
