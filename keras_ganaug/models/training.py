"""The training step of all models: each player in turn, then the averaged weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, _replicas
from keras_ganaug.layers.minibatch_stddev import MinibatchStdDev, class_groups, size_of_groups
from keras_ganaug.layers.spectral_normalization import power_iteration_once


class Batch(NamedTuple):
    """The data of one update."""

    images: Any
    """Real images, float32 in [-1, 1]."""
    labels: Any
    """int32 labels, or None."""
    seed: Any
    """int32 seed of this update."""


class Player(NamedTuple):
    """One of the players that are trained against each other."""

    name: str
    """Its name, such as "d" or "g"."""
    network: keras.Model
    """The network to train."""
    optimizer: keras.optimizers.Optimizer
    """Its optimizer."""
    loss: Callable[[Batch], Any]
    """Maps a batch to a scalar loss, including penalties."""
    updates: int = 1
    """Number of updates in a training step, each with its own images."""


class Training:
    """The state of a model's training: the record, running means, and the state of penalties and augmentations."""

    def __init__(self, record: Any):
        self.record = record
        self.means: dict[str, keras.metrics.Mean] = {}
        self.penalties: Sequence = ()
        self.augment: Any = None
        self.states: list = []
        self.requested: dict[str, Any] = {}
        """The arguments of `compile` that Keras does not store."""
        self.trained: set[int] | None = None
        """The ids of the weights that the optimizers train; None before `compile`."""

    def compiled(self, model: Any, parts: Sequence, requested: dict[str, Any]) -> None:
        """Stores the result of `compile`. `parts` are the penalties and the augmentation."""
        *self.penalties, self.augment = parts
        names = (*model.metric_names, *self.augment.metric_names)
        self.means = {name: keras.metrics.Mean(name=name) for name in names}
        self.states = [part.state for part in parts if part.state is not None]
        self.trained = {id(weight) for network in model.networks.values() for weight in network.trainable_variables}
        self.requested = requested

    def penalty(self, context: Any) -> Any:
        """The sum of the penalties for the player of a `Context`."""
        total = tf.constant(0.0)
        for n, penalty in enumerate(self.penalties):
            if context.player in penalty.players:
                total += penalty(dataclasses.replace(context, seed=_random.fold(context.seed, n)))
        return total


def step(model: Any, images: tf.Tensor, labels: Any) -> dict[str, Any]:
    """Runs one training step of an `AdversarialModel`.

    Args:
        model: The model.
        images: float32 images in [-1, 1] from `d_steps` batches.
        labels: Their int32 labels, or None.

    Returns the running means that the model reports.
    """
    model.before_step()
    images = model.real_images(images)
    step_number = _compat.tf_variable(model.step)
    _check_together(step_number)
    seed = _random.fold(_random.as_seed(model.seed), step_number)
    rows = (images.shape[0] or tf.shape(images)[0]) // model.d_steps
    layers = [layer for layer in model.discriminator._flatten_layers() if isinstance(layer, MinibatchStdDev)]
    groups_of = size_of_groups(images[:rows], max((layer.group_size for layer in layers), default=1))
    losses: dict[str, list] = {}
    with _replicas.whole_batch(groups_of):
        for number, player in enumerate(model.players()):
            for update in range(player.updates):
                part = slice(update * rows, (update + 1) * rows)
                update_seed = _random.fold(seed, number * 1000 + update)
                batch = Batch(images[part], None if labels is None else labels[part], update_seed)
                loss = _update(model, player, _grouped(model, batch, groups_of) if layers else batch)
                model.report(f"{player.name}_loss", loss)
                losses.setdefault(player.name, []).append(tf.cast(loss, tf.float32))
    model.training_record.write(step_number, labels, losses)
    model.average.update(model.ema_decay, step_number)
    model.step.assign_add(1)
    model.images_seen.assign_add(tf.cast(_replicas.over_replicas(tf.shape(images)[0], sum=True), tf.int64))
    return {metric.name: metric.result() for metric in model.metrics}


def _check_together(step_number):
    """Checks that all workers are at the same step. They are not if some of them could not read the backup."""
    if _replicas.other_workers() and _replicas.several() is not None:
        own = tf.cast(step_number, tf.float32)
        equal = tf.equal(_replicas.over_replicas(own), own)
        message = "all workers must be at the same training step: they must resume from one folder that all of them see"
        _checks.assertion(equal, message, step_number)


def _update(model, player, batch):
    """Runs one gradient step of one player. Returns its loss."""
    weights = player.network.trainable_variables
    variables = [_compat.tf_variable(weight) for weight in weights]
    with power_iteration_once(player.network), tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        loss = player.loss(batch)
        if loss.shape.rank and loss.shape.num_elements() != 1:
            raise ValueError(f"Losses and `penalties` must give scalars. Received: {player.name}_loss of shape {loss.shape}")
        # Replicas sum their gradients.
        scaled = _compat.scale_loss(player.optimizer, loss / tf.distribute.get_strategy().num_replicas_in_sync)
    gradients = _compat.unscale_gradients(player.optimizer, tape.gradient(scaled, variables))
    player.optimizer.apply_gradients(zip(gradients, weights, strict=True))
    for penalty in model.training_state.penalties:
        if player.name in penalty.players:
            penalty.after_update(player.name, player.network)
    return loss


def _grouped(model, batch, groups_of):
    """Reorders the batch so that a minibatch standard deviation compares images of the same class.

    Each replica of a strategy gets whole groups of the whole batch, if its part is a multiple of the size of a group.
    """
    images, labels = _replicas.all_rows(batch.images, blocks=1), batch.labels
    if labels is not None:
        labels = _replicas.all_rows(labels, blocks=1)
        order = class_groups(model.condition.groups(labels), groups_of)
        images, labels = tf.gather(images, order), _replicas.own_rows(tf.gather(labels, order))
    return batch._replace(images=_replicas.own_rows(images), labels=labels)
