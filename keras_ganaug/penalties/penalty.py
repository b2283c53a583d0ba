"""The base class of penalties."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug._docs import complete_docstring
from keras_ganaug.penalties.context import Context


def batch_norms(network: keras.Model | None) -> list:
    """The layers of a network that normalise by the moments of a batch, those of nested models included."""
    layers = [] if network is None else network._flatten_layers()
    kinds = keras.layers.BatchNormalization
    layers = [layer for layer in layers if isinstance(layer, kinds) or "BatchNorm" in type(layer).__name__]
    return [layer for layer in layers if layer.trainable or not isinstance(layer, kinds)]  # Keras's own rest if frozen


class Penalty:
    """Base class of penalties: a weight, how often the penalty is computed, and its `value`, which a subclass defines.

    A GAN calls `attach` and `check` in `compile`, the penalty itself in each update of a player in `players`, and
    `after_update` after it. A subclass overrides those that it needs.

    Args:
        weight: The factor in front of the value, at least 0.
        interval: Lazy regularisation (Karras et al. 2020, StyleGAN2): the value is computed in every `interval`-th training
            step alone, with `interval` times the weight. Defaults to 1.

    Call arguments:
        context: A `Context`: the images as the discriminator sees them, their labels, and all that the update knows.

    Returns a float32 scalar.

    Example:

    >>> import keras, tensorflow as tf
    >>> from keras_ganaug.penalties import Penalty
    >>> @keras.saving.register_keras_serializable()
    ... class SmallLogits(Penalty):
    ...     def value(self, context):
    ...         return tf.reduce_mean(tf.square(context.fake.logits()))
    >>> SmallLogits(weight=0.1, interval=4).get_config()
    {'weight': 0.1, 'interval': 4}
    """

    players: tuple[str, ...] = ("d",)
    """Whose losses it is added to."""

    state: Any = None
    """A Keras layer with what training carries from step to step, which is saved with the model; None for nothing."""

    over_replicas = False
    """Whether `value` exchanges values between the replicas of a strategy."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        complete_docstring(cls)

    def __init__(self, weight: float, interval: int = 1):
        self.weight = _checks.non_negative(weight, "weight")
        self.interval = _checks.positive_int(interval, "interval")

    def __call__(self, context: Context) -> tf.Tensor:
        due = self.due(context)
        if due is True:
            return self.weight * self.value(context)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1 and (self.over_replicas or batch_norms(context.network)):
            # Replicas cannot exchange values within a branch, so the value is computed in every step.
            return tf.where(due, self.weight * self.interval, 0.0) * self.value(context)
        return tf.cond(
            due,
            lambda: self.weight * self.interval * self.value(context.in_branch()),
            lambda: tf.constant(0.0),
        )

    def due(self, context: Context) -> Any:
        """Whether the value counts in this step: True, or a scalar tensor."""
        return True if self.interval == 1 or context.step is None else tf.equal(context.step % self.interval, 0)

    def value(self, context: Context) -> tf.Tensor:
        """The penalty without its weight, a float32 scalar."""
        raise NotImplementedError

    def check(self, gan: Any) -> None:
        """Warns of what does not go together, or raises a ValueError."""

    def attach(self, networks: dict[str, keras.Model]) -> None:
        """Makes `state`, once, for the networks of a GAN by their player."""

    def after_update(self, player: str, network: keras.Model) -> None:
        """Is called after each update of the network of a player in `players`."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, which are attributes of the same names."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters if name in vars(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Penalty":
        return cls(**config)


class _Function(Penalty):
    """A plain function as a penalty."""

    def __init__(self, function: Callable):
        super().__init__(1.0)
        self._function = function
        self.players = getattr(function, "players", self.players)

    def __call__(self, context):
        return self._function(context)


def as_penalty(penalty: Callable) -> Penalty:
    """The penalty that a user gives, as a `Penalty`.

    Args:
        penalty: One of them, or a function `penalty(context)` that gives a float32 scalar: for the discriminator, unless the
            function has an attribute `players`.

    Raises:
        TypeError: For what is no such function.
    """
    if not callable(penalty) or isinstance(penalty, type):
        raise TypeError(f"`penalties` must be callables, as in keras_ganaug.penalties. Received: {penalty!r}")
    calls: list = [(penalty, 1)]
    if isinstance(penalty, Penalty):
        calls = [(penalty.__call__, 1), (penalty.value, 1), (penalty.after_update, 2)]
    try:
        for call, number in calls:
            inspect.signature(call).bind(*range(number))
    except TypeError as error:
        raise TypeError(
            "`penalties` must be callables of one argument, a Context; a subclass of Penalty has `value(context)` and "
            f"`after_update(player, network)`. Received: {penalty!r}, with other arguments"
        ) from error
    except ValueError:  # one that does not tell its signature
        pass
    return penalty if isinstance(penalty, Penalty) else _Function(penalty)
