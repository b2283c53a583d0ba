"""The progress of a growing network, and the fade-in of new levels."""

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat
from keras_ganaug._state import add_state
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Progress(Layer):
    """A saved number from 0 to `levels`, the number of active levels of a network, and a gate for each level.

    At progress p, the gate of level n is clip(p - n, 0, 1): level 0 fades in while p goes from 0 to 1, and so on. Since the
    progress is a variable, the network's graph does not change while it grows.

    Args:
        levels: Number of levels that fade in.

    Call arguments:
        inputs: Any tensor whose first dimension is the batch.

    Returns gates of shape (batch, levels), float32.
    """

    not_averaged = ("progress",)

    def __init__(self, levels: int, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.levels = _checks.positive_int(levels, "levels")

    def build(self, input_shape=None):
        self.progress = add_state(self, "progress", initializer=keras.initializers.Constant(float(self.levels)))
        self.built = True

    def call(self, inputs):
        gates = tf.convert_to_tensor(_compat.tf_variable(self.progress)) - tf.range(self.levels, dtype=tf.float32)
        return tf.tile(tf.clip_by_value(gates, 0.0, 1.0)[None], [tf.shape(inputs)[0], 1])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.levels)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class FadeIn(Layer):
    """Blends (1 - α) old + α new, where α is the gate of a level.

    Reference: Karras et al. 2018, Progressive Growing of GANs, figure 2.

    Args:
        level: Index of the gate.

    Call arguments:
        inputs: `[old, new, gates]`: two float tensors of the same shape (batch, height, width, channels), and the gates of a
            `Progress` layer.

    Returns a tensor with the shape and dtype of `new`.
    """

    def __init__(self, level: int, **kwargs):
        super().__init__(**kwargs)
        self.level = _checks.non_negative_int(level, "level")

    def call(self, inputs):
        old, new, gates = inputs
        alpha = tf.cast(gates[:, self.level], new.dtype)[:, None, None, None]
        return old + alpha * (new - old)
