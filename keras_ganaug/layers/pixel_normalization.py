"""Pixelwise feature normalisation."""

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class PixelNormalization(Layer):
    """Divides the features of each pixel by their root mean square: x / √(mean x² + ε), over the last axis.

    Reference: Karras et al. 2018, Progressive Growing of GANs, section 4.2.

    Args:
        epsilon: ε. Defaults to 1e-8.

    Input: a float tensor of any shape; output: the same shape and dtype.
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = _checks.non_negative(epsilon, "epsilon")

    def call(self, inputs):
        x = tf.cast(inputs, tf.float32)  # ε would vanish in bfloat16
        x *= tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + self.epsilon)
        return tf.cast(x, inputs.dtype)
