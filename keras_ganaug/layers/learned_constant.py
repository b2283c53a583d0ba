"""A learned constant, the input of a style-based generator."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LearnedConstant(Layer):
    """Returns the same learned features for every image. They start at one.

    Reference: Karras et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks, section 2.

    Args:
        shape: (height, width, channels).

    Call arguments:
        inputs: Any tensor whose first dimension is the batch.

    Returns a tensor of shape (batch, *shape), in the compute dtype.
    """

    def __init__(self, shape: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.shape = _checks.image_shape(shape)

    def build(self, input_shape=None):
        self.constant = self.add_weight(name="constant", shape=self.shape, initializer="ones")
        self.built = True

    def call(self, inputs):
        constant = tf.cast(tf.convert_to_tensor(self.constant), self.compute_dtype)
        return tf.tile(constant[None], [tf.shape(inputs)[0], 1, 1, 1])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)
