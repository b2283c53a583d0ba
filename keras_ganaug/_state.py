"""Running values that training keeps besides the weights, saved with the model."""

import functools
from typing import Any

import keras

from keras_ganaug import _compat


@functools.cache
def _read_by_int(kind):
    convert = {"__int__": lambda self: int(self.numpy()), "__float__": lambda self: float(self.numpy())}
    return type(kind.__name__, (kind,), convert)


def add_state(layer, name, shape=(), initializer="zeros", dtype="float32"):
    """Adds a non-trainable weight to a Keras layer. Under a strategy, the first replica's value counts."""
    weight = layer.add_weight(
        name=name,
        shape=tuple(shape),
        dtype=dtype,
        initializer=initializer,
        trainable=False,
        aggregation=_compat.SAME_ON_ALL,
    )
    if hasattr(_compat.tf_variable(weight), "values"):
        weight.__class__ = _read_by_int(type(weight))  # replicated variables can only be read by `numpy()`
    return weight


class RunningState(keras.layers.Layer):
    """Holds running values. It is a Keras layer so that Keras saves them."""


class Stateful:
    """A part of the training that has a state, such as a penalty. It belongs to the model that it was compiled with."""

    state: Any = None
    """The `RunningState`, or None before `attach`."""

    def attach(self, networks: dict[str, keras.Model]) -> None:
        """Creates the state for these networks, once.

        Args:
            networks: Dict from player, such as "g" or "d", to Keras model.
        """
        if self.state is None:
            self._discriminator = networks["d"]
            self.state = RunningState(name=type(self).__name__.lower(), dtype="float32")
            self.make_state(networks)
            self.state.built = True
        elif self._discriminator is not networks["d"]:
            name = type(self).__name__
            raise ValueError(
                f"`{name}` has a state and belongs to the one model that it was compiled with: make a new {name}. "
                "Received: one that another model uses"
            )

    def make_state(self, networks: dict[str, keras.Model]) -> None:
        """Adds variables to `state`."""
        raise NotImplementedError
