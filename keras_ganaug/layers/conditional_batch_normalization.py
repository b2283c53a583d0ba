"""Batch normalisation whose scale and offset depend on the class."""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat
from keras_ganaug._replicas import over_replicas, several
from keras_ganaug.conditions import encode
from keras_ganaug.layers._layer import Layer
from keras_ganaug.layers.one_hot import checked_sizes

_moving: contextvars.ContextVar[Any] = contextvars.ContextVar("moving", default=True)


@contextlib.contextmanager
def moving_if(condition: Any) -> Iterator[None]:
    """Within the context, moving moments follow the batch only if a condition holds, a boolean scalar."""
    token = _moving.set(condition)
    try:
        yield
    finally:
        _moving.reset(token)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ConditionalBatchNormalization(Layer):
    """Batch normalisation with a scale γ and an offset β for each class, or plain without classes.

    With several attributes, γ and β are sums of one row for each attribute, so unseen combinations have trained values too.

    References: Ioffe and Szegedy 2015; Dumoulin et al. 2017, A Learned Representation for Artistic Style.

    Args:
        num_classes: Number of classes; with several attributes, a sequence of numbers or a mapping from names to numbers.
            None for plain batch normalisation with one γ and β. Defaults to None.
        momentum: Momentum of the moving mean and variance. Defaults to 0.9: with Keras's 0.99, the statistics of a run of a
            few hundred steps would still be those of its start.
        epsilon: Added to the variance. Defaults to 1e-5.

    Call arguments:
        inputs: `[images, labels]`, or `images` alone without classes. `images` is a float tensor of shape (batch, height,
            width, channels), `labels` an int32 tensor of shape (batch,), or (batch, attributes).
        training: If True, uses the moments of the batch and updates the moving ones. Under a strategy, these are the moments
            of the whole batch.

    Returns a tensor with the shape and dtype of `images`.
    """

    def __init__(
        self,
        num_classes: int | Sequence[int] | Mapping[str, int] | None = None,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.sizes, serialized = checked_sizes(1 if num_classes is None else num_classes)
        self.num_classes = None if num_classes is None else serialized
        self.momentum = _checks.fraction(momentum, "momentum")
        self.epsilon = _checks.non_negative(epsilon, "epsilon")

    def build(self, input_shape):
        channels = (input_shape if self.num_classes is None else input_shape[0])[-1]
        rows, ones = (sum(self.sizes), channels), keras.initializers.Constant(1.0 / len(self.sizes))  # they sum to 1
        self.gamma = self.add_weight(name="gamma", shape=rows, initializer=ones)
        self.beta = self.add_weight(name="beta", shape=rows, initializer="zeros")
        moving = {"shape": (channels,), "dtype": "float32", "trainable": False, "aggregation": _compat.SAME_ON_ALL}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **moving)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **moving)
        self.built = True

    def call(self, inputs, training=None):
        images, labels = (inputs, None) if self.num_classes is None else inputs
        if training:
            images, *moments = self._normalized(images)
            share = 1.0 - self.momentum
            share = share if _moving.get() is True else tf.where(_moving.get(), share, 0.0)
            for moving, batch in zip((self.moving_mean, self.moving_variance), moments, strict=True):
                old = _value(moving)
                moving.assign(old + share * (batch - old))
        gamma, beta = _value(self.gamma), _value(self.beta)
        if labels is not None:
            # The product with one-hot rows has a dense gradient, which works in every optimizer and in XLA.
            one_hot = encode(labels, self.sizes, gamma.dtype)
            gamma, beta = one_hot @ gamma, one_hot @ beta
        if not training:
            # At inference, the two affine maps are combined.
            gamma = gamma * tf.math.rsqrt(_value(self.moving_variance) + self.epsilon)
            beta = beta - gamma * _value(self.moving_mean)
        gamma, beta = tf.cast(gamma, images.dtype), tf.cast(beta, images.dtype)
        return images * gamma[:, None, None, :] + beta[:, None, None, :]

    def _normalized(self, images):
        """The images normalised by the moments of the batch, and these moments. The variance is the unbiased one."""
        channels, replicas = images.shape[-1], several()
        if replicas is None:
            ones, zeros = tf.ones([channels]), tf.zeros([channels])
            # On processors the kernel for bfloat16 is up to 15 times as slow where channels do not fill blocks of 16.
            narrow = images.dtype == tf.bfloat16 and channels % 16
            x = tf.cast(images, tf.float32) if narrow else images
            x, *moments = tf.compat.v1.nn.fused_batch_norm(x, ones, zeros, epsilon=self.epsilon, is_training=True)
            return tf.cast(x, images.dtype), *moments
        # Distances from the moving mean, which all replicas share, have small squares: their means lose few digits.
        centre = tf.stop_gradient(_value(self.moving_mean))
        x = tf.cast(images, tf.float32) - centre
        means = [tf.reduce_mean(x, axis=[0, 1, 2]), tf.reduce_mean(tf.square(x), axis=[0, 1, 2])]
        mean, square = over_replicas(means, differentiable=True)
        variance = tf.nn.relu(square - tf.square(mean))
        number = tf.cast(tf.size(x) // channels * replicas.num_replicas_in_sync, tf.float32)
        normalized = (x - mean) * tf.math.rsqrt(variance + self.epsilon)
        return tf.cast(normalized, images.dtype), centre + mean, variance * number / (number - 1.0)


def _value(weight):
    return tf.convert_to_tensor(_compat.tf_variable(weight))
