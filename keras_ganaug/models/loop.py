"""The loop of `fit`: epochs and steps, with Keras's train function, callbacks and progress bar.

Keras's own loop always starts an epoch at its first step. This one also continues in the middle of an epoch.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_ganaug import _compat, _replicas


class Place(NamedTuple):
    """A place in a training."""

    epoch: int
    """Number of complete epochs."""
    step: int = 0
    """Number of steps of the next epoch."""
    taken: int = 0
    """Number of steps since the start of the training, whose images are no longer to be used."""


class Resuming(keras.callbacks.Callback):
    """A callback that restores an interrupted training. `fit` calls it first, and at the end of an epoch last."""

    def restore(self, model: Any) -> None:
        """Restores the model."""
        raise NotImplementedError

    def place(self, plan: Any, initial_epoch: int) -> Place:
        """Where the training starts, after `restore`. `initial_epoch` is the argument of `fit`."""
        raise NotImplementedError

    def after_step(self, step: int) -> None:
        """Called when so many steps of the epoch are done. Keras would call `on_train_batch_end` in another thread."""
        raise NotImplementedError


def resuming(callbacks: Any) -> Resuming | None:
    """The `Resuming` among the callbacks of `fit`. None if there is none."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    found = [each for each in tf.nest.flatten(callbacks) if isinstance(each, Resuming)]
    if len(found) > 1:
        raise ValueError(f"`callbacks` must contain at most one `{type(found[0]).__name__}`. Received: {len(found)}")
    return found[0] if found else None


def run(model: Any, stream: Any, plan: Any, place: Place, verbose: str | int, callbacks: Any) -> keras.callbacks.History:
    """Trains a model.

    Args:
        model: The compiled model. In the middle of an epoch, its metrics have the values of the steps before.
        stream: The `Stream` of its data.
        plan: The `Schedule`.
        place: Where to start.
        verbose, callbacks: See `fit`. The callbacks may also be Keras's `CallbackList`.

    Returns Keras's `History`.
    """
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        if verbose == "auto":
            verbose = 1 if keras.utils.is_interactive_logging_enabled() else 2
        options = {"verbose": verbose, "epochs": plan.epochs, "steps": plan.steps_per_epoch, "model": model}
        callbacks = keras.callbacks.CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, **options)
    model.stop_training, logs, iterator, after = False, None, None, resuming(callbacks)
    train = _compat.train_function(model)
    callbacks.on_train_begin()
    place = place._replace(epoch=_compat.first_epoch(model, place.epoch, plan.steps_per_epoch))
    for epoch in range(place.epoch, plan.epochs):
        first = epoch == place.epoch
        if not (first and place.step):
            model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        if iterator is None:  # only now, since a callback may have restored the model
            iterator = _iterator(model, stream, 0 if not first else place.taken if plan.steps_per_epoch else place.step)
        done, steps = place.step if first else 0, plan.steps_in(epoch)
        ended = _epoch(model, train, iterator, callbacks, done, steps, after)
        if ended or not plan.steps_per_epoch:
            iterator = None
        logs = {metric.name: float(metric.result()) for metric in model.metrics}
        callbacks.on_epoch_end(epoch, logs)
        if _stops(model):
            break
    callbacks.on_train_end(logs)
    return model.history


def _stops(model):
    """Whether the training ends with this epoch. Several workers do what the chief says, so that none waits in vain."""
    with model.distribute_strategy.scope():
        return bool(_replicas.agreed(int(model.stop_training)))


def _iterator(model, stream, skipped):
    dataset = stream.dataset if stream.starts_at_step or not skipped else stream.dataset.skip(skipped)
    return iter(model.distribute_strategy.experimental_distribute_dataset(dataset))


def _epoch(model, train, iterator, callbacks, done, steps, after):
    """Runs the steps of one epoch after the first `done`. Returns whether the data ended."""
    at_once = model.training_state.requested["steps_per_execution"]
    while steps is None or done < steps:
        callbacks.on_train_batch_begin(done)
        try:
            logs = train(iterator)
        except (StopIteration, tf.errors.OutOfRangeError):
            if steps is not None:
                warnings.warn(
                    "The data must be readable as often as needed: they ended within an epoch, which is cut short. "
                    f"Received: data for {done} of its {steps} steps",
                    stacklevel=4,
                )
            return True
        done += at_once
        callbacks.on_train_batch_end(done - 1, logs)
        if after is not None:
            after.after_step(done)
        if model.stop_training and not _replicas.multi_worker(model.distribute_strategy):
            break
    return False
