"""Replicas of a `tf.distribute` strategy: what they agree on, and where models are made and compiled."""

import functools
import warnings

import tensorflow as tf

from keras_ganaug import _compat


def over_replicas(values, sum=False):
    """Means of tensors over the replicas of a strategy, the same on each; without a strategy the tensors.

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


def under_strategy(model):
    """Whether a strategy trains the model: that in whose scope it was made."""
    with model.distribute_strategy.scope():
        return tf.distribute.has_strategy()


def check_scope(model):
    """Checks that the strategy whose scope this is, if any, is that of the model."""
    strategy = tf.distribute.get_strategy()
    weights = [_compat.tf_variable(weight) for weight in model.weights]
    if tf.distribute.has_strategy() and not all(map(strategy.extended.variable_created_in_scope, weights)):
        raise ValueError(
            f"A model must be made, or loaded, in the scope of the strategy that trains it: its replicas share the weights "
            f"that are made there. Received: a {type(model).__name__} with weights made outside of the scope of this "
            f"{type(strategy).__name__}"
        )


def in_own_scope(method):
    """A method of a model that runs in the scope of the strategy in whose scope the model was made."""

    @functools.wraps(method)
    def within(self, *args, **kwargs):
        check_scope(self)
        with self.distribute_strategy.scope():
            return method(self, *args, **kwargs)

    return within


def check_optimizer(optimizer, name):
    """Checks that an optimizer was made in the scope of the strategy whose scope this is, if any."""
    strategy = tf.distribute.get_strategy()
    variables = [_compat.tf_variable(weight) for weight in (optimizer.iterations, optimizer.learning_rate)]
    variables = [variable for variable in variables if isinstance(variable, tf.Variable)]
    if tf.distribute.has_strategy() and not all(map(strategy.extended.variable_created_in_scope, variables)):
        raise ValueError(
            f"`{name}` must be made in the scope of the strategy in which the model was made. "
            f"Received: a {type(optimizer).__name__} made outside of the scope of this {type(strategy).__name__}"
        )


def check_jit_compile(jit_compile, model):
    """Refuses `jit_compile=True` under a strategy."""
    if jit_compile is True and under_strategy(model):
        raise ValueError(
            '`jit_compile` must be "auto" or False for a model that was made in the scope of a strategy: XLA cannot compile '
            f"what replicas exchange. Received: jit_compile=True, {type(model.distribute_strategy).__name__}"
        )


def check_batch_size(batch_size, model):
    """Checks that the replicas of a model get equally many images of each batch, of which each takes the mean."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"The images of a batch must be a multiple of the replicas of the strategy, {replicas}, each of which takes a "
            f"share: choose another `batch_size`. Received: batches of {batch_size}"
        )


def loaded_jit_compile(jit_compile, model):
    """What is made of the `jit_compile` of a file: under a strategy, where there is no XLA, a warning and False."""
    if jit_compile is not True or not under_strategy(model):
        return jit_compile
    warnings.warn(
        "The model was saved with `jit_compile=True`, and is loaded in the scope of a strategy, where XLA cannot compile "
        f"its training step: it is compiled with jit_compile=False. Received: {type(model.distribute_strategy).__name__}",
        stacklevel=2,
    )
    return False
