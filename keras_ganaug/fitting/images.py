"""Reads a user's images, and holds some of them out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, conditions
from keras_ganaug.conditions.weights import some
from keras_ganaug.datasets.pairs import class_names_of
from keras_ganaug.datasets.writing import folder_name

_HELD_OUT, _MOST_HELD_OUT = 0.1, 1000


class Images(NamedTuple):
    """Images, their int32 labels (None without classes), and the condition of the labels."""

    images: np.ndarray
    labels: np.ndarray | None
    condition: Any

    def counts(self) -> np.ndarray:
        """The number of images in each class, or in each combination of attributes that occurs."""
        if self.labels is None:
            return np.array([len(self.images)])
        return np.unique(self.labels, axis=0, return_counts=True)[1]

    def digest(self) -> str:
        """A text that identifies these images."""
        parts = [self.images] if self.labels is None else [self.images, self.labels]
        hashed = hashlib.blake2b(digest_size=16)
        for part in parts:
            hashed.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        return hashed.hexdigest()


def read(data: Any, name: str, condition: Any = None) -> Images:
    """Reads a user's images.

    Args:
        data: A dataset of (image, label) or of images, batched or not; a pair of arrays (images, labels); or an array of
            images.
        name: Name of the argument, for errors.
        condition: The `Condition` of the labels. Defaults to None: inferred from the labels. If it and the data have class
            names, classes are matched by name.

    Raises:
        ValueError, TypeError: For any other data, no images, or images of a class that the condition does not name.
    """
    names, labels = class_names_of(data), None
    if isinstance(data, tf.data.Dataset):
        spec = data.element_spec
        images = spec[0] if isinstance(spec, tuple) else spec
        if isinstance(images, Mapping) or int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise ValueError(f"`{name}` must be a finite dataset of (image, label) or of images. Received: {data!r}")
        batches = [*(data if images.shape.rank == 4 else data.batch(1024)).as_numpy_iterator()]
        if batches:
            data = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)
        else:
            data = np.zeros([0, 1, 1, 1])
    if isinstance(data, (tuple, list)) and len(data) == 2:
        data, labels = data
    images = _checks.array(data, name)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"`{name}` must be a dataset of (image, label), a pair of arrays (images, labels) or an array of images, of "
            f"shape (n, height, width, channels), at least one. Received: images of shape {images.shape}"
        )
    if condition is None:
        condition = _condition_of(labels, names)
    if not condition.conditional:
        return Images(images, None, condition)
    if labels is None:
        raise ValueError(f"`{name}` must have labels. Received: images alone")
    labels = condition.arrays(_renumbered(labels, names, condition, name))
    condition.check(labels)
    condition.check_values(labels)
    indices = condition.indices(labels).numpy()
    if len(indices) != len(images):
        raise ValueError(f"`{name}` must have a label for each image. Received: {len(indices)} for {len(images)} images")
    return Images(images, indices, condition)


def _renumbered(labels, names, condition, argument):
    """The labels in the numbers of a condition. The same names are the same classes; without names nothing changes."""
    wanted = condition.class_names
    if not wanted or names is None or isinstance(wanted, Mapping) != isinstance(names, Mapping):
        return labels
    if isinstance(wanted, Mapping):
        if not isinstance(labels, Mapping) or set(labels) != set(condition.names):
            return labels
        named = {key: (condition.attribute(key), f"{argument}[{key!r}]") for key in labels}
        return {key: _renumbered(part, names.get(key), *named[key]) for key, part in labels.items()}
    own = conditions.of(len(names), class_names=names)
    labels = own.arrays(labels)
    own.check(labels)
    own.check_values(labels)
    indices = own.indices(labels).numpy()
    folders = [*map(folder_name, wanted)]
    numbers = [folders.index(name) if (name := folder_name(each)) in folders else -1 for each in own.class_names]
    lacking = [own.class_names[index] for index in np.unique(indices) if numbers[index] < 0]
    if lacking:
        raise ValueError(
            f"`{argument}` must have images of these classes only: {some(wanted, 100)}. "
            f"Received: images of the classes {some(own.class_names, 100)}, so {some(lacking, 100)} cannot be compared"
        )
    return np.array(numbers, np.int32)[indices]


def _condition_of(labels, names):
    """The condition of labels. The classes are those with names, otherwise those that occur."""
    if labels is None:
        return conditions.of(None)
    if isinstance(labels, Mapping):
        names = names if isinstance(names, Mapping) else {}
        sizes = {key: len(names[key]) if key in names else _number(np.asarray(part)) for key, part in labels.items()}
        return conditions.of(sizes, class_names=names or None)
    return conditions.of(_number(np.asarray(labels)) if names is None else len(names), class_names=names)


def _number(labels):
    return labels.shape[1] if conditions.is_one_hot(labels) else int(labels.max(initial=0)) + 1


def held_out(data: Images, seed: int) -> tuple[Images, Images]:
    """Splits the images into a training part and a tenth of each class, which serves to detect copies."""
    groups = np.zeros(len(data.images), int)
    if data.labels is not None:
        groups = np.unique(data.labels, axis=0, return_inverse=True)[1].ravel()
    share = min(_HELD_OUT, _MOST_HELD_OUT / len(groups))
    rng, held = np.random.default_rng(seed), np.zeros(len(groups), bool)
    for group in range(groups.max() + 1):
        rows = rng.permutation(np.flatnonzero(groups == group))
        held[rows[: int(share * len(rows))]] = True

    def part(rows):
        return Images(data.images[rows], None if data.labels is None else data.labels[rows], data.condition)

    return part(~held), part(held)
