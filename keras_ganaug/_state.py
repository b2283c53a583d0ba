"""Numbers that training carries from step to step beside the weights, saved with the model."""

import keras
import tensorflow as tf

from keras_ganaug import _compat


def over_replicas(values, sum=False):
    """Means of tensors over the replicas of a `tf.distribute` strategy, the same on each; without a strategy the tensors.

    What a batch decides, such as a learning rate or a moving mean, is decided on these: each replica sees its own part of
    the batch alone.

    Args:
        values: A tensor, or a structure of tensors. The gradient with respect to them is stopped.
        sum: Whether to take sums in place of means. Defaults to False.
    """
    values = tf.nest.map_structure(lambda value: tf.stop_gradient(tf.convert_to_tensor(value)), values)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM if sum else tf.distribute.ReduceOp.MEAN, values)


def add_state(layer, name, shape=(), initializer="zeros", dtype="float32"):
    """Adds a non-trainable weight to a Keras layer; replicas of a strategy take the first one's value."""
    return layer.add_weight(
        name=name,
        shape=tuple(shape),
        dtype=dtype,
        initializer=initializer,
        trainable=False,
        aggregation=_compat.SAME_ON_ALL,
    )


class RunningState(keras.layers.Layer):
    """A holder of such numbers; a Keras layer, so that Keras saves them."""


class Stateful:
    """A part of a training, such as a penalty, that carries state. It belongs to the one model it was compiled with."""

    state = None
    """The `RunningState`, or None before `attach`."""

    def attach(self, networks):
        """Makes the state for these networks, once.

        Args:
            networks: Dict from player, "g" and "d", to Keras model.
        """
        if self.state is None:
            self._discriminator = networks["d"]
            self.state = RunningState(name=type(self).__name__.lower(), dtype="float32")
            self.make_state(networks)
            self.state.built = True
        elif self._discriminator is not networks["d"]:
            name = type(self).__name__
            raise ValueError(
                f"`{name}` carries state and belongs to the one model that it was compiled with: make a new {name}. "
                "Received: one that another model has"
            )

    def make_state(self, networks):
        """Adds variables to `state`."""
        raise NotImplementedError
