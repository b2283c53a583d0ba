"""Adaptive instance normalisation."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class AdaIN(Layer):
    """Normalises each channel of each image, and applies the scale and offset of a style: y_s · (x - μ) / σ + y_b.

    The style (y_s, y_b) is an affine function of w, with an equalised learning rate. The bias of y_s starts at 1.

    References: Huang and Belongie 2017, Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization; Karras
    et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks, equation 1.

    Args:
        epsilon: Added to the variance σ². Defaults to 1e-8.
        seed: Seed for the initial kernel of the affine function, or None. Defaults to None.

    Call arguments:
        inputs: `[x, w]`: features of shape (batch, height, width, channels), and w of shape (batch, w_dim).

    Returns features with the shape and dtype of x.
    """

    def __init__(self, epsilon: float = 1e-8, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = _checks.non_negative(epsilon, "epsilon")
        self.seed = seed

    def build(self, input_shape):
        channels, w_dim = input_shape[0][-1], input_shape[1][-1]
        normal = keras.initializers.RandomNormal(0.0, 1.0, seed=self.seed)
        self.kernel = self.add_weight(name="kernel", shape=(w_dim, 2 * channels), initializer=normal)
        self.scale = self.add_weight(name="scale", shape=(channels,), initializer="ones")
        self.offset = self.add_weight(name="offset", shape=(channels,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        x, w = inputs
        kernel, scale, offset = (tf.convert_to_tensor(v) for v in (self.kernel, self.scale, self.offset))
        style = tf.linalg.matmul(w, kernel) * tf.cast(1.0 / np.sqrt(kernel.shape[0]), w.dtype)
        y_s, y_b = tf.split(style, 2, axis=-1)
        y_s, y_b = (tf.cast(y + bias, tf.float32)[:, None, None] for y, bias in ((y_s, scale), (y_b, offset)))
        centred = tf.cast(x, tf.float32)
        centred -= tf.reduce_mean(centred, axis=[1, 2], keepdims=True)
        # `tf.nn.moments` would subtract the mean a second time.
        variance = tf.reduce_mean(tf.square(centred), axis=[1, 2], keepdims=True)
        return tf.cast(y_s * centred * tf.math.rsqrt(variance + self.epsilon) + y_b, x.dtype)
