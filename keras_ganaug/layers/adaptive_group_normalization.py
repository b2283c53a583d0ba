"""Adaptive group normalisation."""

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class AdaptiveGroupNormalization(Layer):
    """Normalises each group of channels of each image, and applies a scale and an offset: y_s · (x - μ) / σ + y_b.

    Normalisation, scale and offset are one multiplication and one addition, which is several times as fast as three layers.

    References: Wu and He 2018, Group Normalization; Dhariwal and Nichol 2021, Diffusion Models Beat GANs on Image Synthesis,
    section 3.1.

    Args:
        groups: Number of groups, which must divide the number of channels. Defaults to 8.
        epsilon: Added to the variance σ². Defaults to 1e-3.

    Call arguments:
        inputs: `[x, y_s, y_b]`: features of shape (batch, height, width, channels), and a scale and an offset for each
            channel, (batch, channels).

    Returns features with the shape and dtype of x.

    Raises:
        ValueError: For a number of channels that the groups do not divide.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.layers import AdaptiveGroupNormalization
    >>> x = np.random.default_rng(0).normal(5.0, 3.0, [2, 8, 8, 4]).astype("float32")
    >>> y = AdaptiveGroupNormalization(groups=2)([x, np.full([2, 4], 10.0, "float32"), np.ones([2, 4], "float32")])
    >>> round(float(np.mean(y)), 2), round(float(np.std(y)), 1)
    (1.0, 10.0)
    """

    def __init__(self, groups: int = 8, epsilon: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        self.groups = _checks.positive_int(groups, "groups")
        self.epsilon = _checks.non_negative(epsilon, "epsilon")

    def build(self, input_shape):
        channels = input_shape[0][-1]
        if channels % self.groups:
            raise ValueError(f"`groups` must divide the channels. Received: groups={self.groups} for {channels} channels")
        self.built = True

    def call(self, inputs):
        x, scale, offset = inputs
        channels = x.shape[-1]

        def of_group(values):
            means = tf.reduce_mean(tf.reshape(values, [-1, self.groups, channels // self.groups]), axis=2)
            return tf.repeat(means, channels // self.groups, axis=1)

        wide = tf.cast(x, tf.float32)
        mean, square = (of_group(tf.reduce_mean(values, axis=[1, 2])) for values in (wide, tf.square(wide)))
        scale = tf.cast(scale, tf.float32) * tf.math.rsqrt(tf.nn.relu(square - tf.square(mean)) + self.epsilon)
        offset = tf.cast(offset, tf.float32) - mean * scale
        scale, offset = (tf.cast(each, x.dtype)[:, None, None] for each in (scale, offset))
        return x * scale + offset
