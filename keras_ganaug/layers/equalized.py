"""The equalised learning rate."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._reparametrized import DEPTHWISE, Reparametrized

_INITIALIZERS = ((DEPTHWISE, "depthwise_initializer"), (keras.layers.Embedding, "embeddings_initializer"))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Equalized(Reparametrized):
    """Scales a layer's kernel at run time by He's constant, so that all layers learn at the same speed.

    The kernel is initialised from the standard normal distribution, and each call multiplies it by `gain / √(fan in)`.
    Adam's steps do not depend on the size of a gradient, so they then have the same relative size in every layer. The fan in
    is the number of inputs that are summed for one output: all but the last axis of a dense or convolutional kernel, only
    the window for a depthwise convolution, 1 for an embedding, and the window times the input channels for a transposed
    convolution.

    Reference: Karras et al. 2018, Progressive Growing of GANs, section 4.1.

    Args:
        layer: An unbuilt Keras layer with one kernel, whose initializer is replaced. Dense, EinsumDense, convolution,
            transposed or depthwise convolution, embedding, or a custom layer with a `kernel` of shape (..., inputs, outputs)
            that `kernel_initializer` initialises.
        gain: Factor, √2 for layers before a ReLU. Defaults to √2.
        lr_multiplier: Factor for the layer's learning rate, as in StyleGAN's mapping network: kernel and bias are stored
            divided by it and multiplied by it in each call. Defaults to 1.
        seed: Seed for the kernel's initial values, or None. Defaults to None.

    Input and output shapes and dtypes are those of the wrapped layer.

    Raises:
        TypeError: For a layer without a kernel, or with several.
        ValueError: For a layer that is already built, whose kernel was initialised differently.

    Example:

    >>> import keras, numpy as np
    >>> from keras_ganaug.layers import Equalized
    >>> layer = Equalized(keras.layers.Dense(4, use_bias=False), gain=1.0)
    >>> outputs = layer(np.eye(100, dtype="float32"))
    >>> bool(np.allclose(outputs, layer.layer.kernel / 10))
    True
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        gain: float = 2.0**0.5,
        lr_multiplier: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(layer, **kwargs)
        self.gain = _checks.positive(gain, "gain")
        self.lr_multiplier = _checks.positive(lr_multiplier, "lr_multiplier")
        self.seed = seed
        self._initializer = next((name for kind, name in _INITIALIZERS if isinstance(layer, kind)), "kernel_initializer")
        initializer = keras.initializers.RandomNormal(0.0, 1.0 / self.lr_multiplier, seed=seed)
        before = getattr(layer, self._initializer, None)
        if layer.built and layer.weights and not _alike(before, initializer):  # they are alike if a file is being loaded
            raise ValueError(
                "`layer` must not be built yet: its kernel must be initialised here. "
                f"Received: layer={layer.name!r}, which has weights"
            )
        if before is not None:
            with contextlib.suppress(AttributeError):  # it cannot be set on a recurrent layer, which `build` rejects
                setattr(layer, self._initializer, initializer)

    def reparametrized_kernel(self):
        kernel = self.raw_kernel()
        return kernel * tf.cast(self.gain * self.lr_multiplier / np.sqrt(self.fan_in()), kernel.dtype)

    def call(self, inputs, training=None):
        if self.lr_multiplier == 1.0 or getattr(self.layer, "bias", None) is None:
            return super().call(inputs)
        # An activation would come between the two biases, so `build` checks that there is none.
        outputs = super().call(inputs)
        bias = tf.cast(tf.convert_to_tensor(self.layer.bias), outputs.dtype)
        return outputs + (self.lr_multiplier - 1.0) * bias

    def build(self, input_shape=None):
        super().build(input_shape)
        if not hasattr(self.layer, self._initializer):
            raise TypeError(
                f"`layer` must initialise its kernel with `{self._initializer}`, which is replaced. "
                f"Received: layer={self.layer.name!r} of type {type(self.layer).__name__}"
            )
        linear = getattr(self.layer, "activation", None) in (None, keras.activations.linear)
        if self.lr_multiplier != 1.0 and not linear:
            raise ValueError(
                "`layer` must have no activation if `lr_multiplier` is not 1. "
                f"Received: activation={self.layer.activation!r}"
            )


def _alike(initializer, other):
    return type(initializer) is type(other) and initializer.get_config()["stddev"] == other.get_config()["stddev"]
