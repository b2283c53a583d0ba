"""The base class of penalties."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug._docs import complete_docstring
from keras_ganaug.layers.conditional_batch_normalization import moving_if
from keras_ganaug.penalties.context import Context


def batch_norms(network: keras.Model | None) -> list:
    """The layers of a network, including nested models, that normalise by the moments of a batch."""
    layers = [] if network is None else network._flatten_layers()
    kinds = keras.layers.BatchNormalization
    layers = [layer for layer in layers if isinstance(layer, kinds) or "BatchNorm" in type(layer).__name__]
    return [layer for layer in layers if layer.trainable or not isinstance(layer, kinds)]  # Keras's own are idle if frozen


class Penalty:
    """Base class of penalties: a weight, an interval, and the `value` that a subclass defines.

    A GAN calls `attach` and `check` in `compile`, the penalty itself in each update of a player in `players`, and then
    `after_update`. A subclass overrides those that it needs.

    Args:
        weight: Factor for the value, at least 0.
        interval: Lazy regularisation (Karras et al. 2020, StyleGAN2): the value is computed only in every `interval`-th
            training step, with `interval` times the weight. Defaults to 1.

    Call arguments:
        context: A `Context`: the images as the discriminator sees them, their labels, and the other data of the update.

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
    """The players whose losses it is added to."""

    state: Any = None
    """A Keras layer with the state that training updates, saved with the model. None for no state."""

    over_replicas = False
    """Whether `value` communicates between the replicas of a strategy."""

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
        if replicas > 1 and (self.over_replicas or self._normalises(context)):
            # Replicas cannot communicate within a branch, so the value is computed in every step.
            with moving_if(due):
                return tf.where(due, self.weight * self.interval, 0.0) * self.value(context)
        return tf.cond(
            due,
            lambda: self.weight * self.interval * self.value(context.in_branch()),
            lambda: tf.constant(0.0),
        )

    def _normalises(self, context):
        """Whether a network that the value may use normalises by the moments of the whole batch."""
        return any(batch_norms(context.networks.get(player)) for player in {"d", context.player})

    def due(self, context: Context) -> Any:
        """Whether the value is computed in this step: True, or a scalar tensor."""
        return True if self.interval == 1 or context.step is None else tf.equal(context.step % self.interval, 0)

    def value(self, context: Context) -> tf.Tensor:
        """The penalty before weighting, a float32 scalar."""
        raise NotImplementedError

    def check(self, gan: Any) -> None:
        """Warns about unsuitable combinations, or raises a ValueError."""

    def attach(self, networks: dict[str, keras.Model]) -> None:
        """Creates `state`, once. `networks` maps the players to their networks."""

    def after_update(self, player: str, network: keras.Model) -> None:
        """Called after each update of the network of a player in `players`."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, stored as attributes with the same names."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters if name in vars(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Penalty":
        return cls(**config)


class _Function(Penalty):
    """Wraps a plain function as a penalty."""

    def __init__(self, function: Callable):
        super().__init__(1.0)
        self._function = function
        self.players = getattr(function, "players", self.players)

    def __call__(self, context):
        return self._function(context)


def as_penalty(penalty: Callable) -> Penalty:
    """Converts a user's penalty to a `Penalty`.

    Args:
        penalty: A `Penalty`, or a function `penalty(context)` that returns a float32 scalar. A function applies to the
            discriminator, unless it has an attribute `players`.

    Raises:
        TypeError: For anything else.
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
    except ValueError:  # a callable without a readable signature
        pass
    return penalty if isinstance(penalty, Penalty) else _Function(penalty)
