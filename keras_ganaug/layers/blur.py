"""A low-pass filter, applied after upsampling and before downsampling."""

import keras
import tensorflow as tf

from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Blur(Layer):
    """Filters each channel with the binomial kernel [1, 2, 1] along height and width, with zero padding.

    It smooths repeated pixels, so that a generator does not have to learn to remove their grid.

    References: Karras, Laine and Aila 2019, A Style-Based Generator Architecture for Generative Adversarial Networks
    (bilinear sampling); Zhang 2019, Making Convolutional Networks Shift-Invariant Again.

    Call arguments:
        inputs: Float tensor of shape (batch, height, width, channels).

    Returns a tensor of the same shape and dtype.
    """

    def call(self, inputs):
        return _blur(inputs)


@tf.custom_gradient
def _blur(x):
    """A symmetric linear map, and therefore its own gradient, which is many times faster than that of its slices."""
    blurred = x
    for axis in (1, 2):
        border = [[1, 1] if n == axis else [0, 0] for n in range(4)]
        before, same, after = _shifted(tf.pad(blurred, border), axis, x.shape[axis])
        blurred = 0.5 * same + 0.25 * (before + after)
    return blurred, _blur


def _shifted(padded, axis, size):
    """The three consecutive windows of `size` along an axis."""
    return [padded[:, n : n + size] if axis == 1 else padded[:, :, n : n + size] for n in range(3)]
