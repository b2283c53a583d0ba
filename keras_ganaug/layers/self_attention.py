"""Self-attention over the positions of an image."""

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._layer import Layer
from keras_ganaug.layers.spectral_normalization import SpectralNormalization


@keras.saving.register_keras_serializable(package="keras_ganaug")
class SelfAttention(Layer):
    """Adds attention over the whole image to each position: y = γ o + x, where γ starts at 0.

    β_ij = softmax_i(f(x_i)ᵀ g(x_j)) is how much position j attends to position i, and o_j = v(Σ_i β_ij h(x_i)), where f, g,
    h and v are 1×1 convolutions. Cost and memory grow with the square of the number of positions.

    Reference: Zhang et al. 2019, Self-Attention Generative Adversarial Networks, section 3.

    Args:
        spectral_normalization: Whether the four convolutions are spectrally normalised, as in the paper. Defaults to True.
        seed: Seed of the initial kernels, or None. Defaults to None.

    Input: a float tensor of shape (batch, height, width, channels); output: the same shape and dtype. f and g have an eighth
        of the channels, h half of them (at least 1).
    """

    def __init__(self, spectral_normalization: bool = True, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.spectral_normalization = bool(spectral_normalization)
        self.seed = _checks.seed(seed)

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ValueError(
                "`inputs` of SelfAttention must have the static shape (batch, height, width, channels). "
                f"Received: shape {tuple(input_shape)}"
            )
        channels = input_shape[-1]
        sizes = {"f": max(channels // 8, 1), "g": max(channels // 8, 1), "h": max(channels // 2, 1), "v": channels}
        for n, (name, filters) in enumerate(sizes.items()):
            initializer = keras.initializers.GlorotUniform(None if self.seed is None else self.seed + n)
            layer = keras.layers.Conv2D(filters, 1, use_bias=False, kernel_initializer=initializer, dtype=self.dtype_policy)
            if self.spectral_normalization:
                layer = SpectralNormalization(layer, dtype=self.dtype_policy)
            layer.build((*input_shape[:-1], sizes["h"] if name == "v" else channels))
            setattr(self, name, layer)
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")
        self.built = True

    def attention(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """β as a float32 tensor of shape (batch, positions j, positions i); each row sums to 1."""
        f, g = (self._positions(layer(inputs, training=training)) for layer in (self.f, self.g))
        return tf.nn.softmax(tf.cast(tf.matmul(g, f, transpose_b=True), tf.float32), axis=-1)

    def call(self, inputs, training=None):
        attention = tf.cast(self.attention(inputs, training), inputs.dtype)
        attended = tf.matmul(attention, self._positions(self.h(inputs, training=training)))
        attended = tf.reshape(attended, [-1, *inputs.shape[1:3], attended.shape[-1]])
        gamma = tf.cast(tf.convert_to_tensor(self.gamma), inputs.dtype)
        return gamma * self.v(attended, training=training) + inputs

    @staticmethod
    def _positions(x):
        return tf.reshape(x, [-1, x.shape[1] * x.shape[2], x.shape[3]])
