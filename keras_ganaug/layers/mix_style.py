"""MixStyle: mixes the feature statistics of images."""

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random
from keras_ganaug._state import add_state
from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MixStyle(Layer):
    """Mixes the style of each image with that of another image in the batch, during training.

    Style means the mean and the standard deviation of each channel over the positions. Features are normalised by their own
    statistics. Then they are scaled and shifted by λ times their own statistics plus 1 - λ times those of the other image,
    with λ from Beta(α, α) for each image. No gradient flows through the statistics. Put the layer after one of the first
    convolutions of a classifier that should ignore style.

    Reference: Zhou et al. 2021, Domain Generalization with MixStyle.

    Args:
        probability: Probability that a batch is mixed at all, from 0 to 1. Defaults to 0.5.
        alpha: α, above 0. Defaults to 0.1.
        epsilon: Added to the variance. Defaults to 1e-6.
        seed: Integer that determines the draws; None for a random seed. Defaults to None.

    Call arguments:
        inputs: Features of shape (batch, height, width, channels).
        training: Whether to mix. Only True mixes.

    Returns features with the shape and dtype of the inputs.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> x = np.random.default_rng(0).normal(size=[4, 8, 8, 3]).astype("float32")
    >>> layer = kga.layers.MixStyle(probability=1.0, seed=1)
    >>> bool((layer(x).numpy() == x).all()), bool((layer(x, training=True).numpy() == x).all())
    (True, False)
    """

    def __init__(
        self, probability: float = 0.5, alpha: float = 0.1, epsilon: float = 1e-6, seed: int | None = None, **kwargs
    ):
        super().__init__(**kwargs)
        self.probability, self.alpha = _checks.fraction(probability, "probability"), _checks.positive(alpha, "alpha")
        self.epsilon = _checks.non_negative(epsilon, "epsilon")
        self.seed = _random.entropy() if _checks.seed(seed) is None else _checks.seed(seed)

    def build(self, input_shape):
        self.calls = add_state(self, "calls", dtype="int64")
        self.built = True

    def call(self, inputs, training=None):
        if not training:
            return inputs
        number = tf.identity(_compat.tf_variable(self.calls))
        self.calls.assign_add(1)
        seed = _random.replica_seed(_random.fold(_random.as_seed(self.seed), number))
        return tf.where(_random.uniform([], _random.fold(seed, 0)) < self.probability, self.mixed(inputs, seed), inputs)

    def mixed(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Mixes the styles of a batch of features, with an int32 seed (2,)."""
        x, n = tf.cast(inputs, tf.float32), tf.shape(inputs)[0]
        mean, variance = tf.nn.moments(tf.stop_gradient(x), [1, 2], keepdims=True)
        deviation = tf.sqrt(variance + self.epsilon)
        other = _random.permutation(n, _random.fold(seed, 1))
        share = _random.beta([n, 1, 1, 1], self.alpha, _random.fold(seed, 2))
        scale, offset = (share * own + (1 - share) * tf.gather(own, other) for own in (deviation, mean))
        return tf.cast((x - mean) / deviation * scale + offset, inputs.dtype)
