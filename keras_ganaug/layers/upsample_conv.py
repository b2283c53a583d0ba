"""Upsampling and convolution in one step, at less than half the cost."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_ganaug")
class UpsampleConv2D(keras.layers.Conv2D):
    """Doubles height and width by repeating pixels, and convolves the result with a 3×3 kernel.

    It equals `Upsample` followed by a `Conv2D`, computed as one transposed convolution with stride 2: of the nine products
    for each output, only four are different. The kernel, its shape and its initial values are those of the convolution.

    Args:
        filters: Number of output channels.
        kernel_initializer, use_bias, ...: See `keras.layers.Conv2D`. The kernel is 3×3 and the padding "same".

    Input shape (batch, height, width, channels), output shape (batch, 2 height, 2 width, filters), with the same dtype.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.layers import UpsampleConv2D
    >>> UpsampleConv2D(8)(np.zeros([2, 7, 5, 3], "float32")).shape
    TensorShape([2, 14, 10, 8])
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, 3, padding="same", **kwargs)

    def call(self, inputs):
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)  # (3, 3, channels, filters)
        for axis in (0, 1):
            # Kernel taps that meet a pixel and its copy are added; a transposed convolution reverses the order of taps.
            before, after = [[0, 0]] * 4, [[0, 0]] * 4
            before[axis], after[axis] = [0, 1], [1, 0]
            kernel = tf.pad(kernel, before) + tf.pad(kernel, after)
        kernel = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])  # (4, 4, filters, channels)
        size = tf.shape(inputs)
        shape = [size[0], 2 * inputs.shape[1], 2 * inputs.shape[2], self.filters]
        outputs = tf.nn.conv2d_transpose(inputs, kernel, shape, strides=2, padding="SAME")
        if self.use_bias:
            outputs += tf.cast(tf.convert_to_tensor(self.bias), outputs.dtype)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[1], 2 * input_shape[2], self.filters)

    def get_config(self):
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in ("kernel_size", "padding")}
