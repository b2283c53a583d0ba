"""Replicas of a `tf.distribute` strategy: shared values, and checks of where models are made and compiled."""

import contextlib
import contextvars
import functools
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import tensorflow as tf
from tensorflow.python.eager import context as eager

from keras_ganaug import _compat

Number = TypeVar("Number", int, float)


class _Share(NamedTuple):
    """The part of a batch that a replica has: one of `replicas` equal parts of each of `blocks` equal blocks of rows."""

    replicas: int
    index: Any
    blocks: Any


_share: contextvars.ContextVar[_Share | None] = contextvars.ContextVar("share", default=None)


def several() -> Any:
    """The replica's context if there are several replicas, else None."""
    context = tf.distribute.get_replica_context()
    return None if context is None or context.num_replicas_in_sync == 1 else context


def over_replicas(values: Any, sum: bool = False, differentiable: bool = False) -> Any:
    """Averages tensors over the replicas of a strategy. Without a strategy, returns them as they are.

    Decisions that depend on the whole batch, such as a learning rate or a moving mean, use these values, since each replica
    sees only its part of the batch.

    Args:
        values: A tensor or a structure of tensors.
        sum: Whether to sum instead of averaging. Defaults to False.
        differentiable: Whether gradients flow to the values of all replicas. Defaults to False: they are stopped.
    """
    keep = tf.identity if differentiable else tf.stop_gradient
    values = tf.nest.map_structure(lambda value: keep(tf.convert_to_tensor(value)), values)
    context = several()
    if context is None:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM if sum else tf.distribute.ReduceOp.MEAN, values)


@contextlib.contextmanager
def whole_batch(blocks: Any = 1) -> Iterator[None]:
    """Within the context, random rows and `own_rows` are those that one device would give these rows of the whole batch.

    Args:
        blocks: Number of blocks of the whole batch of which the replica has its part. Defaults to 1: consecutive rows.
    """
    context = several()
    share = None if context is None else _Share(context.num_replicas_in_sync, context.replica_id_in_sync_group, blocks)
    token = _share.set(share)
    try:
        yield
    finally:
        _share.reset(token)


def batch_replicas() -> int:
    """The number of replicas that share the current batch. 1 outside of `whole_batch`."""
    share = _share.get()
    return 1 if share is None else share.replicas


def own_rows(rows: tf.Tensor) -> tf.Tensor:
    """The replica's rows of a tensor for the whole batch. All rows outside of `whole_batch`."""
    share = _share.get()
    if share is None:
        return rows
    rest = tf.shape(rows)[1:]
    parts = tf.reshape(rows, tf.concat([[share.blocks, share.replicas, -1], rest], 0))
    own = tf.reshape(parts[:, share.index], tf.concat([[-1], rest], 0))
    return tf.ensure_shape(own, [rows.shape[0] and rows.shape[0] // share.replicas, *rows.shape[1:]])


def all_rows(rows: tf.Tensor, blocks: Any = None) -> tf.Tensor:
    """The rows of all replicas, in the order of the whole batch. Gradients flow back to all of them.

    Args:
        rows: The replica's rows.
        blocks: Number of blocks of the whole batch. Defaults to None: that of `whole_batch`.
    """
    share = _share.get()
    if share is None:
        return rows
    blocks = share.blocks if blocks is None else blocks
    rest = tf.shape(rows)[1:]
    gathered = several().all_gather(rows, axis=0)
    parts = tf.reshape(gathered, tf.concat([[share.replicas, blocks, -1], rest], 0))
    parts = tf.transpose(parts, tf.concat([[1, 0], tf.range(2, tf.rank(parts))], 0))
    everything = tf.reshape(parts, tf.concat([[-1], rest], 0))
    return tf.ensure_shape(everything, [rows.shape[0] and rows.shape[0] * share.replicas, *rows.shape[1:]])


def assign_all(variables: Any, values: Any) -> None:
    """Assigns `tf.Variable`s. Works from within a replica too, where all replicas must pass the same values."""
    context = several()
    if context is None:
        for variable, value in zip(variables, values):
            variable.assign(value)
        return

    def merged(strategy, *values):
        for variable, value in zip(variables, values):
            strategy.extended.update(variable, lambda v, new: v.assign(new), args=(value,))

    context.merge_call(merged, args=tuple(values))


def agree_on_moving_statistics(model: Any) -> None:
    """Gives all replicas the mean of their moving statistics, if Keras has separate ones."""
    variables = [] if several() is None else _compat.separate_statistics(model)
    if variables:
        for variable, value in zip(variables, over_replicas([tf.identity(each) for each in variables]), strict=True):
            variable.assign(value)


def multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy runs in several processes."""
    return strategy.extended._in_multi_worker_mode()


def _server() -> Any:
    """What this process is in its cluster. None without one."""
    return getattr(eager.context(), "_collective_ops_server_def", None)  # TensorFlow has no public name for it


def other_workers() -> bool:
    """Whether other processes train together with this one."""
    return _server() is not None


def is_chief() -> bool:
    """Whether this process is the one among its workers that writes files. True if there are no other workers."""
    server = _server()
    if server is None:
        return True
    chief = "chief" if any(job.name == "chief" for job in server.cluster.job) else "worker"
    return (server.job_name, server.task_index) == (chief, 0)


def agreed(number: Number) -> Number:
    """A number that all workers agree on: that of the chief. All must call this in the scope of their strategy.

    Args:
        number: An int or a float, of the same type in all workers.
    """
    if not multi_worker(tf.distribute.get_strategy()):
        return number
    dtype = tf.float64 if isinstance(number, float) else tf.int64
    return type(number)(tf.Variable(tf.constant(number, dtype), trainable=False).numpy())  # the chief gives initial values


def dealt(dataset: tf.data.Dataset, model: Any) -> tf.data.Dataset:
    """The batches of `fit`, in an order of rows that gives each replica its part of each of the `d_steps` updates."""
    replicas, updates = model.distribute_strategy.num_replicas_in_sync, model.d_steps
    if replicas == 1:
        return dataset

    def deal(rows):
        parts = tf.reshape(rows, [updates, replicas, -1, *rows.shape[1:]])
        return tf.reshape(tf.transpose(parts, [1, 0, *range(2, parts.shape.rank)]), [rows.shape[0], *rows.shape[1:]])

    if updates > 1:
        dataset = dataset.map(lambda *e: tf.nest.map_structure(deal, e if len(e) > 1 else e[0]))
    options = tf.data.Options()  # each worker reads all the data and takes its rows, whatever files they come from
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


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
