"""Noise for the layers of a style-based generator, determined by seeds."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _random
from keras_ganaug.layers._layer import Layer

_draw: contextvars.ContextVar[Callable] = contextvars.ContextVar("draw", default=_random.normal_rows)


@contextlib.contextmanager
def drawn_by(draw: Callable) -> Iterator[None]:
    """Within the context, noise layers call `draw(seeds, size, stream)` instead of `_random.normal_rows`."""
    token = _draw.set(draw)
    try:
        yield
    finally:
        _draw.reset(token)


def noise(seeds: tf.Tensor, size: int, stream: int = 0) -> tf.Tensor:
    """Standard normal float32 numbers (n, size), one row for each int32 seed (n,), or the draws of `drawn_by`."""
    return _draw.get()(seeds, size, stream)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class NoiseInjection(Layer):
    """Adds normal noise, one number for each pixel, times a learned gain for each channel that starts at 0.

    The noise depends only on the image's own seed: the same seed gives the same image, whatever else is in the batch.

    Reference: Karras et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks, section 2.

    Args:
        index: Number of this layer within its network, so that each layer has different noise. Defaults to 0.

    Call arguments:
        inputs: `[x, seeds]`: features of shape (batch, height, width, channels), and int32 seeds of shape (batch,).

    Returns features with the shape and dtype of x.
    """

    def __init__(self, index: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.index = _checks.non_negative_int(index, "index")

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[0][-1],), initializer="zeros")
        self.built = True

    def call(self, inputs):
        x, seeds = inputs
        height, width = x.shape[1:3]
        added = tf.reshape(noise(seeds, height * width, self.index), [-1, height, width, 1])
        return x + tf.cast(added, x.dtype) * tf.cast(tf.convert_to_tensor(self.gain), x.dtype)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class SeedOfLatents(keras.layers.Layer):
    """Computes an int32 seed for each row of latents from its bits.

    Call arguments:
        latents: float32 tensor of shape (batch, latent_dim).

    Returns an int32 tensor of shape (batch,).
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"  # all bits matter, in mixed precision too
        super().__init__(**kwargs)

    def call(self, latents):
        bits = tf.bitcast(tf.cast(latents, tf.float32), tf.int32)
        odd = 2 * tf.range(bits.shape[1], dtype=tf.int32) + 1
        return tf.reduce_sum(bits * odd, axis=1)

    def compute_output_spec(self, latents: Any) -> Any:
        return keras.KerasTensor((latents.shape[0],), dtype="int32")
