"""The base of layers that compute with another kernel than the one that is trained."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat

_KERNEL_NAMES = ("kernel", "depthwise_kernel", "embeddings")
_KINDS = "Dense, EinsumDense, Conv, Conv transposed, DepthwiseConv, Embedding"
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)


class Reparametrized(keras.layers.Wrapper):
    """Wraps a layer with a kernel, and replaces the kernel by a function of it in every call.

    A subclass defines `reparametrized_kernel`. The trained kernel itself is never assigned.

    Args:
        layer: A Keras layer with one kernel: dense, convolution, transposed or depthwise convolution, or embedding. The
            kernel of a layer of your own has the shape (..., inputs, outputs).
    """

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        names = [name for name in _KERNEL_NAMES if getattr(self.layer, name, None) is not None]
        if not names:
            raise TypeError(
                f"`layer` must have a kernel to normalise ({_KINDS}). "
                f"Received: layer={self.layer.name!r} of type {type(self.layer).__name__}"
            )
        self.kernel_name = names[0]
        self._check_only_kernel()
        self.built = True

    def _check_only_kernel(self):
        kernel = _compat.tf_variable(getattr(self.layer, self.kernel_name))
        weights = [_compat.tf_variable(weight) for weight in self.layer.trainable_weights]
        others = [weight.name for weight in weights if weight is not kernel and len(weight.shape) > 1]
        known = isinstance(self.layer, keras.layers.EinsumDense)  # whose bias may be of any rank
        if (others and not known) or type(self.layer).__name__.startswith("LocallyConnected"):
            raise TypeError(
                f"`layer` must have one kernel, which all its outputs share ({_KINDS}); a separable convolution is a "
                f"depthwise one and a convolution. Received: layer={self.layer.name!r} of type {type(self.layer).__name__}"
            )

    def raw_kernel(self):
        """The trained kernel as a tensor, in its own dtype."""
        return tf.convert_to_tensor(_compat.tf_variable(getattr(self.layer, self.kernel_name)))

    def kernel_matrix(self):
        """The trained kernel as a float32 matrix of shape (inputs, outputs).

        Axes that belong to both, the channels of a depthwise convolution or the groups of a grouped one, are not apart.
        """
        kernel = tf.cast(self.raw_kernel(), tf.float32)
        axes = [*range(kernel.shape.rank)]
        outputs = 1
        if isinstance(self.layer, _TRANSPOSED):  # (..., outputs, inputs)
            axes[-2:] = axes[:-3:-1]
        if isinstance(self.layer, keras.layers.EinsumDense):
            read, given = self._einsum_axes()
            inner = [axis for axis in axes if axis in read or axis not in given]
            axes, outputs = inner + [axis for axis in axes if axis not in inner], len(axes) - len(inner)
        kernel = tf.transpose(kernel, axes) if axes != sorted(axes) else kernel
        return tf.reshape(kernel, [-1, int(np.prod(kernel.shape[kernel.shape.rank - outputs :]))])

    def fan_in(self):
        """How many inputs a kernel adds up to one output."""
        shape = [*self.raw_kernel().shape]
        if self.kernel_name == "embeddings":
            return 1  # a row is looked up
        if isinstance(self.layer, _DEPTHWISE):
            return int(np.prod(shape[:-2]))  # (..., inputs, multiplier): each input on its own
        if isinstance(self.layer, keras.layers.EinsumDense):
            read, given = self._einsum_axes()
            return int(np.prod([size for axis, size in enumerate(shape) if axis in read and axis not in given]))
        return self.kernel_matrix().shape[0]

    def _einsum_axes(self):
        """The axes of an EinsumDense's kernel that its inputs have, and those that its outputs have."""
        inputs, rest = self.layer.equation.replace(" ", "").split(",")
        kernel, outputs = rest.split("->")
        return [{axis for axis, label in enumerate(kernel) if label in labels} for labels in (inputs, outputs)]

    def reparametrized_kernel(self):
        """The kernel that calls compute with."""
        raise NotImplementedError

    def call(self, inputs, training=None):
        with _compat.weight_replaced(self.layer, self.kernel_name, self.reparametrized_kernel()):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # Keras 2.15's own does not find wrapped layers of other packages.
        config = dict(config)
        layer = keras.saving.deserialize_keras_object(config.pop("layer"), custom_objects=custom_objects)
        return cls(layer, **config)
