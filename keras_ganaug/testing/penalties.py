"""The contract of penalties, one check for each promise."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat
from keras_ganaug.models import SNGAN
from keras_ganaug.models.training import Batch
from keras_ganaug.penalties import Penalty, as_penalty
from keras_ganaug.testing import checks
from keras_ganaug.testing.checks import Skipped, eagerly, expect, expect_equal
from keras_ganaug.testing.gan_behaviour import finite

ROWS = 12


def _small_gan(num_classes: int | None = 3) -> Any:
    return SNGAN((8, 8, 1), num_classes, latent_dim=4, width=4, seed=1)


class PenaltyCase:
    """A penalty under test, and a GAN that trains two steps with it: there is a history then."""

    def __init__(self, penalty: Any, make_gan: Callable[..., Any] | None = None):
        self.given, self.penalty = penalty, as_penalty(penalty)
        self.make_gan = _small_gan if make_gan is None else make_gan
        named = isinstance(penalty, Penalty) or not hasattr(penalty, "__name__")
        self.name = type(penalty).__name__ if named else penalty.__name__

    @functools.cached_property
    def untrained(self) -> Any:
        """A compiled GAN with classes."""
        gan = self.make_gan()
        gan.compile(penalties=[self.penalty], run_eagerly=True)
        return gan

    @functools.cached_property
    def gan(self) -> Any:
        """The same GAN, trained."""
        self.train(self.untrained)
        return self.untrained

    def train(self, gan: Any) -> None:
        """Trains a compiled GAN for two steps."""
        with eagerly():
            losses = self.fit(gan, epochs=1).history
        expect(finite(losses), self, "leave the losses of a training finite", losses)

    @functools.cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Images, and labels that some GANs do not take."""
        labels = np.arange(ROWS) % 3
        noise = np.random.default_rng(0).integers(0, 40, [ROWS, 8, 8, 1])
        return (80 * labels[:, None, None, None] + noise).astype("uint8"), labels

    def fit(self, gan: Any, **options: Any) -> Any:
        """Trains a GAN with two steps in each epoch."""
        images, labels = self.data
        return gan.fit(images, labels if gan.num_classes else None, batch_size=ROWS // 2, verbose=0, **options)

    def value(self, player: str, step: int = 0, jit_compile: bool = False, trained: bool = True) -> tuple[Any, np.ndarray]:
        """The penalty and its gradient for a player. Puts back the state that a call changes, also of spectral norms."""
        gan = self.gan if trained else self.untrained
        state = gan.penalties[0].state
        changed = [*(state.weights if state else []), *gan.networks["d"].non_trainable_weights]
        changed += gan.networks["g"].non_trainable_weights
        before = [_compat.tf_variable(weight).numpy() for weight in changed]
        variables = [_compat.tf_variable(weight) for weight in gan.networks[player].trainable_variables]
        images = np.random.default_rng(0).uniform(-1, 1, [ROWS, 8, 8, 1]).astype("float32")
        batch = Batch(tf.constant(images), tf.constant(self.data[1], tf.int32), tf.constant([1, 2]))

        def compute():
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(variables)
                context = gan.context(player, batch, gan.fakes(batch))
                value = gan.penalties[0](dataclasses.replace(context, step=tf.constant(step, tf.int64)))
            gradients = tape.gradient(value, variables, unconnected_gradients="zero")
            return value, tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], 0)

        value, gradient = tf.function(compute, jit_compile=True, autograph=False)() if jit_compile else compute()
        for weight, old in zip(changed, before, strict=True):
            weight.assign(old)
        return value, np.asarray(gradient)


def check_players(case: PenaltyCase) -> None:
    """It lists players that GANs have."""
    players, known = tuple(case.penalty.players), tuple(case.make_gan().player_networks)
    right = bool(players) and set(players) <= set(known)
    expect(right, case, f"have `players` among {', '.join(known)}", players)


def check_value(case: PenaltyCase) -> None:
    """It is a finite float32 scalar for each of its players, before and after a training."""
    for trained in (False, True):
        for player in case.penalty.players:
            value, _ = case.value(player, trained=trained)
            expect(isinstance(value, tf.Tensor), case, "give a tensor", type(value).__name__)
            received = f"{value.dtype.name} of shape {tuple(value.shape)}"
            expect((value.dtype, value.shape) == (tf.float32, ()), case, "give a float32 scalar", received)
            expect(np.isfinite(value), case, "be finite", float(value))


def check_gradient(case: PenaltyCase) -> None:
    """Its gradient is finite, and after a training not 0 everywhere, unless it acts after updates."""
    acts = type(case.penalty).after_update is not Penalty.after_update
    for trained in (False, True):
        for player in case.penalty.players:
            _, gradient = case.value(player, trained=trained)
            expect(np.isfinite(gradient).all(), case, f"have a finite gradient for player {player!r}", "NaN or infinity")
            expected = f"have a gradient for player {player!r}, or an `after_update`"
            expect(gradient.any() or acts or not trained, case, expected, "0 for all weights")


def check_seeds(case: PenaltyCase) -> None:
    """The same seed gives the same value: random numbers come from the seed of the context."""
    for player in case.penalty.players:
        value, again = (case.value(player)[0] for _ in range(2))
        received = f"{float(value)} and {float(again)}"
        close = np.allclose(value, again, rtol=1e-5, atol=1e-7)
        expect(close, case, "give the same value for the same seed", received)


def check_xla(case: PenaltyCase) -> None:
    """Compiled by XLA, it has the same value and gradient."""
    for player in case.penalty.players:
        for ours, theirs in zip(case.value(player, jit_compile=True), case.value(player), strict=True):
            expect_equal(case, ours, theirs, "have the same value and gradient with XLA", atol=1e-5, rtol=1e-3)


def check_interval(case: PenaltyCase) -> None:
    """With interval=2 it is computed in every second step, with twice the weight."""
    penalty = case.penalty
    if "interval" not in inspect.signature(type(penalty)).parameters:
        raise Skipped("it has no argument `interval`")
    before = penalty.interval
    try:
        for player in penalty.players:
            penalty.interval = 1
            value, gradient = case.value(player, step=4)
            penalty.interval = 2
            lazy, lazy_gradient = case.value(player, step=4)
            expected = "be twice as large in every second step with interval=2"
            expect_equal(case, lazy, 2 * value, expected, rtol=1e-4)
            expect_equal(case, lazy_gradient, 2 * gradient, expected, rtol=1e-3, atol=1e-5)
            nothing, no_gradient = case.value(player, step=5)
            idle = nothing == 0 and not no_gradient.any()
            expect(idle, case, "be 0 in every other step with interval=2", float(nothing))
    finally:
        penalty.interval = before


def check_config(case: PenaltyCase) -> None:
    """Its config has all arguments of its constructor, and makes it anew."""
    if not isinstance(case.given, Penalty):
        raise Skipped("it is a function, which has no config")
    config, cls = case.given.get_config(), type(case.given)
    missing = [name for name in inspect.signature(cls).parameters if name not in config]
    expect(not missing, case, "have all arguments of its constructor in `get_config`", f"a config without {missing}")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(case.given))
    expect(type(again) is cls, case, "be made anew from its config", type(again).__name__)
    expected = "have the same config after it was made anew"
    expect(again.get_config() == config, case, expected, f"{again.get_config()} instead of {config}")


def check_saving(case: PenaltyCase) -> None:
    """It is saved with its GAN, with its state, and training goes on from the file as if nothing had happened."""
    if not isinstance(case.given, Penalty):
        raise Skipped("it is a function, of which Keras saves the name alone")
    gan, expected = case.gan, "continue from a .keras file as if it had not been saved"
    with tempfile.TemporaryDirectory() as folder:
        gan.save(os.path.join(folder, "gan.keras"))
        loaded = keras.models.load_model(os.path.join(folder, "gan.keras"))
    penalty, again = gan.penalties[0], loaded.penalties
    expect([type(each) for each in again] == [type(penalty)], case, "be saved with its GAN", again)
    same = again[0].get_config() == penalty.get_config()
    expect(same, case, "have the same config after its GAN was loaded", again[0].get_config())
    if not penalty.state:
        return  # a further step of the loaded GAN is that of any GAN
    with eagerly():
        loaded.run_eagerly = True
        for model in (gan, loaded):
            case.fit(model, initial_epoch=1, epochs=2)
    for ours, theirs in ((loaded.weights, gan.weights), (again[0].state.weights, penalty.state.weights)):
        for a, b in zip(ours, theirs, strict=True):
            given, wanted = (np.asarray(_compat.tf_variable(each)) for each in (a, b))
            expect_equal(case, given, wanted, expected, atol=1e-6)


def check_without_classes(case: PenaltyCase) -> None:
    """A GAN without classes trains with it, or `compile` refuses it by a ValueError."""
    gan, given = case.make_gan(None), case.given
    penalty = given.from_config(given.get_config()) if isinstance(given, Penalty) else given  # without the other's state
    with eagerly():
        try:
            gan.compile(penalties=[penalty], run_eagerly=True)
        except ValueError as error:
            raise Skipped(f"it refuses a GAN without classes: {error}") from error
    case.train(gan)


def check_not_negative(case: PenaltyCase) -> None:
    """It is at least 0."""
    for player in case.penalty.players:
        value = float(case.value(player)[0])
        expect(value >= 0, case, "be at least 0", value)


CHECKS = (
    check_players,
    check_value,
    check_gradient,
    check_seeds,
    check_interval,
    check_config,
    check_without_classes,
    check_xla,
    check_saving,
)
"""All checks of a penalty."""


def checks_of_penalty(
    penalty: Any,
    only: Iterable[str] | None = None,
    make_gan: Callable[..., Any] | None = None,
    non_negative: bool = False,
) -> dict[str, Callable[[], None]]:
    """The checks of a penalty by name, each a callable without arguments.

    A check raises an AssertionError if it fails, and `Skipped` if it does not apply.

    Args:
        penalty: An object of a subclass of `penalties.Penalty`, or a function of a `penalties.Context`. The checks attach it
            to GANs, so use a new one.
        only: Names of the checks that are wanted. Defaults to None: all.
        make_gan: A function of `num_classes`, by default 3, that returns a new GAN for images of shape (8, 8, 1), for a
            penalty that needs a GAN of its own. Defaults to None: a small SNGAN.
        non_negative: Whether it must be at least 0. Defaults to False.

    Returns a mapping from name to callable.

    Raises:
        ValueError: For names in `only` that do not exist.
        TypeError: For anything that is no penalty.

    Example:

    >>> import keras_ganaug as kga
    >>> list(kga.testing.checks_of_penalty(kga.penalties.R1()))[:3]
    ['check_players', 'check_value', 'check_gradient']
    """
    wanted = (*CHECKS, check_not_negative) if non_negative else CHECKS
    return checks.of(wanted, PenaltyCase(penalty, make_gan), only)


def check_penalty(
    penalty: Any,
    only: Iterable[str] | None = None,
    make_gan: Callable[..., Any] | None = None,
    non_negative: bool = False,
) -> None:
    """Checks that a penalty does what GANs rely on.

    The checks are about its value and gradient, seeds, XLA, its interval, its config and `.keras` files.

    Args:
        penalty, only, make_gan, non_negative: See `checks_of_penalty`.

    Warns about checks that were skipped, by name and with the reason.

    Raises:
        AssertionError: With all checks that fail.
        ValueError: For names in `only` that do not exist.
        TypeError: For anything that is no penalty.

    Example:

    >>> import keras_ganaug as kga
    >>> kga.testing.check_penalty(kga.penalties.Drift(), only=["check_players", "check_value", "check_config"])
    """
    wanted = (*CHECKS, check_not_negative) if non_negative else CHECKS
    case = PenaltyCase(penalty, make_gan)
    checks.run_all(checks.of(wanted, case, only), case)
