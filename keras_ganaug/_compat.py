"""The only module that knows which generation of Keras is installed.

The package runs on Keras 3 (with its TensorFlow backend) and on Keras 2.15. Everything that differs between the two
is here. No other module checks a version.
"""

import contextlib
import importlib

import keras
import tensorflow as tf

KERAS_3 = int(keras.__version__.split(".")[0]) >= 3

if KERAS_3 and keras.config.backend() != "tensorflow":
    raise ImportError(
        "keras_ganaug needs the TensorFlow backend of Keras: set the environment variable "
        f"KERAS_BACKEND=tensorflow before importing Keras. Received: {keras.config.backend()!r}"
    )

_GENERATION = "Keras 3" if KERAS_3 else "Keras 2"

# The aggregation of a variable that all replicas assign the same value to. It needs no collective operation.
SAME_ON_ALL = "only_first_replica" if KERAS_3 else tf.VariableAggregation.ONLY_FIRST_REPLICA


class Model(keras.Model):
    """A Keras model that trains under a strategy over several processes too. Keras 3's own `fit` fails there."""

    if KERAS_3:

        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            strategy = self.distribute_strategy
            if iterator is None or not strategy.extended._in_multi_worker_mode():
                return super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)
            # Keras would read a batch and average its values over the workers.
            specs = iterator._distributed_dataset.element_spec
            local = tf.nest.map_structure(lambda spec: getattr(spec, "_value_specs", [spec])[0], specs)
            with strategy.scope():
                return self._symbolic_build(data_batch=local)

        def _make_function(self, step_function):
            if not self.distribute_strategy.extended._in_multi_worker_mode():
                return super()._make_function(step_function)

            def step_with_rows(data):
                # Keras takes the mean over the first axis of all workers' results.
                return tf.nest.map_structure(lambda value: tf.reshape(value, [1]), step_function(data))

            return super()._make_function(step_with_rows)


def compile_classifier(model, **options):
    """Compiles a classifier that this package trains.

    Keras 3 would compile the step with XLA, whose convolutions are slower on CPUs than TensorFlow's own.
    """
    on_cpu = all(device.device_type == "CPU" for device in tf.config.list_physical_devices())
    model.compile(**options, **({"jit_compile": False} if KERAS_3 and on_cpu else {}))
    forget_traces(model.optimizer)


def export(model, path, **options):
    """Exports a Keras model as a SavedModel, without Keras 3's line about `path`, which may be a temporary one."""
    model.export(path, **({"verbose": False, **options} if KERAS_3 else options))


def unsaved_rates(optimizers):
    """The learning rates that Keras's files of weights do not hold, as variables: those of Keras 2, unless schedules."""
    plain = [] if KERAS_3 else [getattr(each, "inner_optimizer", each) for each in optimizers]
    return [each._learning_rate for each in plain if isinstance(each._learning_rate, tf.Variable)]


def forget_traces(optimizer):
    """Lets the graphs of a training step be freed with their model.

    Keras 3 sums gradients over replicas even if there is only one, by a function of TensorFlow that registers a gradient
    under a new name in each trace, and so keeps the graph for ever.
    """
    if KERAS_3 and tf.distribute.get_strategy().num_replicas_in_sync == 1:
        inner = [optimizer.inner_optimizer] if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) else []
        for each in (optimizer, *inner):
            each._all_reduce_sum_gradients = list


def stamped(config):
    """Adds the generation of Keras to a config."""
    return {**config, "keras_generation": _GENERATION}


def unstamped(config, name):
    """Checks and removes the stamp of a config. Neither generation of Keras can read the other's `.keras` files."""
    config = dict(config)
    generation = config.pop("keras_generation", _GENERATION)
    if generation != _GENERATION:
        raise ValueError(
            f"This {name} was saved by {generation}, whose `.keras` files {_GENERATION} cannot read: load it there and "
            f"call `export`. Both can use the SavedModel. Expected: a file of {_GENERATION}. Received: one of {generation}"
        )
    return config


def keras_random_state():
    """Reads the state of Keras's global random number generator. Returns a function that restores it.

    Neither generation of Keras has a public name for the state. If it has moved, the function does nothing.
    """
    try:
        if KERAS_3:
            return _global_seed_generator(importlib.import_module("keras.src.backend.common.global_state"))
        holder = importlib.import_module("keras.src.backend")._SEED_GENERATOR
        return _thread_seed_generator(holder)
    except (ImportError, AttributeError):
        return lambda: None


def _global_seed_generator(state):
    names = ("global_random_seed", "global_seed_generator")
    values = [state.get_global_attribute(name) for name in names]
    counter = None if values[1] is None else values[1].state.numpy()

    def restore():
        for name, value in zip(names, values):
            state.set_global_attribute(name, value)
        if counter is not None:
            values[1].state.assign(counter)

    return restore


def _thread_seed_generator(holder):
    generator = getattr(holder, "generator", None)
    state = None if generator is None else generator.getstate()

    def restore():
        holder.generator = generator
        if state is not None:
            generator.setstate(state)

    return restore


def output_layer(model):
    """The layer (in Keras 3, the operation) that computes a model's first output. None if it cannot be found."""
    outputs = getattr(model, "outputs", None)
    history = getattr(outputs[0], "_keras_history", None) if outputs else None
    return None if history is None else history[0]


def train_function(model):
    """The function that runs the next training step of a model on an iterator."""
    made = model.make_train_function()
    if not KERAS_3:
        model.train_function = made
    return model.train_function


def first_epoch(model, otherwise, steps_per_epoch):
    """The epoch at which Keras's `BackupAndRestore` wants to go on, after `on_train_begin`; `otherwise` without it."""
    if not KERAS_3:
        return model._maybe_load_initial_counters_from_ckpt(steps_per_epoch, otherwise)[0]
    found, model._initial_epoch = model._initial_epoch, None  # for this `fit` alone
    return found or otherwise


def auto_jit_compile(under_strategy):
    """What `jit_compile="auto"` of a GAN becomes. Keras 3 decides for itself; Keras 2 does not know this value."""
    if KERAS_3:
        return "auto"
    accelerated = bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))
    return accelerated and not under_strategy


def in_xla():
    """Whether XLA will compile the graph that is being built. XLA cannot call Python."""
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        context = graph._get_control_flow_context()
        while context is not None:
            if context.IsXLAContext():
                return True
            context = context.outer_context
        graph = getattr(graph, "outer_graph", None)
    return False


def safe_mode():
    """Whether Keras is loading in safe mode, which runs no code from the file. Also True when nothing is being loaded.

    Keras has no public way to ask. But it deserializes a lambda only if safe mode is off, so this function tries a lambda
    without code.
    """
    try:
        keras.saving.deserialize_keras_object({"class_name": "__lambda__", "config": {}})
    except KeyError:
        return False
    except Exception:  # Keras refused; the type of the error depends on its version
        return True
    return True


def custom_objects():
    """The `custom_objects` of the current load, for parts that are read after Keras has cleared them."""
    scope = keras.saving.custom_object_scope({})
    with scope:
        found = dict(scope.backup or {})
    registered = keras.saving.get_custom_objects()
    return {name: value for name, value in found.items() if name not in registered}


def tf_variable(weight):
    """The `tf.Variable` behind a Keras weight, in its own dtype even inside a mixed-precision layer."""
    if KERAS_3:
        return getattr(weight, "_value", weight)
    return weight._variable if type(weight).__name__.startswith("AutoCast") else weight


def separate_statistics(model):
    """The `tf.Variable`s of a model that training changes differently on each replica: Keras 3 has them, Keras 2 none."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    layers = [layer for layer in layers if KERAS_3 and layer.trainable and not layer.synchronized]
    return [tf_variable(weight) for layer in layers for weight in (layer.moving_mean, layer.moving_variance)]


@contextlib.contextmanager
def weight_replaced(layer, name, value):
    """Within the context, `layer` computes with the tensor `value` instead of its weight `name`."""
    if KERAS_3:
        with keras.StatelessScope(state_mapping=[(getattr(layer, name), value)]):
            yield
    else:
        # Bypasses `Layer.__setattr__`, which would remove the variable from the layer's weights.
        weight = vars(layer)[name]
        vars(layer)[name] = tf.cast(value, layer.compute_dtype)
        try:
            yield
        finally:
            vars(layer)[name] = weight


def inputs_of(dataset):
    """The input datasets of a `tf.data.Dataset`. Empty if TensorFlow does not expose them."""
    tell = getattr(dataset, "_inputs", None)
    return tell() if callable(tell) else []


def rename(model, name):
    """Renames a model."""
    if KERAS_3:
        model.name = name
    else:
        model._name = name


def scale_loss(optimizer, loss):
    """Multiplies the loss by the optimizer's loss scale (mixed float16). Returns it unchanged if there is none."""
    if KERAS_3:
        return optimizer.scale_loss(loss)
    return optimizer.get_scaled_loss(loss) if hasattr(optimizer, "get_scaled_loss") else loss


def unscale_gradients(optimizer, gradients):
    """Undoes `scale_loss` if the optimizer does not do so itself."""
    if not KERAS_3 and hasattr(optimizer, "get_unscaled_gradients"):
        return optimizer.get_unscaled_gradients(gradients)
    return gradients


def global_dtype_policy():
    """The default dtype policy of layers."""
    return keras.config.dtype_policy() if KERAS_3 else keras.mixed_precision.global_policy()


@contextlib.contextmanager
def dtype_policy(policy):
    """Within the context, new layers have this dtype policy."""
    put = keras.config.set_dtype_policy if KERAS_3 else keras.mixed_precision.set_global_policy
    before = global_dtype_policy()
    put(policy)
    try:
        yield
    finally:
        put(before)


def with_loss_scale(optimizer, compute_dtype):
    """Wraps the optimizer with loss scaling for float16, whose gradients would underflow. Other dtypes do not need it."""
    scaler = (keras.optimizers if KERAS_3 else keras.mixed_precision).LossScaleOptimizer
    if compute_dtype != "float16" or isinstance(optimizer, scaler):
        return optimizer
    return scaler(optimizer)
