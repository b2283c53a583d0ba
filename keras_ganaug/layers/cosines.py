"""Cosines between features and trained vectors."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Cosines(keras.layers.Dense):
    """The cosines of the angles between unit vectors and the columns of a trained kernel.

    A classifier whose logits are cosines knows how similar an image is to each class, whatever the lengths of the vectors.

    Args:
        units: Number of trained vectors, such as the number of classes.
        kernel_initializer, ...: See `keras.layers.Dense`. There is no bias.

    Call arguments:
        inputs: Float tensor of shape (batch, d), whose rows have length 1.

    Returns a tensor of shape (batch, units), with values from -1 to 1.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug.layers import Cosines
    >>> layer = Cosines(2)
    >>> layer.build((None, 2))
    >>> layer.set_weights([np.array([[5.0, 3.0], [0.0, 4.0]])])
    >>> np.float64(layer(np.array([[0.0, 1.0]], "float32"))).round(2).tolist()
    [[0.0, 0.8]]
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, use_bias=False, **kwargs)

    def call(self, inputs):
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        return tf.matmul(inputs, tf.math.l2_normalize(kernel, axis=0))

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "use_bias"}
