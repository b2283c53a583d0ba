"""The base class of layers that compute with a function of the trained kernel."""

import math
import re

import keras
import tensorflow as tf

from keras_ganaug import _compat
from keras_ganaug.layers._layer import Layer

_KERNEL_NAMES = ("kernel", "depthwise_kernel", "embeddings")
_KINDS = "Dense, EinsumDense, Conv, Conv transposed, DepthwiseConv, Embedding"
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)


class Reparametrized(Layer, keras.layers.Wrapper):
    """Wraps a layer with a kernel. In every call it replaces the kernel by a subclass's `reparametrized_kernel`.

    The trained kernel itself is never assigned. The kernel of a custom layer must have the shape (..., inputs, outputs).
    """

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        received = f"Received: layer={self.layer.name!r} of type {type(self.layer).__name__}"
        self.kernel_name = next((name for name in _KERNEL_NAMES if getattr(self.layer, name, None) is not None), "")
        if not self.kernel_name:
            raise TypeError(f"`layer` must have a kernel to normalise ({_KINDS}). {received}")
        matrices = [weight for weight in self.layer.trainable_weights if len(weight.shape) > 1]
        one_kernel = len(matrices) < 2 or isinstance(self.layer, keras.layers.EinsumDense)  # its bias may have any rank
        if not one_kernel or type(self.layer).__name__.startswith("LocallyConnected"):
            raise TypeError(
                f"`layer` must have one kernel, which all its outputs share ({_KINDS}); a separable convolution consists "
                f"of a depthwise and an ordinary one. {received}"
            )
        self.built = True

    def raw_kernel(self) -> tf.Tensor:
        """The trained kernel as a tensor, in its own dtype."""
        return tf.convert_to_tensor(_compat.tf_variable(getattr(self.layer, self.kernel_name)))

    def _axes(self):
        """The kernel axes that are summed over for one output, and those of the outputs. Some axes are neither."""
        axes = [*range(self.raw_kernel().shape.rank)]
        if isinstance(self.layer, keras.layers.EinsumDense):
            inputs, kernel, outputs = re.split(",|->", self.layer.equation.replace(" ", ""))
            read, given = ([axis for axis in axes if kernel[axis] in of] for of in (inputs, outputs))
            return [axis for axis in read if axis not in given], [axis for axis in given if axis not in read]
        if self.kernel_name == "embeddings":
            return [], axes[-1:]  # an embedding looks up a row
        if isinstance(self.layer, DEPTHWISE):
            return axes[:-2], axes[-1:]  # (..., inputs, multiplier): each input on its own
        if isinstance(self.layer, _TRANSPOSED):
            return [*axes[:-2], axes[-1]], axes[-2:-1]  # (..., outputs, inputs)
        return axes[:-1], axes[-1:]

    def kernel_matrix(self) -> tf.Tensor:
        """The trained kernel as a float32 matrix (inputs, outputs). Separate channels or groups are concatenated."""
        kernel, outputs = tf.cast(self.raw_kernel(), tf.float32), self._axes()[1]
        axes = [axis for axis in range(kernel.shape.rank) if axis not in outputs] + outputs
        kernel = tf.transpose(kernel, axes) if axes != sorted(axes) else kernel
        return tf.reshape(kernel, [-1, math.prod(kernel.shape[-len(outputs) :])])

    def fan_in(self) -> int:
        """The number of inputs that are summed for one output."""
        shape = self.raw_kernel().shape
        return math.prod(shape[axis] for axis in self._axes()[0])

    def reparametrized_kernel(self) -> tf.Tensor:
        """The kernel that calls use."""
        raise NotImplementedError

    def call(self, inputs, training=None):
        with _compat.weight_replaced(self.layer, self.kernel_name, self.reparametrized_kernel()):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # The one of Keras 2.15 does not find wrapped layers of other packages.
        config = dict(config)
        layer = keras.saving.deserialize_keras_object(config.pop("layer"), custom_objects=custom_objects)
        return cls(layer, **config)
