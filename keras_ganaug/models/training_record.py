"""The record of a training: the labels that it saw, and the first loss that was not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _state


class TrainingRecord(_state.RunningState):
    """The record of one model, updated in its training step.

    Each replica writes its own part, so the step needs no communication.

    Args:
        condition: The `Condition` of the labels.
        players: Names of the players, in training order.
    """

    def __init__(self, condition, players):
        super().__init__(name="training_record", dtype="float32")
        self.condition, self.players = condition, tuple(players)
        self.seen = None
        if condition.conditional:
            self.seen = _compat.add_replica_weight(self, "seen", condition.seen_shape, "float32")
        self.first_not_finite = _compat.add_replica_weight(self, "first_not_finite", [len(self.players)], "int64")
        self.told = _Told()
        self.built = True

    def write(self, step: Any, labels: Any, losses: dict[str, list]) -> None:
        """Records a training step.

        Args:
            step: Integer scalar: the number of steps before this one.
            labels: int32 labels of its images, or None.
            losses: Dict from player to the list of its losses.
        """
        if self.seen is not None:
            seen = _compat.tf_variable(self.seen)
            seen.assign(tf.maximum(tf.convert_to_tensor(seen), self.condition.seen_in(labels)))
        first = _compat.tf_variable(self.first_not_finite)
        bad = [~tf.reduce_all(tf.math.is_finite(tf.stack(losses.get(player) or [0.0]))) for player in self.players]
        before = tf.convert_to_tensor(first)
        first.assign(tf.where(tf.stack(bad) & (before == 0), tf.cast(step, tf.int64) + 1, before))

    def restart(self) -> None:
        """Clears the losses that were not finite."""
        _assign(self.first_not_finite, np.zeros([len(self.players)], np.int64))

    @property
    def diverged(self) -> tuple[int, str] | None:
        """(step, player) of the first loss that was not finite, with steps counted from 1. None if all were finite."""
        firsts = [
            (step, n) for part in _parts(self.first_not_finite) for n, step in enumerate(part) if step
        ]  # within a step, the player that is trained first
        return (int(min(firsts)[0]), self.players[min(firsts)[1]]) if firsts else None

    @property
    def unseen_classes(self) -> tuple:
        """The unseen labels, see `Condition.unseen`; () if nothing was seen at all."""
        return () if self.seen is None or not np.max(_parts(self.seen)) > 0 else self.unseen_with(None)

    def unseen_with(self, labels: Any) -> tuple:
        """The labels that were not seen before and are not among these int32 labels."""
        if self.seen is None:
            return ()
        table = np.max(_parts(self.seen), axis=0)
        if labels is not None:
            table = np.maximum(table, self.condition.seen_in(tf.constant(np.unique(labels, axis=0))).numpy())
        return self.condition.unseen(table)

    def save_own_variables(self, store):
        if self.seen is not None:
            store["0"] = np.max(_parts(self.seen), axis=0)

    def load_own_variables(self, store):
        if self.seen is not None:
            # A file from an older version without a record does not say what was seen.
            _assign(self.seen, np.asarray(store["0"]) if len(store.keys()) else np.ones(self.seen.shape, np.float32))


class _Told:
    """What was already warned about. Not part of the state."""

    def __init__(self):
        self._what = []

    def first(self, what):
        """Whether this is the first time for something."""
        new = what not in self._what
        if new:
            self._what.append(what)
        return new


def _parts(weight):
    """The values of a weight on each replica of this process."""
    variable = _compat.tf_variable(weight)
    return [part.numpy() for part in getattr(variable, "values", [variable])]


def _assign(weight, value):
    variable = _compat.tf_variable(weight)
    for part in getattr(variable, "values", [variable]):
        part.assign(value)
