"""Layers against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import layers
from keras_ganaug.layers.spectral_normalization import power_iteration_once

RNG = np.random.default_rng(0)


def matrix_of(kernel, transposed=False):
    kernel = np.asarray(kernel)
    kernel = np.swapaxes(kernel, -1, -2) if transposed else kernel
    return kernel.reshape(-1, kernel.shape[-1])


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (lambda: keras.layers.Dense(5), (4, 7)),
        (lambda: keras.layers.Conv2D(5, 3), (2, 6, 6, 3)),
        (lambda: keras.layers.Conv2DTranspose(5, 4, strides=2), (2, 6, 6, 3)),
        (lambda: keras.layers.DepthwiseConv2D(3), (2, 6, 6, 3)),
        (lambda: keras.layers.Embedding(9, 5), (4,)),
    ],
)
def test_spectral_norm_is_the_largest_singular_value(inner, shape):
    layer = layers.SpectralNormalization(inner(), power_iterations=200)
    is_embedding = len(shape) == 1
    x = RNG.integers(0, 9, shape) if is_embedding else RNG.normal(size=shape).astype("float32")
    layer(x, training=True)
    transposed = isinstance(layer.layer, keras.layers.Conv2DTranspose)
    kernel = getattr(layer.layer, layer.kernel_name)
    sigma = np.linalg.svd(matrix_of(kernel, transposed), compute_uv=False)[0]
    np.testing.assert_allclose(layer.sigma(), sigma, rtol=1e-4)
    # The wrapped layer computes with W / σ: linear without its bias.
    np.testing.assert_allclose(layer(x), np.asarray(layer.layer(x)) / sigma, rtol=1e-3, atol=1e-5)


def test_spectral_norm_keeps_bias_and_activation():
    layer = layers.SpectralNormalization(
        keras.layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(0.3)),
        power_iterations=100,
    )
    x = RNG.normal(size=[6, 5]).astype("float32")
    layer(x, training=True)
    kernel = np.asarray(layer.layer.kernel)
    expected = np.maximum(0, x @ kernel / np.linalg.norm(kernel, 2) + 0.3)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_spectral_norm_has_a_gradient_through_sigma():
    layer = layers.SpectralNormalization(keras.layers.Dense(3, use_bias=False), power_iterations=300)
    x, c = RNG.normal(size=[4, 5]).astype("float32"), RNG.normal(size=[4, 3])
    layer(x, training=True)
    weight = layer.layer.kernel
    start = np.asarray(weight, np.float64)

    def loss(kernel):
        return (c * (x @ (kernel / np.linalg.norm(kernel, 2)))).sum()

    numeric = np.zeros_like(start)
    for index in np.ndindex(*start.shape):
        step = np.zeros_like(start)
        step[index] = 1e-5
        numeric[index] = (loss(start + step) - loss(start - step)) / 2e-5
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.cast(c, tf.float32) * layer(x))
    (gradient,) = tape.gradient(value, [getattr(weight, "_value", weight)])
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-4)


def test_spectral_norm_never_assigns_the_kernel_and_iterates_once_a_step():
    layer = layers.SpectralNormalization(keras.layers.Dense(6, use_bias=False))
    model = keras.Sequential([keras.Input((5,)), layer])
    x = RNG.normal(size=[4, 5]).astype("float32")
    kernel = np.asarray(layer.layer.kernel).copy()
    layer.u.assign(np.eye(6)[0].astype("float32"))
    with power_iteration_once(model):
        v = kernel @ np.eye(6)[0]
        u = kernel.T @ (v / np.linalg.norm(v))
        np.testing.assert_allclose(layer.u, u / np.linalg.norm(u), rtol=1e-5, atol=1e-6)
        first, second = model(x, training=True), model(x, training=True)
        np.testing.assert_array_equal(first, second)  # real and fake images meet the same weights
        np.testing.assert_allclose(layer.u, u / np.linalg.norm(u), rtol=1e-5, atol=1e-6)
    before = np.asarray(layer.u).copy()
    model(x, training=False)
    np.testing.assert_array_equal(layer.u, before)
    model(x, training=True)
    assert np.abs(np.asarray(layer.u) - before).max() > 1e-6
    np.testing.assert_array_equal(layer.layer.kernel, kernel)


def test_spectral_norm_starts_near_its_value():
    layer = layers.SpectralNormalization(keras.layers.Dense(64))
    layer(np.ones([1, 32], "float32"))
    assert float(layer.sigma()) > 0.95 * np.linalg.norm(np.asarray(layer.layer.kernel), 2)


def test_spectral_norm_measures_in_float32_under_mixed_precision(mixed_bfloat16):
    layer = layers.SpectralNormalization(keras.layers.Dense(6), power_iterations=200)
    output = layer(np.ones([2, 5], "float32"), training=True)
    assert output.dtype == "bfloat16"
    np.testing.assert_allclose(layer.sigma(), np.linalg.norm(np.asarray(layer.layer.kernel, "float32"), 2), rtol=1e-5)


def test_conditional_batch_normalization():
    x = RNG.normal(2.0, 3.0, [8, 4, 3, 5]).astype("float32")
    labels = np.arange(8, dtype="int32") % 3
    layer = layers.ConditionalBatchNormalization(num_classes=3, momentum=0.8)
    layer([x, labels])
    gamma, beta = RNG.normal(size=[2, 3, 5]).astype("float32")
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))

    def normalised(mean, var):
        return (x - mean) / np.sqrt(var + 1e-5) * gamma[labels][:, None, None] + beta[labels][:, None, None]

    np.testing.assert_allclose(layer([x, labels], training=True), normalised(mean, var), rtol=1e-3, atol=1e-4)
    n = x[..., 0].size
    moving_mean, moving_var = 0.2 * mean, 0.8 + 0.2 * var * n / (n - 1)
    np.testing.assert_allclose(layer.moving_mean, moving_mean, rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, moving_var, rtol=1e-4)
    np.testing.assert_allclose(layer([x, labels]), normalised(moving_mean, moving_var), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, moving_mean, rtol=1e-4)  # inference moves nothing


def test_batch_normalization_without_classes():
    x = RNG.normal(2.0, 3.0, [8, 4, 3, 5]).astype("float32")
    layer = layers.ConditionalBatchNormalization()
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-3, atol=1e-4)


def test_projection():
    logits, features, embeddings = RNG.normal(size=[4, 1]), RNG.normal(size=[4, 6]), RNG.normal(size=[4, 6])
    output = layers.Projection()([v.astype("float32") for v in (logits, features, embeddings)])
    np.testing.assert_allclose(output, logits + (features * embeddings).sum(1, keepdims=True), rtol=1e-5)


def test_one_hot():
    np.testing.assert_array_equal(layers.OneHot(3)(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])


def test_upsample():
    x = RNG.normal(size=[2, 3, 4, 5]).astype("float32")
    np.testing.assert_array_equal(layers.Upsample()(x), x.repeat(2, 1).repeat(2, 2))


@pytest.mark.parametrize(
    "layer",
    [
        layers.SpectralNormalization(keras.layers.Dense(3), power_iterations=2),
        layers.ConditionalBatchNormalization(4, momentum=0.5, epsilon=1e-3),
        layers.Projection(),
        layers.OneHot(7),
        layers.Upsample(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_config_round_trip(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
