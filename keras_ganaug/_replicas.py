"""Replicas of a `tf.distribute` strategy: shared values, and checks of where models are made and compiled."""

import functools
import warnings

import tensorflow as tf

from keras_ganaug import _compat


def over_replicas(values, sum=False):
    """Averages tensors over the replicas of a strategy. Without a strategy, returns them as they are.

    Decisions that depend on the whole batch, such as a learning rate or a moving mean, use these values, since each replica
    sees only its part of the batch.

    Args:
        values: A tensor or a structure of tensors. Their gradient is stopped.
        sum: Whether to sum instead of averaging. Defaults to False.
    """
    values = tf.nest.map_structure(lambda value: tf.stop_gradient(tf.convert_to_tensor(value)), values)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM if sum else tf.distribute.ReduceOp.MEAN, values)


def under_strategy(model):
    """Whether the model was made in the scope of a strategy."""
    with model.distribute_strategy.scope():
        return tf.distribute.has_strategy()


def check_scope(model):
    """Checks that the current strategy, if any, is the one that the model was made under."""
    strategy = tf.distribute.get_strategy()
    weights = [_compat.tf_variable(weight) for weight in model.weights]
    if tf.distribute.has_strategy() and not all(map(strategy.extended.variable_created_in_scope, weights)):
        raise ValueError(
            "A model must be made, or loaded, in the scope of the strategy that trains it, so that the replicas share its "
            f"weights. Received: a {type(model).__name__} with weights made outside of the scope of this "
            f"{type(strategy).__name__}"
        )


def in_own_scope(method):
    """A decorator that runs a model's method in the scope of the strategy that the model was made under."""

    @functools.wraps(method)
    def within(self, *args, **kwargs):
        check_scope(self)
        with self.distribute_strategy.scope():
            return method(self, *args, **kwargs)

    return within


def check_optimizer(optimizer, name):
    """Checks that an optimizer was made in the scope of the current strategy, if any."""
    strategy = tf.distribute.get_strategy()
    variables = [_compat.tf_variable(weight) for weight in (optimizer.iterations, optimizer.learning_rate)]
    variables = [variable for variable in variables if isinstance(variable, tf.Variable)]
    if tf.distribute.has_strategy() and not all(map(strategy.extended.variable_created_in_scope, variables)):
        raise ValueError(
            f"`{name}` must be made in the scope of the strategy in which the model was made. "
            f"Received: a {type(optimizer).__name__} made outside of the scope of this {type(strategy).__name__}"
        )


def check_jit_compile(jit_compile, model):
    """Raises an error for `jit_compile=True` under a strategy."""
    if jit_compile is True and under_strategy(model):
        raise ValueError(
            '`jit_compile` must be "auto" or False for a model that was made in the scope of a strategy: XLA cannot '
            "compile "
            f"the exchange between replicas. Received: jit_compile=True, {type(model.distribute_strategy).__name__}"
        )


def check_batch_size(batch_size, model):
    """Checks that the batch divides evenly among a model's replicas, since each takes the mean of its share."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"The batch size must be a multiple of the number of replicas, {replicas}, each of which takes an equal share: "
            f"choose another `batch_size`. Received: batches of {batch_size}"
        )


def loaded_jit_compile(jit_compile, model):
    """The `jit_compile` of a loaded model. Under a strategy, which excludes XLA, True becomes False with a warning."""
    if jit_compile is not True or not under_strategy(model):
        return jit_compile
    warnings.warn(
        "The model was saved with `jit_compile=True` and is loaded in the scope of a strategy, where XLA cannot compile "
        f"its training step. It is compiled with jit_compile=False. Received: {type(model.distribute_strategy).__name__}",
        stacklevel=2,
    )
    return False
