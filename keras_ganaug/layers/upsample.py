"""Upsampling by repeating pixels."""

import keras
import tensorflow as tf

from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Upsample(Layer):
    """Doubles height and width by repeating pixels.

    `keras.layers.UpSampling2D` computes the same, but with Keras 2.15 XLA cannot compile its gradient on CPUs.

    Call arguments:
        inputs: Tensor of shape (batch, height, width, channels).

    Returns a tensor of shape (batch, 2 height, 2 width, channels) and the same dtype.
    """

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        pixels = tf.reshape(inputs, [-1, height, 1, width, 1, channels])  # older LiteRT cannot index this many axes
        repeated = tf.tile(pixels, [1, 1, 2, 1, 2, 1])
        return tf.reshape(repeated, [-1, 2 * height, 2 * width, channels])

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)
