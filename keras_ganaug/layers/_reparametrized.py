"""The base of layers that compute with another kernel than the one that is trained."""

import keras
import tensorflow as tf

from keras_ganaug import _compat

_KERNEL_NAMES = ("kernel", "depthwise_kernel", "embeddings")


class Reparametrized(keras.layers.Wrapper):
    """Wraps a layer with a kernel, and replaces the kernel by a function of it in every call.

    A subclass defines `reparametrized_kernel`. The trained kernel itself is never assigned.

    Args:
        layer: A Keras layer with a kernel: dense, convolution, transposed or depthwise convolution, or embedding.
    """

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        names = [name for name in _KERNEL_NAMES if getattr(self.layer, name, None) is not None]
        if not names:
            raise TypeError(
                "`layer` must have a kernel to normalise (Dense, Conv, Conv transposed, DepthwiseConv, Embedding). "
                f"Received: layer={self.layer.name!r} of type {type(self.layer).__name__}"
            )
        self.kernel_name = names[0]
        self._transposed = isinstance(self.layer, (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose))
        self.built = True

    def raw_kernel(self):
        """The trained kernel as a tensor, in its own dtype."""
        return tf.convert_to_tensor(_compat.tf_variable(getattr(self.layer, self.kernel_name)))

    def kernel_matrix(self):
        """The trained kernel as a float32 matrix of shape (fan in, outputs)."""
        kernel = tf.cast(self.raw_kernel(), tf.float32)
        if self._transposed:  # (..., outputs, inputs)
            axes = [*range(kernel.shape.rank - 2), kernel.shape.rank - 1, kernel.shape.rank - 2]
            kernel = tf.transpose(kernel, axes)
        return tf.reshape(kernel, [-1, kernel.shape[-1]])

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
