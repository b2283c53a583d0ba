"""Datasets of (image, label): as arrays, their class histogram, and subsets of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _labels


def named(dataset, class_names):
    """The dataset with the names of its classes."""
    dataset.class_names = list(class_names)
    return dataset


def to_arrays(dataset):
    """An unbatched dataset of (image, label) as two arrays.

    Args:
        dataset: Finite unbatched `tf.data.Dataset` of (image, label), images of one shape.

    Returns `(images, labels)`, NumPy arrays.
    """
    _check_pairs(dataset)
    parts = list(dataset.batch(1024).as_numpy_iterator())
    if not parts:
        raise ValueError("`dataset` must hold at least one element. Received: an empty dataset")
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def class_histogram(dataset, num_classes=None):
    """How many images each class has.

    Args:
        dataset: Unbatched or batched `tf.data.Dataset` of (image, label), labels as integers or one number for each class;
            or a sequence of integer labels.
        num_classes: Number of classes. Defaults to the largest label plus 1.

    Returns an int64 NumPy array of shape (num_classes,).

    Example:

    >>> import keras_ganaug as kga
    >>> kga.datasets.class_histogram([0, 2, 2])
    array([1, 0, 2])
    """
    if isinstance(dataset, tf.data.Dataset):
        if not isinstance(dataset.element_spec, tuple) or len(dataset.element_spec) < 2:
            raise ValueError(f"`dataset` must have elements (image, label). Received: {dataset.element_spec}")
        labels = dataset.map(lambda image, label, *weight: label)
        if dataset.element_spec[0].shape.rank == 3:
            labels = labels.batch(1024)
        labels = labels.map(lambda label: _labels.class_of(label) if _labels.is_one_hot(label) else label)
        labels = [np.ravel(label) for label in labels.as_numpy_iterator()]
        dataset = np.concatenate(labels) if labels else np.zeros([0], np.int64)
    if num_classes is not None:
        _checks.positive_int(num_classes, "num_classes")
    labels = _checks.class_indices(dataset, num_classes, "dataset")
    return np.bincount(labels, minlength=num_classes or 0)


def format_histogram(counts, width=40):
    """A class histogram as text.

    Args:
        counts: Mapping from class name to number of images, or a sequence by class index.
        width: Characters of the longest bar. Defaults to 40.

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


def take_per_class(dataset, counts, seed=0):
    """A random subset with a given number of images of each class.

    Args:
        dataset: Unbatched `tf.data.Dataset` of (image, label).
        counts: Images of each class: a sequence by class index, or one integer for all.
        seed: Integer that decides which images. Defaults to 0.

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
    images, labels = _with_class_indices(dataset)
    available = np.bincount(labels)
    wanted = np.full(len(available), counts) if np.ndim(counts) == 0 else np.asarray(counts)
    if wanted.ndim != 1 or not np.issubdtype(wanted.dtype, np.integer):
        raise ValueError(f"`counts` must be an integer, or a sequence of one for each class. Received: counts={counts!r}")
    if len(wanted) < len(available):
        raise ValueError(f"`counts` must have one number for each of {len(available)} classes. Received: {counts!r}")
    available = np.bincount(labels, minlength=len(wanted))
    if (wanted < 0).any() or (wanted > available).any():
        raise ValueError(f"`counts` must be from 0 to what there is, {available.tolist()}. Received: {wanted.tolist()}")
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:count] for c, count in enumerate(wanted)]
    chosen = rng.permutation(np.concatenate(chosen))
    subset = tf.data.Dataset.from_tensor_slices((images[chosen], labels[chosen]))
    return named(subset, getattr(dataset, "class_names", map(str, range(len(wanted)))))


def oversample(dataset, seed=0):
    """Repeats the images of rarer classes until all classes are as large as the largest.

    Args:
        dataset: Unbatched `tf.data.Dataset` of (image, label).
        seed: Integer that decides the order and which images are repeated once more. Defaults to 0.

    Returns an unbatched dataset in random order. Shuffle it for a new order in each epoch.
    """
    images, labels = _with_class_indices(dataset)
    counts = np.bincount(labels)
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    chosen = []
    for c in np.flatnonzero(counts):
        rows = np.flatnonzero(labels == c)
        rounds = [rng.permutation(rows) for _ in range(-(-counts.max() // len(rows)))]
        chosen.append(np.concatenate(rounds)[: counts.max()])
    chosen = rng.permutation(np.concatenate(chosen))
    repeated = tf.data.Dataset.from_tensor_slices((images[chosen], labels[chosen]))
    return named(repeated, getattr(dataset, "class_names", map(str, range(len(counts)))))


def _with_class_indices(dataset):
    """The arrays of a dataset whose labels are class indices."""
    images, labels = to_arrays(dataset)
    return images, _checks.class_indices(np.squeeze(labels) if labels.ndim == 2 and labels.shape[1] == 1 else labels, None)


def _check_pairs(dataset):
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(f"`dataset` must be a tf.data.Dataset of (image, label). Received: {type(dataset)}")
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or spec[0].shape.rank != 3:
        raise ValueError(f"`dataset` must have unbatched elements (image, label). Received: {spec}")
