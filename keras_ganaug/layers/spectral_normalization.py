"""Spectral normalisation of a layer's kernel."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat
from keras_ganaug._state import add_state
from keras_ganaug.layers._reparametrized import Reparametrized


class _Step(threading.local):  # each replica of a strategy traces in its own thread
    inside = False


_STEP = _Step()


@contextlib.contextmanager
def power_iteration_once(*models: keras.Model) -> Iterator[None]:
    """Runs one power iteration in each spectrally normalised layer of Keras models, and no further ones within the context.

    A training step runs its discriminator several times: on real images, on fakes, in a penalty, and again for the
    generator. All of these must see the same weights, so the step opens this context around them.
    """
    for model in models:
        for layer in spectral_layers(model):
            layer.power_iteration()
    outer, _STEP.inside = _STEP.inside, True
    try:
        yield
    finally:
        _STEP.inside = outer


def spectral_layers(model: keras.Model) -> list[SpectralNormalization]:
    """All `SpectralNormalization` layers of a model, including nested models."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, SpectralNormalization)]


@keras.saving.register_keras_serializable(package="keras_ganaug")
class SpectralNormalization(Reparametrized):
    """Divides a layer's kernel W by its largest singular value σ(W).

    Every call computes with W/σ. σ = ‖W u‖ is recomputed from the current W, so that the gradient flows through σ too, and W
    itself is never assigned. `u` is a running estimate of the singular vector. Each call with `training=True` updates it by
    one power iteration; a GAN's training step runs this iteration only once for all its passes. Inference does not update
    it.

    The kernel is treated as a matrix of (inputs, outputs), as in the paper. Its last axis holds the outputs (in a transposed
    convolution the second to last, in an `EinsumDense` those that only its outputs have), and all other axes the inputs. In
    a depthwise or grouped convolution, σ is that of the concatenated matrices, which is never less than the largest of their
    own.

    Reference: Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks.

    Args:
        layer: A Keras layer with one kernel: dense, convolution, transposed or depthwise convolution, or embedding.
        power_iterations: Number of iterations per update, at least 1. Defaults to 1.

    Input and output shapes and dtypes are those of the wrapped layer.

    Raises:
        TypeError: If `layer` has no kernel, or several.

    Example:

    >>> import keras, numpy as np
    >>> from keras_ganaug.layers import SpectralNormalization
    >>> layer = SpectralNormalization(keras.layers.Dense(3, use_bias=False), power_iterations=50)
    >>> _ = layer(np.ones([2, 5], "float32"), training=True)
    >>> kernel = layer(np.eye(5, dtype="float32"))  # rows of W / σ
    >>> print(f"{np.linalg.norm(kernel, ord=2):.3f}")
    1.000
    """

    def __init__(self, layer: keras.layers.Layer, power_iterations: int = 1, **kwargs):
        super().__init__(layer, **kwargs)
        self.power_iterations = _checks.positive_int(power_iterations, "power_iterations")

    not_averaged = ("u",)

    def build(self, input_shape=None):
        super().build(input_shape)
        rows = self.kernel_matrix().shape[1]
        self.u = add_state(self, "u", [rows], keras.initializers.RandomNormal(seed=0))
        if tf.executing_eagerly():
            # With a random u, σ would be far too small and the first logits enormous.
            self.power_iteration(15)

    def sigma(self) -> tf.Tensor:
        """The estimate ‖W u‖ of the largest singular value, a float32 scalar. Its gradient flows into W."""
        matrix = self.kernel_matrix()
        u = tf.convert_to_tensor(_compat.tf_variable(self.u))
        # With v = W u / ‖W u‖ fixed, the gradient of vᵀ W u is v uᵀ, that of a singular value.
        v = tf.stop_gradient(tf.math.l2_normalize(tf.linalg.matvec(matrix, u), epsilon=1e-24))
        return tf.reduce_sum(v * tf.linalg.matvec(matrix, tf.stop_gradient(u)))

    def power_iteration(self, iterations: int | None = None) -> None:
        """Updates `u` towards the first right singular vector of W."""
        matrix = tf.stop_gradient(self.kernel_matrix())
        u = tf.convert_to_tensor(_compat.tf_variable(self.u))
        for _ in range(iterations or self.power_iterations):
            v = tf.math.l2_normalize(tf.linalg.matvec(matrix, u), epsilon=1e-24)
            u = tf.math.l2_normalize(tf.linalg.matvec(matrix, v, transpose_a=True), epsilon=1e-24)
        self.u.assign(u)

    def reparametrized_kernel(self):
        kernel = self.raw_kernel()
        return kernel / tf.cast(tf.maximum(self.sigma(), 1e-12), kernel.dtype)

    def call(self, inputs, training=None):
        if training and not _STEP.inside:
            self.power_iteration()
        return super().call(inputs)
