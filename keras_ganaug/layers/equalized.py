"""The equalised learning rate."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.layers._reparametrized import Reparametrized


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Equalized(Reparametrized):
    """Scales a layer's kernel at run time by He's constant, so that all layers learn at the same speed.

    The kernel starts standard normal, and calls compute with it times `gain / √(fan in)`. Adam's steps, which do not depend
    on the size of a gradient, then have the same relative size in every layer.

    Reference: Karras et al. 2018, Progressive Growing of GANs, section 4.1.

    Args:
        layer: A Keras layer with a kernel; its kernel's initialiser is replaced.
        gain: Factor, √2 for layers before a rectifier. Defaults to √2.
        lr_multiplier: Factor on the layer's learning rate, as StyleGAN's mapping network has it: kernel and bias are stored
            divided by it and multiplied with it in use. Defaults to 1.
        seed: Seed of the kernel's initial values, or None. Defaults to None.

    Input and output shapes and dtypes are the wrapped layer's.

    Example:

    >>> import keras, numpy as np
    >>> from keras_ganaug.layers import Equalized
    >>> layer = Equalized(keras.layers.Dense(4, use_bias=False), gain=1.0)
    >>> outputs = layer(np.eye(100, dtype="float32"))
    >>> bool(np.allclose(outputs, layer.layer.kernel / 10))
    True
    """

    def __init__(self, layer, gain=2.0**0.5, lr_multiplier=1.0, seed=None, **kwargs):
        super().__init__(layer, **kwargs)
        self.gain = _checks.positive(gain, "gain")
        self.lr_multiplier = _checks.positive(lr_multiplier, "lr_multiplier")
        self.seed = seed
        # `kernel_initializer` is the one name that dense and convolutional layers share for it.
        layer.kernel_initializer = keras.initializers.RandomNormal(0.0, 1.0 / self.lr_multiplier, seed=seed)

    def reparametrized_kernel(self):
        kernel = self.raw_kernel()
        fan_in = int(np.prod(kernel.shape)) // self.kernel_matrix().shape[1]
        return kernel * tf.cast(self.gain * self.lr_multiplier / np.sqrt(fan_in), kernel.dtype)

    def call(self, inputs, training=None):
        if self.lr_multiplier == 1.0 or not self.layer.use_bias:
            return super().call(inputs)
        # The activation would come between the two biases: `build` has seen to it that there is none.
        outputs = super().call(inputs)
        bias = tf.cast(tf.convert_to_tensor(self.layer.bias), outputs.dtype)
        return outputs + (self.lr_multiplier - 1.0) * bias

    def build(self, input_shape=None):
        super().build(input_shape)
        linear = getattr(self.layer, "activation", None) in (None, keras.activations.linear)
        if self.lr_multiplier != 1.0 and not linear:
            raise ValueError(
                "`layer` must have no activation of its own where `lr_multiplier` is not 1. "
                f"Received: activation={self.layer.activation!r}"
            )

    def get_config(self):
        config = {"gain": self.gain, "lr_multiplier": self.lr_multiplier, "seed": self.seed}
        return {**super().get_config(), **config}
