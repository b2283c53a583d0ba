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
        padded = tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
        halfway = tf.nn.avg_pool2d(padded, 2, 1, "VALID")  # [1, 1] twice is [1, 2, 1]
        return tf.nn.avg_pool2d(halfway, 2, 1, "VALID")
