"""Images that are read by their row numbers, in any order. Their labels are known without reading an image.

A dataset that has such rows carries them in its attribute `rows`. So whatever draws images by their labels (`fit` with
`class_balanced`, `take_per_class`, `oversample`) reads only the images that it has drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _mapped

# The classes of datasets that have the same elements as their input, perhaps batched or in another order.
_SAME_ROWS = re.compile(r"_?(Batch|ParallelBatch|Cache|Options|Prefetch|Shuffle)Dataset")
_AT_ONCE = 64  # number of rows that are read at a time for a dataset of single images


class Rows:
    """Images by row numbers.

    Attributes:
        labels: The labels of all rows, in the form of the elements: an array, or a structure of arrays.
        paths: The file of each row, as bytes. None if there are no files.
    """

    labels: Any
    paths: np.ndarray | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    def at(self, rows: np.ndarray) -> Rows:
        """Some of the rows, perhaps repeated, in another order."""
        raise NotImplementedError

    def read(self, rows: tf.data.Dataset, labels: Any, size: int | None = None) -> tf.data.Dataset:
        """Reads rows.

        Args:
            rows: Dataset of int64 row numbers.
            labels: Labels of all rows to give in place of the own ones; None for images alone.
            size: Number of rows in a batch; a smaller last batch is left out. Defaults to None: single rows.

        Returns a dataset of (image, label), or of images.
        """
        raise NotImplementedError

    def dataset(self, shuffle_seed: int | None = None) -> tf.data.Dataset:
        """All rows in their order, as an unbatched dataset that carries them.

        Args:
            shuffle_seed: Seed of a new order in each epoch. Defaults to None: no shuffling.
        """
        rows = tf.data.Dataset.range(len(self))
        data = self.read(rows if shuffle_seed is None else rows.shuffle(1024, seed=shuffle_seed), self.labels)
        data.rows = self
        return data


class FileRows(Rows):
    """Images that are decoded from files.

    Args:
        load: Maps one element of each of `sources` to an image, in a graph.
        sources: Arrays with one element for each row. The first has the paths.
        labels: See `Rows`.
    """

    def __init__(self, load: Callable[..., tf.Tensor], sources: Iterable[np.ndarray], labels: Any):
        self._load, self._sources, self.labels = load, tuple(sources), labels
        self.paths = self._sources[0]

    def __len__(self) -> int:
        return len(self._sources[0])

    def at(self, rows: np.ndarray) -> FileRows:
        return FileRows(self._load, [source[rows] for source in self._sources], _taken(self.labels, rows))

    def read(self, rows: tf.data.Dataset, labels: Any, size: int | None = None) -> tf.data.Dataset:
        sources, labels = _constants(self._sources), _constants(labels)

        @tf.autograph.experimental.do_not_convert
        def one(row):
            return _with_labels(self._load(*(tf.gather(source, row) for source in sources)), labels, row)

        data = rows.map(one, num_parallel_calls=tf.data.AUTOTUNE)
        return data if size is None else data.batch(size, drop_remainder=True)


class ArrayRows(Rows):
    """Rows of an array, which is in memory or in a file.

    Args:
        images: Array. A `np.memmap` stays in its file.
        labels: See `Rows`. None for images alone.
        index: The row of `images` for each row, int64. Defaults to None: they are the same.
    """

    def __init__(self, images: Any, labels: Any, index: np.ndarray | None = None):
        with tf.device("CPU:0"):
            self._images = images if isinstance(images, np.memmap) else tf.convert_to_tensor(images)
        self.labels, self._index = labels, index

    def __len__(self) -> int:
        return len(self._images if self._index is None else self._index)

    def at(self, rows: np.ndarray) -> ArrayRows:
        labels = _taken(self.labels, rows)
        if self._index is not None:
            return ArrayRows(self._images, labels, self._index[rows])
        if len(rows) > len(self) or isinstance(self._images, np.memmap):
            return ArrayRows(self._images, labels, rows)
        with tf.device("CPU:0"):
            return ArrayRows(tf.gather(self._images, rows), labels)

    def read(self, rows: tf.data.Dataset, labels: Any, size: int | None = None) -> tf.data.Dataset:
        number, labels = rows.cardinality(), _constants(labels)
        index = None if self._index is None else _constants(self._index)

        @tf.autograph.experimental.do_not_convert
        def several(chosen):
            places = chosen if index is None else tf.gather(index, chosen)
            images = _mapped.gather(self, lambda rows: rows._images, places)
            return _with_labels(images, labels, chosen)

        rows = rows.batch(size or _AT_ONCE, drop_remainder=size is not None)
        data = rows.map(several, num_parallel_calls=tf.data.AUTOTUNE)
        return data if size else data.unbatch().apply(tf.data.experimental.assert_cardinality(number))

    def dataset(self, shuffle_seed: int | None = None) -> tf.data.Dataset:
        if shuffle_seed is not None or self._index is not None or isinstance(self._images, np.memmap):
            return super().dataset(shuffle_seed)
        data = tf.data.Dataset.from_tensor_slices((self._images, self.labels))
        data.rows = self
        return data


def rows_of(data: Any) -> Rows | None:
    """The `Rows` that a dataset carries, or the one that it batches or shuffles. None if there are none."""
    found = getattr(data, "rows", None)
    if isinstance(found, Rows):
        return found
    inputs = _compat.inputs_of(data) if _SAME_ROWS.fullmatch(type(data).__name__) else []
    return rows_of(inputs[0]) if len(inputs) == 1 else None


def collected(batches: Iterable[tuple[Any, Any]]) -> ArrayRows:
    """Reads batches of (images, labels) once: NumPy arrays, of which labels may be a structure. At least one.

    Images of up to 64 MiB stay in memory. More are written to a temporary file.
    """
    images, labels = _mapped.Collected(), []
    for each, label in batches:
        images.add(each)
        labels.append(label)
    return ArrayRows(images.array(), tf.nest.map_structure(lambda *parts: np.concatenate(parts), *labels))


def _taken(labels, rows):
    return None if labels is None else tf.nest.map_structure(lambda part: np.asarray(part)[rows], labels)


def _constants(arrays):
    """Arrays as tensors of the host, which graphs capture without copying them."""
    with tf.device("CPU:0"):
        return None if arrays is None else tf.nest.map_structure(tf.constant, arrays)


def _with_labels(images, labels, rows):
    return images if labels is None else (images, tf.nest.map_structure(lambda part: tf.gather(part, rows), labels))
