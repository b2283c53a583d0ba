"""A bank of samples on the host, which fills batches without running the generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _images, _random
from keras_ganaug.generators.generator import CHUNK, Generator, in_chunks

_DEFAULT_IMAGES = 4096
_DEFAULT_BYTES = 256 * 2**20
_LEAST_PER_CLASS = 8


class SampleBank:
    """Holds samples of every class that the generator makes, generated once, to pick from.

    Args:
        generator: A `Generator` with one attribute or none. Its number of classes must be set.
        value_range: (lowest, highest) value of the images in the bank.
        truncation: Factor for the latents.
        seed: int32 seed.
        size: Total number of images, at least one for each class. Defaults to None: 4096, or as many as fit into 256 MiB,
            and at least 8 per class.

    Raises:
        ValueError: If an image is not finite.
    """

    def __init__(self, generator: Generator, value_range: Any, truncation: float, seed: Any, size: int | None = None):
        self.seed, self.generation = seed, 0
        self.num_classes, self.image_shape = generator.num_classes or 1, generator.image_shape
        self._classes = generator.made_classes
        if size is None:
            image_bytes = 4 * int(np.prod(self.image_shape))
            size = max(min(_DEFAULT_IMAGES, _DEFAULT_BYTES // image_bytes), _LEAST_PER_CLASS * len(self._classes))
        self.per_class = max(size // len(self._classes), 1)

        def sample(labels, seed):
            images = generator.sample(labels, seed, truncation)
            return _images.rescale(images, generator.value_range, value_range)

        self._sample = tf.function(sample, autograph=False)  # traced once
        images = self._generate()
        with tf.init_scope(), tf.device("CPU:0"):
            self.images = tf.Variable(images, trainable=False, name="bank")

    def _generate(self):
        labels = np.repeat(self._classes, self.per_class)
        seed, number = _random.fold(self.seed, self.generation), len(labels)
        if number > CHUNK:  # chunks of equal size
            labels = np.resize(labels, -(-number // CHUNK) * CHUNK)

        def make(rows):
            return self._sample(tf.constant(labels[rows]), _random.fold(seed, rows.start))

        return in_chunks(make, len(labels), self.image_shape)[:number]

    def refresh(self) -> None:
        """Replaces all samples with new ones.

        Raises:
            ValueError: If an image is not finite. The bank then stays unchanged.
        """
        self.generation += 1
        self.images.assign(self._generate())

    def draw(self, classes: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Images of the given classes, int32 (k,). No image occurs twice unless a class has fewer than requested."""
        # Each class starts at a random position: the n-th row of a class takes the n-th image from there.
        start = tf.gather(_random.integers([self.num_classes], seed, 0, self.per_class), classes)
        place = (start + occurrence(classes)) % self.per_class
        return tf.gather(self.images, tf.searchsorted(self._classes, classes) * self.per_class + place)


def occurrence(classes: tf.Tensor) -> tf.Tensor:
    """Counts the equal classes before each of the classes, int32."""
    n = tf.range(tf.shape(classes)[0])
    return tf.reduce_sum(tf.cast((classes[:, None] == classes[None]) & (n[None] < n[:, None]), tf.int32), axis=1)
