"""Stand-ins for a generator: real images as an upper bound, and wrong labels as a control."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _random, conditions
from keras_ganaug.generators.bank import occurrence
from keras_ganaug.generators.generator import Generator


class Pool(Generator):
    """Stands in for a generator with real images: draws from the images of each class.

    Args:
        images: Array of shape (n, height, width, channels), in `value_range`.
        labels: Class indices (n,); each class must have at least one image.
        num_classes: Number of classes.
        value_range: (lowest, highest) value of the images.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, num_classes: int, value_range: tuple[float, float]):
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels, minlength=num_classes)
        if (counts == 0).any():
            missing = np.flatnonzero(counts == 0).tolist()
            raise ValueError(f"`labels` must have an image of each class. Received: none of the classes {missing}")
        self.condition, self.image_shape = conditions.OneClass(num_classes), tuple(images.shape[1:])
        self.value_range = value_range
        with tf.device("CPU:0"):
            self.variables = tf.constant(np.asarray(images)[order])
        self._counts, self._starts = tf.constant(counts, tf.int32), tf.constant(np.cumsum(counts) - counts, tf.int32)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        # Takes images in a random order, so that none repeats before all have been used.
        counts = tf.gather(self._counts, labels)
        start = tf.gather(_random.integers([self.num_classes], seed, 0, 2**30), labels)
        place = (start % counts + occurrence(labels)) % counts
        return tf.cast(tf.gather(self.variables, tf.gather(self._starts, labels) + place), tf.float32)


class Shuffled(Generator):
    """Wraps a generator so that its samples belong to a wrong class: a control for the value of labels.

    For a generator that translates images, labels stay, and each replaced image gets the translation of the next one.

    Args:
        generator: A `Generator` with classes, or one that translates.
    """

    def __init__(self, generator: Generator):
        self._generator, self.condition = generator, generator.condition
        self.variables, self.image_shape = generator.variables, generator.image_shape
        self.value_range, self.missing_classes = generator.value_range, generator.missing_classes
        self.translates = generator.translates
        if not self.translates and isinstance(self.condition, conditions.OneClass) and len(self.made_classes) < 2:
            raise ValueError(
                "`generator` must make at least two classes, to give samples of wrong ones. "
                f"Received: {len(self.made_classes)}, {self.made_classes.tolist()}"
            )

    @property
    def unseen_classes(self) -> tuple:  # type: ignore[override]
        """The unseen classes of the wrapped generator."""
        return self._generator.unseen_classes

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        wrong_seed = _random.fold(seed, 1)
        if self.missing_classes:
            made = self.made_classes
            wrong = conditions.OneClass(len(made)).mismatch(tf.searchsorted(made, labels), wrong_seed)
            return self._generator.sample(tf.gather(made, wrong), seed, truncation)
        wrong = self.condition.mismatch(labels, wrong_seed)
        return self._generator.sample(wrong, seed, truncation)

    def in_place_of(self, images: Any, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        if not self.translates:
            return super().in_place_of(images, labels, seed, truncation)
        return self._generator.in_place_of(lambda: tf.roll(images(), 1, axis=0), labels, seed, truncation)
