"""The record of a training: the labels that it saw, and the first loss that was not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _replicas, _state


class TrainingRecord(_state.RunningState):
    """The record of one model, updated in its training step.

    All replicas of a strategy hold the same, so each worker can read it alone.

    Args:
        condition: The `Condition` of the labels.
        players: Names of the players, in training order.
    """

    def __init__(self, condition, players):
        super().__init__(name="training_record", dtype="float32")
        self.condition, self.players = condition, tuple(players)
        self.seen = None
        if condition.conditional:
            self.seen = _state.add_state(self, "seen", condition.seen_shape)
        self.first_not_finite = _state.add_state(self, "first_not_finite", [len(self.players)], dtype="int64")
        self.told = _Told()
        self.built = True

    def write(self, step: Any, labels: Any, losses: dict[str, list]) -> None:
        """Records a training step.

        Args:
            step: Integer scalar: the number of steps before this one.
            labels: int32 labels of its images, or None.
            losses: Dict from player to the list of its losses.
        """
        bad = [~tf.reduce_all(tf.math.is_finite(tf.stack(losses.get(player) or [0.0]))) for player in self.players]
        news = {"bad": tf.cast(tf.stack(bad), tf.float32)}
        if self.seen is not None:
            news["seen"] = self.condition.seen_in(labels)
        news = _replicas.over_replicas(news, sum=True)
        if self.seen is not None:
            seen = tf.convert_to_tensor(_compat.tf_variable(self.seen))
            self.seen.assign(tf.maximum(seen, tf.minimum(news["seen"], 1.0)))
        before = tf.convert_to_tensor(_compat.tf_variable(self.first_not_finite))
        self.first_not_finite.assign(tf.where((news["bad"] > 0) & (before == 0), tf.cast(step, tf.int64) + 1, before))

    def restart(self) -> None:
        """Clears the losses that were not finite."""
        self.first_not_finite.assign(np.zeros([len(self.players)], np.int64))

    @property
    def diverged(self) -> tuple[int, str] | None:
        """(step, player) of the first loss that was not finite, with steps counted from 1. None if all were finite."""
        firsts = [(step, n) for n, step in enumerate(self.first_not_finite.numpy()) if step]
        # Within a step, the player that is trained first.
        return (int(min(firsts)[0]), self.players[min(firsts)[1]]) if firsts else None

    @property
    def unseen_classes(self) -> tuple:
        """The unseen labels, see `Condition.unseen`; () if nothing was seen at all."""
        return () if self.seen is None or not np.max(self.seen.numpy()) > 0 else self.unseen_with(None)

    def unseen_with(self, labels: Any) -> tuple:
        """The labels that were not seen before and are not among these int32 labels."""
        if self.seen is None:
            return ()
        table = self.seen.numpy()
        if labels is not None:
            table = np.maximum(table, self.condition.seen_in(tf.constant(np.unique(labels, axis=0))).numpy())
        return self.condition.unseen(table)

    def save_own_variables(self, store):
        if self.seen is not None:
            store["0"] = self.seen.numpy()

    def load_own_variables(self, store):
        if self.seen is not None:
            # A file from an older version without a record does not say what was seen.
            self.seen.assign(np.asarray(store["0"]) if len(store.keys()) else np.ones(self.seen.shape, np.float32))


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
