"""What a training leaves behind beside its weights: the classes that it saw, and the first loss that was not finite."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _state

PLAYERS = {"d": "discriminator", "g": "generator"}


class TrainingRecord(_state.RunningState):
    """The record of one GAN, written within its training step.

    Each replica writes a part of its own, so that the step needs no communication.

    Args:
        num_classes: Number of classes, or None.
    """

    def __init__(self, num_classes):
        super().__init__(name="training_record", dtype="float32")
        self.seen = None
        if num_classes is not None:
            self.seen = _compat.add_replica_weight(self, "seen", [num_classes], "float32")
        self.first_not_finite = _compat.add_replica_weight(self, "first_not_finite", [len(PLAYERS)], "int64")
        vars(self)["told"] = set()  # what was warned of; no part of the state
        self.built = True

    def write(self, step, labels, losses):
        """Adds a training step.

        Args:
            step: Integer scalar: the steps before this one.
            labels: int32 class indices of its images, or None.
            losses: Dict from player, "d" or "g", to the list of its losses.
        """
        if self.seen is not None:
            seen = _compat.tf_variable(self.seen)
            in_batch = tf.reduce_max(tf.one_hot(labels, seen.shape[0]), 0)
            seen.assign(tf.maximum(tf.convert_to_tensor(seen), in_batch))
        first = _compat.tf_variable(self.first_not_finite)
        bad = [~tf.reduce_all(tf.math.is_finite(tf.stack(losses.get(player) or [0.0]))) for player in PLAYERS]
        before = tf.convert_to_tensor(first)
        first.assign(tf.where(tf.stack(bad) & (before == 0), tf.cast(step, tf.int64) + 1, before))

    def restart(self):
        """Forgets the losses that were not finite."""
        _assign(self.first_not_finite, np.zeros([len(PLAYERS)], np.int64))

    @property
    def diverged(self):
        """(step, player) of the first loss that was not finite, steps counted from 1; None if all were finite."""
        steps = [(step, player) for part in _parts(self.first_not_finite) for step, player in zip(part, PLAYERS) if step]
        return min(steps, default=None)  # of the two in one step the discriminator comes first, as it does in the step

    @property
    def unseen_classes(self):
        """The classes of which no image was seen, a tuple; () if none was seen at all."""
        if self.seen is None:
            return ()
        unseen = self.unseen_with(())
        return unseen if len(unseen) < self.seen.shape[0] else ()

    def unseen_with(self, labels):
        """The classes of which there is no image, neither seen before nor among these class indices; a tuple."""
        if self.seen is None:
            return ()
        unseen = np.max(_parts(self.seen), axis=0) <= 0
        unseen[np.unique(np.asarray(labels, np.int32))] = False
        return tuple(np.flatnonzero(unseen).tolist())

    def save_own_variables(self, store):
        if self.seen is not None:
            store["0"] = np.max(_parts(self.seen), axis=0)

    def load_own_variables(self, store):
        if self.seen is not None:
            # A file of before there was a record does not tell what was seen.
            known = len(store.keys()) > 0
            _assign(self.seen, np.asarray(store["0"]) if known else np.ones(self.seen.shape, np.float32))


def _parts(weight):
    """The values of a weight on the replicas of this process."""
    variable = _compat.tf_variable(weight)
    return [part.numpy() for part in getattr(variable, "values", [variable])]


def _assign(weight, value):
    variable = _compat.tf_variable(weight)
    for part in getattr(variable, "values", [variable]):
        part.assign(value)
