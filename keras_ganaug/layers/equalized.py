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

    The kernel starts standard normal, and calls compute with it times `gain / √(fan in)`. Adam's steps, which do not depend
    on the size of a gradient, then have the same relative size in every layer. The fan in is the number of inputs that the
    kernel adds up to one output: all but the last axis of a dense or convolutional kernel, the window alone of a depthwise
    convolution, 1 of an embedding. For a transposed convolution it is the window times the input channels.

    Reference: Karras et al. 2018, Progressive Growing of GANs, section 4.1.

    Args:
        layer: A Keras layer with one kernel, not built yet: its kernel's initialiser is replaced. Dense, EinsumDense,
            convolution, transposed or depthwise convolution, embedding, or one of your own with a `kernel` of shape
            (..., inputs, outputs) that `kernel_initializer` starts.
        gain: Factor, √2 for layers before a rectifier. Defaults to √2.
        lr_multiplier: Factor on the layer's learning rate, as StyleGAN's mapping network has it: kernel and bias are stored
            divided by it and multiplied with it in use. Defaults to 1.
        seed: Seed of the kernel's initial values, or None. Defaults to None.

    Input and output shapes and dtypes are the wrapped layer's.

    Raises:
        TypeError: For a layer without a kernel, or with several.
        ValueError: For a layer that is built, whose kernel has started otherwise.

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
        if layer.built and layer.weights and not _alike(before, initializer):  # alike where a file is loaded
            raise ValueError(
                "`layer` must not be built yet: its kernel has to start standard normal. "
                f"Received: layer={layer.name!r}, which has weights"
            )
        if before is not None:
            with contextlib.suppress(AttributeError):  # a recurrent layer's cannot be set; `build` refuses it
                setattr(layer, self._initializer, initializer)

    def reparametrized_kernel(self):
        kernel = self.raw_kernel()
        return kernel * tf.cast(self.gain * self.lr_multiplier / np.sqrt(self.fan_in()), kernel.dtype)

    def call(self, inputs, training=None):
        if self.lr_multiplier == 1.0 or getattr(self.layer, "bias", None) is None:
            return super().call(inputs)
        # The activation would come between the two biases: `build` has seen to it that there is none.
        outputs = super().call(inputs)
        bias = tf.cast(tf.convert_to_tensor(self.layer.bias), outputs.dtype)
        return outputs + (self.lr_multiplier - 1.0) * bias

    def build(self, input_shape=None):
        super().build(input_shape)
        if not hasattr(self.layer, self._initializer):
            raise TypeError(
                f"`layer` must start its kernel by `{self._initializer}`, which is replaced. "
                f"Received: layer={self.layer.name!r} of type {type(self.layer).__name__}"
            )
        linear = getattr(self.layer, "activation", None) in (None, keras.activations.linear)
        if self.lr_multiplier != 1.0 and not linear:
            raise ValueError(
                "`layer` must have no activation of its own where `lr_multiplier` is not 1. "
                f"Received: activation={self.layer.activation!r}"
            )


def _alike(initializer, other):
    return type(initializer) is type(other) and initializer.get_config()["stddev"] == other.get_config()["stddev"]
