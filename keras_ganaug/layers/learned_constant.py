"""A learned constant, the input of a style-based generator."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LearnedConstant(Layer):
    """Returns the same learned features for every image.

    Reference: Karras et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks, section 2.

    Args:
        shape: (height, width, channels).
        initializer: Initializer of the features, or its name. Defaults to "ones".

    Call arguments:
        inputs: Any tensor whose first dimension is the batch.

    Returns a tensor of shape (batch, *shape), in the compute dtype.
    """

    def __init__(self, shape: Sequence[int], initializer: Any = "ones", **kwargs):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.shape = _checks.image_shape(shape)

    def build(self, input_shape=None):
        self.constant = self.add_weight(name="constant", shape=self.shape, initializer=self.initializer)
        self.built = True

    def call(self, inputs):
        constant = tf.cast(tf.convert_to_tensor(self.constant), self.compute_dtype)
        return tf.tile(constant[None], [tf.shape(inputs)[0], 1, 1, 1])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return {**super().get_config(), "initializer": keras.initializers.serialize(self.initializer)}
