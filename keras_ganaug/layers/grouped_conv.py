"""A convolution whose channels are divided into groups."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GroupedConv2D(keras.layers.Conv2D):
    """A convolution in groups: each group of output channels sees only its own group of input channels.

    `keras.layers.Conv2D` with `groups` computes the same, but always with XLA, which takes up to a hundred times as long on
    CPUs. This layer consists of ordinary convolutions.

    Reference: Xie et al. 2017, Aggregated Residual Transformations for Deep Neural Networks.

    Args:
        filters, kernel_size, groups, strides, padding, kernel_initializer, ...: See `keras.layers.Conv2D`. The kernel has
            the shape (height, width, channels / groups, filters). Images have the channels last.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.layers import GroupedConv2D
    >>> layer = GroupedConv2D(8, 3, groups=2, padding="same")
    >>> layer(np.zeros([2, 7, 5, 4], "float32")).shape, tuple(layer.kernel.shape)
    (TensorShape([2, 7, 5, 8]), (3, 3, 2, 8))
    """

    def call(self, inputs):
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        pairs = zip(tf.split(inputs, self.groups, axis=-1), tf.split(kernel, self.groups, axis=-1), strict=True)
        options = {"strides": self.strides, "padding": self.padding.upper(), "dilations": self.dilation_rate}
        outputs = tf.concat([tf.nn.conv2d(x, part, **options) for x, part in pairs], axis=-1)
        if self.use_bias:
            outputs += tf.cast(tf.convert_to_tensor(self.bias), outputs.dtype)
        return outputs if self.activation is None else self.activation(outputs)
