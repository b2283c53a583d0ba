"""A bank of samples on the host, which fills batches without running the generator."""

from __future__ import annotations

from time import monotonic
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _files, _images, _mapped, _progress, _random, _watch
from keras_ganaug.generators.generator import CHUNK, Generator

_DEFAULT_IMAGES = 4096
_DEFAULT_BYTES = 256 * 2**20
_LEAST_PER_CLASS = 8
_SHORT = 3.0  # seconds; what takes longer shows its progress


class SampleBank:
    """Holds samples of every class that the generator makes, generated once, to pick from.

    They are made when they are first needed, since the batches decide how they are stored: as bytes for batches of uint8,
    which would round them anyway, otherwise as float32.

    Args:
        generator: A `Generator` with one attribute or none. Its number of classes must be set.
        value_range: (lowest, highest) value of the images in the bank.
        truncation: Factor for the latents.
        seed: int32 seed.
        size: Total number of images, at least one for each class. Defaults to None: 4096, or as many as fit into 256 MiB of
            memory, and at least 8 per class.
        folder: Folder for files of the samples, from which single ones are read. Defaults to None: they are in memory.

    Raises:
        ValueError: If an image is not finite.
    """

    def __init__(
        self,
        generator: Generator,
        value_range: Any,
        truncation: float,
        seed: Any,
        size: int | None = None,
        folder: str | None = None,
    ):
        self.seed, self.generation = seed, 0
        self.num_classes, self.image_shape = generator.num_classes or 1, generator.image_shape
        self._classes, self._value_range = generator.made_classes, value_range
        self._size, self._folder = size, folder
        self._samples: dict[tf.DType, Any] = {}

        def sample(labels, seed):
            images = generator.sample(labels, seed, truncation)
            return _images.rescale(images, generator.value_range, value_range)

        self._sample = tf.function(sample, autograph=False)  # traced once

    def per_class(self, dtype: tf.DType = tf.float32) -> int:
        """The number of samples of each class, stored as this dtype."""
        size = self._size
        if size is None:
            fitting = _DEFAULT_BYTES // (dtype.size * int(np.prod(self.image_shape)))
            size = _DEFAULT_IMAGES if self._folder else min(_DEFAULT_IMAGES, fitting)
            size = max(size, _LEAST_PER_CLASS * len(self._classes))
        return max(size // len(self._classes), 1)

    @property
    def images(self) -> Any:
        """The samples for batches of floats."""
        return self.stored(tf.float32)

    def stored(self, dtype: tf.DType) -> Any:
        """The samples as float32 or uint8: a variable, or a `np.memmap`."""
        if dtype not in self._samples:
            with tf.init_scope():
                images = self._generate(dtype)
                if self._folder is None:
                    with tf.device("CPU:0"):
                        images = tf.Variable(images, trainable=False, name="bank")
            self._samples[dtype] = images
        return self._samples[dtype]

    def _generate(self, dtype):
        number = self.per_class(dtype) * len(self._classes)
        shape, chunks = (number, *self.image_shape), self._chunks(dtype)
        if self._folder is None:
            images, done = np.empty(shape, dtype.as_numpy_dtype), 0
            for chunk in chunks:
                images[done : done + len(chunk)] = chunk
                done += len(chunk)
            return images
        with _files.replacing(_files.join(self._folder, f"samples-{dtype.name}.npy")) as path, open(path, "w+b") as file:
            like = np.empty([0, *self.image_shape], dtype.as_numpy_dtype)
            header = {"descr": np.lib.format.dtype_to_descr(like.dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            offset = file.tell()
            for chunk in chunks:
                file.write(chunk.tobytes())
            return _mapped.mapped(file, number, like, offset)

    def _chunks(self, dtype):
        """Generates the samples in chunks of bounded size, sorted by class."""
        labels, begun = np.repeat(self._classes, self.per_class(dtype)), monotonic()
        seed, number = _random.fold(self.seed, self.generation), len(labels)
        if number > CHUNK:  # chunks of equal size
            labels = np.resize(labels, -(-number // CHUNK) * CHUNK)
        told = False
        for start in range(0, number, CHUNK):
            images = self._sample(tf.constant(labels[start : start + CHUNK]), _random.fold(seed, start))
            _watch.not_finite(images, "generator")
            yield _images.as_dtype(images, dtype, self._value_range).numpy()[: number - start]
            done, seconds = start + CHUNK, monotonic() - begun
            if done < number and seconds > _SHORT:
                told, left = True, _progress.words(seconds / done * (number - done))
                _progress.show(f"bank: {done:,} of {number:,} samples, {left} left")
        if told:
            _progress.clear()

    def refresh(self) -> None:
        """Replaces all samples with new ones.

        Raises:
            ValueError: If an image is not finite. The bank then stays unchanged.
        """
        self.generation += 1
        made = {dtype: self._generate(dtype) for dtype in self._samples}
        for dtype, images in made.items():
            if self._folder is None:
                self._samples[dtype].assign(images)
            else:
                self._samples[dtype] = images

    def draw(self, classes: tf.Tensor, seed: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """Images of the given classes, int32 (k,), for batches of a dtype: uint8 for uint8, otherwise float32.

        No image occurs twice unless a class has fewer than requested.
        """
        stored = tf.uint8 if dtype == tf.uint8 else tf.float32
        per_class = self.per_class(stored)
        # Each class starts at a random position: the n-th row of a class takes the n-th image from there.
        start = tf.gather(_random.integers([self.num_classes], seed, 0, per_class), classes)
        place = tf.searchsorted(self._classes, classes) * per_class + (start + occurrence(classes)) % per_class
        return _mapped.gather(self, lambda bank: bank.stored(stored), place)


def occurrence(classes: tf.Tensor) -> tf.Tensor:
    """Counts the equal classes before each of the classes, int32."""
    n = tf.range(tf.shape(classes)[0])
    return tf.reduce_sum(tf.cast((classes[:, None] == classes[None]) & (n[None] < n[:, None]), tf.int32), axis=1)
