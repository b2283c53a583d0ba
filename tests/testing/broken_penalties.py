"""A penalty that keeps the contract, and one that breaks it in one way for each check."""

import keras
import tensorflow as tf

from keras_ganaug._state import Stateful
from keras_ganaug.penalties import Penalty


def register(cls):
    return keras.saving.register_keras_serializable(package="broken_penalties")(cls)


@register
class SmallLogits(Penalty):
    """The mean square of the logits, for which a GAN needs nothing."""

    def __init__(self, weight=1.0, interval=1):
        super().__init__(weight, interval)

    def value(self, context):
        return tf.reduce_mean(context.fake.logits() ** 2)


class Nobody(SmallLogits):
    players = ("judge",)


class DoublePrecision(SmallLogits):
    def __call__(self, context):
        return tf.cast(super().__call__(context), tf.float64)


class OfEachImage(SmallLogits):
    def value(self, context):
        return context.fake.logits() ** 2


class NotFinite(SmallLogits):
    def value(self, context):
        return super().value(context) * float("nan")


class Steep(SmallLogits):
    """The gradient of the square root is infinite at 0."""

    def value(self, context):
        return tf.sqrt(0.0 * super().value(context))


class Constant(SmallLogits):
    def value(self, context):
        return tf.constant(1.0)


class Unseeded(SmallLogits):
    def value(self, context):
        return super().value(context) * tf.random.uniform([])


class NeverLazy(SmallLogits):
    def due(self, context):
        return True


class TwiceAsLazy(SmallLogits):
    def __call__(self, context):
        return super().__call__(context) * float(self.interval)


class HiddenArgument(SmallLogits):
    def __init__(self, weight=1.0, interval=1, margin=0.5):
        super().__init__(weight, interval)
        self._margin = margin


@register
class OtherConfig(SmallLogits):
    def get_config(self):
        return {"weight": self.weight + 1, "interval": self.interval}


class OfLabels(SmallLogits):
    def value(self, context):
        return super().value(context) * (1.0 + tf.reduce_mean(tf.cast(context.labels, tf.float32)))


class OnTheHost(SmallLogits):
    def value(self, context):
        value = super().value(context)
        return value + tf.stop_gradient(tf.ensure_shape(tf.py_function(lambda: 0.0, [], tf.float32), []))


class OtherInGraphs(SmallLogits):
    def value(self, context):
        return super().value(context) * (1.0 if tf.executing_eagerly() else 2.0)


@register
class UnsavedState(Stateful, SmallLogits):
    """It counts its updates twice: in its state, and where Keras does not see it."""

    def make_state(self, networks):
        self.updates = 0

    def value(self, context):
        return (1.0 + 100.0 * self.updates) * super().value(context)

    def after_update(self, player, network):
        self.updates += 1


class Negative(SmallLogits):
    def value(self, context):
        return -super().value(context)


BROKEN = [
    (Nobody, "check_players", r"`players` among d, g. Received: \('judge',\)"),
    (DoublePrecision, "check_value", r"float32 scalar. Received: float64 of shape \(\)"),
    (OfEachImage, "check_value", r"float32 scalar. Received: float32 of shape \(12, 1\)"),
    (NotFinite, "check_value", "be finite. Received: nan"),
    (Steep, "check_gradient", "a finite gradient for player 'd'. Received: NaN"),
    (Constant, "check_gradient", "a gradient for player 'd', or an `after_update`. Received: 0 for all weights"),
    (Unseeded, "check_seeds", "the same value for the same seed. Received: .* and "),
    (NeverLazy, "check_interval", "be twice as large in every second step with interval=2. Received: values that differ"),
    (TwiceAsLazy, "check_interval", "be twice as large in every second step with interval=2. Received: values that differ"),
    (
        HiddenArgument,
        "check_config",
        r"all arguments of its constructor in `get_config`. Received: a config without \['margin'\]",
    ),
    (OtherConfig, "check_config", "the same config after it was made anew. Received: {.* instead of {"),
    (OfLabels, "check_without_classes", r"A GAN without classes trains with it.* Received: \w+"),
    (OnTheHost, "check_xla", r"Compiled by XLA, it has the same value and gradient. Received: \w+"),
    (OtherInGraphs, "check_xla", "the same value and gradient with XLA. Received: values that differ"),
    (UnsavedState, "check_saving", "continue from a .keras file as if it had not been saved. Received: values that differ"),
    (Negative, "check_not_negative", "be at least 0. Received: -"),
]
"""A class, the check that it fails, and what the check says."""
