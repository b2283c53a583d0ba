"""Batch normalisation whose scale and offset depend on the class."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat
from keras_ganaug._replicas import over_replicas
from keras_ganaug.conditions import encode
from keras_ganaug.layers._layer import Layer
from keras_ganaug.layers.one_hot import checked_sizes


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
        training: If True, uses the moments of the batch and updates the moving ones. Under a strategy, each replica uses the
            moments of its own part of the batch; the moving ones follow their means.

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
            channels = images.shape[-1]
            images, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                images, tf.ones([channels]), tf.zeros([channels]), epsilon=self.epsilon, is_training=True
            )
            moments = over_replicas([mean, variance])
            for moving, batch in zip((self.moving_mean, self.moving_variance), moments, strict=True):
                old = _value(moving)
                moving.assign(old + (1.0 - self.momentum) * (batch - old))
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


def _value(weight):
    return tf.convert_to_tensor(_compat.tf_variable(weight))
