"""Datasets of (image, label): conversion to arrays, class histograms, and subsets."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, conditions
from keras_ganaug.datasets.rows import collected, rows_of

_CHUNK = 16 * 2**20  # bytes of the images that are read at a time


def named(dataset: tf.data.Dataset, class_names: Iterable[str]) -> tf.data.Dataset:
    """Attaches class names to a dataset."""
    dataset.class_names = list(class_names)
    return dataset


def class_names_of(data: Any) -> Any:
    """The class names of data, or of a dataset that they were derived from. None if there are none."""
    names = getattr(data, "class_names", None)
    if names is not None or not isinstance(data, tf.data.Dataset):
        return names
    found = [names for each in _compat.inputs_of(data) if (names := class_names_of(each)) is not None]
    return found[0] if found and all(list(names) == list(found[0]) for names in found) else None


def to_arrays(dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Converts an unbatched dataset of (image, label) to two arrays.

    Args:
        dataset: Finite unbatched `tf.data.Dataset` of (image, label). All images have the same shape.

    Returns `(images, labels)`, NumPy arrays.
    """
    number, batches = int(dataset.cardinality()) if isinstance(dataset, tf.data.Dataset) else 0, _batches(dataset)
    if number < 0:  # not known in advance
        images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
        return images, labels
    first, done = next(batches), 0
    images, labels = (np.empty([number, *part.shape[1:]], part.dtype) for part in first)
    for some_images, some_labels in itertools.chain([first], batches):
        rows = slice(done, done := done + len(some_labels))
        images[rows], labels[rows] = some_images, some_labels
    return images, labels


def _batches(dataset):
    """Reads an unbatched dataset of (image, label) in batches. At least one."""
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(f"`dataset` must be a tf.data.Dataset of (image, label). Received: {type(dataset)}")
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or spec[0].shape.rank != 3:
        raise ValueError(f"`dataset` must have unbatched elements (image, label). Received: {spec}")
    image_bytes = spec[0].dtype.size * (spec[0].shape.num_elements() or 1)
    batches = dataset.batch(min(max(_CHUNK // image_bytes, 1), 1024)).as_numpy_iterator()
    first = next(batches, None)
    if first is None:
        raise ValueError("`dataset` must contain at least one element. Received: an empty dataset")
    return itertools.chain([first], batches)


def class_histogram(dataset: tf.data.Dataset | Sequence[int], num_classes: int | None = None) -> np.ndarray:
    """Counts the images in each class.

    Args:
        dataset: Unbatched or batched `tf.data.Dataset` of (image, label), where labels are integers or one number per class;
            or a sequence of integer labels.
        num_classes: Number of classes. Defaults to the largest label plus 1.

    Returns an int64 NumPy array of shape (num_classes,).

    Example:

    >>> import keras_ganaug as kga
    >>> kga.datasets.class_histogram([0, 2, 2])
    array([1, 0, 2])
    """
    if isinstance(dataset, tf.data.Dataset):
        spec = dataset.element_spec
        if not isinstance(spec, tuple) or len(spec) < 2:
            raise ValueError(f"`dataset` must have elements (image, label). Received: {spec}")
        rows = rows_of(dataset)
        if rows is not None and _all_of(dataset, len(rows)):
            dataset = _classes(rows.labels)
        else:
            labels = dataset.map(lambda image, label, *weight: label)
            labels = labels.batch(1024) if spec[0].shape.rank == 3 else labels
            dataset = np.concatenate([np.zeros([0], np.int32), *map(_classes, labels)])
    if num_classes is not None:
        _checks.positive_int(num_classes, "num_classes")
    return np.bincount(conditions.class_indices(dataset, num_classes, "dataset"), minlength=num_classes or 0)


def _all_of(dataset, rows):
    """Whether a dataset gives all of so many rows: a batched one may leave out the last ones."""
    size = dataset.element_spec[0].shape[0] if dataset.element_spec[0].shape.rank == 4 else 1
    return size is None or size * int(dataset.cardinality()) == rows


def _classes(labels):
    """Class indices of labels in any format."""
    condition = conditions.OneClass(None, "dataset")
    condition.check(labels)
    condition.check_values(labels)
    return condition.indices(labels).numpy()


def format_histogram(counts: Mapping[Any, int] | Sequence[int], width: int = 40) -> str:
    """Formats a class histogram as text.

    Args:
        counts: Mapping from class name to number of images, or a sequence by class index.
        width: Length of the longest bar in characters. Defaults to 40.

    Example:

    >>> import keras_ganaug as kga
    >>> print(kga.datasets.format_histogram({"cat": 4, "dog": 2}, width=4))
    cat  4 ████
    dog  2 ██
    """
    if not isinstance(counts, (Mapping, Sequence, np.ndarray)) or isinstance(counts, str):
        raise TypeError(f"`counts` must be a mapping from class name to number, or a sequence. Received: counts={counts!r}")
    counts = dict(counts) if isinstance(counts, Mapping) else dict(enumerate(counts))
    names = max((len(str(name)) for name in counts), default=0)
    digits = max((len(str(count)) for count in counts.values()), default=1)
    largest = max([1, *counts.values()])
    return "\n".join(
        f"{name!s:{names}}  {count:{digits}} {'█' * max(round(width * count / largest), count > 0)}"
        for name, count in counts.items()
    )


def take_per_class(dataset: tf.data.Dataset, counts: int | Sequence[int], seed: int = 0) -> tf.data.Dataset:
    """Draws a random subset with a given number of images in each class.

    Args:
        dataset: Unbatched `tf.data.Dataset` of (image, label).
        counts: Number of images in each class: a sequence by class index, or one integer for all classes.
        seed: Integer that determines which images are drawn. Defaults to 0.

    Returns an unbatched dataset in random order.

    Raises:
        ValueError: If a class has fewer images than asked for.

    Example:

    >>> import keras_ganaug as kga
    >>> train, _ = kga.datasets.load("digits")
    >>> few = kga.datasets.take_per_class(train, [100] * 5 + [10] * 5)
    >>> kga.datasets.class_histogram(few)
    array([100, 100, 100, 100, 100,  10,  10,  10,  10,  10])
    """

    def choose(available, rows_of, rng):
        wanted = np.full(len(available), counts) if np.ndim(counts) == 0 else np.asarray(counts)
        if wanted.ndim != 1 or not np.issubdtype(wanted.dtype, np.integer):
            raise ValueError(
                f"`counts` must be an integer, or a sequence of one for each class. Received: counts={counts!r}"
            )
        if len(wanted) < len(available):
            raise ValueError(f"`counts` must have one number for each of {len(available)} classes. Received: {counts!r}")
        available = np.pad(available, (0, len(wanted) - len(available)))
        if (wanted < 0).any() or (wanted > available).any():
            raise ValueError(
                f"`counts` must be from 0 to the number of images, {available.tolist()}. Received: {wanted.tolist()}"
            )
        return [rng.permutation(rows_of(c))[:count] for c, count in enumerate(wanted)]

    return _resampled(dataset, choose, seed)


def oversample(dataset: tf.data.Dataset, seed: int = 0) -> tf.data.Dataset:
    """Repeats images of the rarer classes until all classes have as many as the largest.

    Args:
        dataset: Unbatched `tf.data.Dataset` of (image, label).
        seed: Integer that determines the order, and which images are repeated once more than others. Defaults to 0.

    Returns an unbatched dataset in random order. Shuffle it for a new order in each epoch.
    """

    def choose(counts, rows_of, rng):
        largest = counts.max()
        for c, count in enumerate(counts):
            rounds = [rng.permutation(rows_of(c)) for _ in range(-(-largest // count) if count else 1)]
            yield np.concatenate(rounds)[:largest]

    return _resampled(dataset, choose, seed)


def _resampled(dataset, choose, seed):
    """The rows that `choose(class counts, function from class to rows, rng)` returns for each class, in random order."""
    rows = rows_of(dataset)
    if rows is None:
        rows = collected(_batches(dataset))
        column = rows.labels.ndim == 2 and rows.labels.shape[1] == 1
        rows.labels = conditions.class_indices(np.squeeze(rows.labels) if column else rows.labels, None)
    labels = rows.labels
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    chosen = list(choose(np.bincount(labels), lambda c: np.flatnonzero(labels == c), rng))
    subset = rows.at(rng.permutation(np.concatenate(chosen))).dataset()
    return named(subset, getattr(dataset, "class_names", map(str, range(len(chosen)))))
