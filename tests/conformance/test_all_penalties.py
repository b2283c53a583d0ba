"""One set of tests for all penalties: what the contract promises of each."""

import dataclasses
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import finite, max_difference, public, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug.models.training import Batch

ALL = [cls for cls in public(kga.penalties.Penalty, kga.penalties).values() if cls is not kga.penalties.Penalty]
X, Y = small_data(12)


IMAGES = np.random.default_rng(0).uniform(-1, 1, [12, 8, 8, 1]).astype("float32")
OPTIONS = {"weight": 0.3, "interval": 5, "decay": 0.4, "limit": 0.2, "margin": 0.7, "fake_weight": 0.1, "num_classes": 3}
OPTIONS |= {"generator_weight": 0.6, "loss": "lsgan"}
"""A value of each argument that is not its default."""


@pytest.fixture(scope="module", params=ALL, ids=lambda cls: cls.__name__)
def gan(request):
    """One with the penalty, after two steps: there is a history then."""
    gan = small_gan()
    parameters = inspect.signature(request.param).parameters.values()
    required = {p.name: OPTIONS[p.name] for p in parameters if p.default is p.empty}
    gan.compile(penalties=[request.param(**required)], run_eagerly=True)
    assert finite(gan.fit(X, Y, batch_size=6, epochs=1, verbose=0))
    return gan


class Case:
    """The penalty of a GAN, for one of its players; what a call leaves behind is put back."""

    def __init__(self, gan, player):
        self.gan, self.player, self.penalty = gan, player, gan.penalties[0]
        self.variables = [getattr(v, "_value", v) for v in gan.networks[player].trainable_variables]

    def context(self, step):
        batch = Batch(tf.constant(IMAGES), tf.constant(Y, tf.int32), tf.constant([1, 2]))
        context = self.gan.context(self.player, batch, self.gan.fakes(batch))
        return dataclasses.replace(context, step=tf.constant(step, tf.int64))

    def value(self, step=0, jit_compile=False):
        """The penalty and its gradient."""
        state = self.penalty.state
        before = [weight.numpy() for weight in state.weights] if state else []

        def compute():
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(self.variables)
                value = self.penalty(self.context(step))
            gradients = tape.gradient(value, self.variables, unconnected_gradients="zero")
            return value, tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], 0)

        value, gradient = tf.function(compute, jit_compile=True, autograph=False)() if jit_compile else compute()
        for weight, old in zip(state.weights if state else [], before, strict=True):
            weight.assign(old)
        return value, gradient.numpy()


@pytest.fixture
def cases(gan):
    assert gan.penalties[0].players
    return [Case(gan, player) for player in gan.penalties[0].players]


def test_it_is_a_finite_number_with_a_gradient(cases):
    for case in cases:
        value, gradient = case.value()
        assert (value.dtype, value.shape) == (tf.float32, ())
        assert np.isfinite(value)
        assert value >= 0 or type(case.penalty) is kga.penalties.MismatchedLabels
        assert np.isfinite(gradient).all()
        constrains = type(case.penalty).after_update is not kga.penalties.Penalty.after_update
        assert gradient.any() or constrains


def test_it_compiles_with_xla(cases):
    for case in cases:
        for ours, theirs in zip(case.value(jit_compile=True), case.value(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_it_is_lazy_on_request(cases, monkeypatch):
    for case in cases:
        if "interval" not in inspect.signature(type(case.penalty)).parameters:
            continue
        monkeypatch.setattr(case.penalty, "interval", 1)
        value, gradient = case.value(step=4)
        monkeypatch.setattr(case.penalty, "interval", 2)
        lazy, lazy_gradient = case.value(step=4)
        np.testing.assert_allclose(lazy, 2 * value, rtol=1e-4)
        np.testing.assert_allclose(lazy_gradient, 2 * gradient, rtol=1e-3, atol=1e-5)
        nothing, no_gradient = case.value(step=5)
        assert nothing == 0
        assert not no_gradient.any()


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_its_config_makes_it_anew(cls):
    given = {name: OPTIONS[name] for name in inspect.signature(cls).parameters}
    penalty = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cls(**given)))
    assert type(penalty) is cls
    for name, value in given.items():
        assert getattr(penalty, name) == value or name == "loss"
    assert penalty.get_config() == cls(**given).get_config()


def test_it_is_saved_with_its_state(gan, tmp_path):
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    loaded.run_eagerly = True
    assert [type(penalty) for penalty in loaded.penalties] == [type(gan.penalties[0])]
    assert loaded.penalties[0].get_config() == gan.penalties[0].get_config()
    if not gan.penalties[0].state:
        return  # a step of the loaded one is that of any GAN: test_saving.py
    for model in (gan, loaded):
        model.fit(X, Y, batch_size=12, epochs=2, initial_epoch=1, verbose=0)
    assert max_difference(gan, loaded) < 1e-6
    for ours, theirs in zip(gan.running_states, loaded.running_states, strict=True):
        for a, b in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
