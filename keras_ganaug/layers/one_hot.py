"""Class indices as one-hot rows."""

import keras
import tensorflow as tf

from keras_ganaug import _checks


@keras.saving.register_keras_serializable(package="keras_ganaug")
class OneHot(keras.layers.Layer):
    """Class indices of shape (batch,) as one-hot rows of shape (batch, num_classes), in the compute dtype.

    Args:
        num_classes: Number of classes.
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = _checks.positive_int(num_classes, "num_classes")

    def call(self, labels):
        return tf.one_hot(tf.cast(labels, tf.int32), self.num_classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.num_classes)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
