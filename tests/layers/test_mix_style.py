"""MixStyle against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import _random, layers

X = np.random.default_rng(0).normal(2, 3, [6, 5, 4, 3]).astype("float32")


def test_each_channel_gets_a_mean_and_a_deviation_between_its_own_and_anothers():
    layer, seed = layers.MixStyle(alpha=0.5, epsilon=0.0), tf.constant([1, 2])
    mixed = layer.mixed(tf.constant(X), seed).numpy()
    other = _random.permutation(6, _random.fold(seed, 1)).numpy()
    share = _random.beta([6, 1, 1, 1], 0.5, _random.fold(seed, 2)).numpy()
    mean, deviation = X.mean((1, 2), keepdims=True), X.std((1, 2), keepdims=True)
    scale, offset = (share * own + (1 - share) * own[other] for own in (deviation, mean))
    np.testing.assert_allclose(mixed, (X - mean) / deviation * scale + offset, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(mixed.mean((1, 2), keepdims=True), offset, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(mixed.std((1, 2), keepdims=True), scale, rtol=1e-3)


def test_no_gradient_flows_through_the_statistics():
    layer, seed, x = layers.MixStyle(alpha=0.5), tf.constant([1, 2]), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        mixed = layer.mixed(x, seed)
    gradient = tape.gradient(mixed, x).numpy()  # of the sum: the scale over the deviation, at each position
    expected = mixed.numpy().std((1, 2), keepdims=True) / X.std((1, 2), keepdims=True)
    np.testing.assert_allclose(gradient, np.broadcast_to(expected, X.shape), rtol=1e-3)


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0, 0), (0.5, 10, 30), (1.0, 40, 40)])
def test_a_share_of_the_batches_is_mixed_in_training_alone(probability, low, high):
    layer = layers.MixStyle(probability, seed=1)
    step = tf.function(lambda x: layer(x, training=True), jit_compile=True, autograph=False)
    layer(X)
    runs = [step(tf.constant(X)).numpy() for _ in range(40)]
    assert low <= sum((run != X).any() for run in runs) <= high
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=False), X)
    again = layers.MixStyle(probability, seed=1)
    np.testing.assert_allclose(again(X, training=True), runs[0], rtol=1e-4, atol=1e-5)


def test_a_model_with_it_is_saved_and_half_precision_stays(tmp_path):
    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, layers.MixStyle(0.25, alpha=0.3, seed=7, dtype="mixed_float16")(inputs))
    assert model(X, training=True).dtype == "float16"
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert (layer.probability, layer.alpha, layer.seed) == (0.25, 0.3, 7)
    assert int(layer.calls.numpy()) == int(model.layers[-1].calls.numpy())


@pytest.mark.parametrize("options", [{"probability": 2}, {"alpha": 0}, {"epsilon": -1}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match=rf"`{next(iter(options))}` must be.*Received"):
        layers.MixStyle(**options)
