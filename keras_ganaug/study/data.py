"""The images of a study for each seed, checked."""

import copy
import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _watch, conditions, datasets
from keras_ganaug.study import results
from keras_ganaug.study.duplicates import warn_of_shared

_MOST_CELLS = 2**20


def as_arrays(data, name, num_classes=None):
    """Converts data to images and labels, and checks them. `name` is used in errors.

    Labels are int32 class indices (n,), or (n, k) if `num_classes` is a mapping with k attributes.
    """
    if not isinstance(data, tf.data.Dataset) and (not isinstance(data, (tuple, list)) or len(data) != 2):
        raise TypeError(
            f"`{name}` must be a `tf.data.Dataset` of (image, label), or a pair of arrays. Received: {type(data).__name__}"
            + (f" of {len(data)}" if isinstance(data, (tuple, list)) else "")
        )
    attributes = num_classes if isinstance(num_classes, Mapping) else ()
    if isinstance(data, tf.data.Dataset):
        if attributes and isinstance(data.element_spec, tuple) and isinstance(data.element_spec[-1], Mapping):
            data = data.map(lambda image, label: (image, tf.stack([tf.cast(label[key], tf.int64) for key in attributes])))
        data = datasets.to_arrays(data)
    images, labels = np.asarray(data[0]), _of_attributes(data[1], attributes, name) if attributes else np.asarray(data[1])
    if images.ndim != 4 or labels.shape != images.shape[:1] + ((len(attributes),) if attributes else ()) or not len(images):
        raise ValueError(
            f"`{name}` must be images of shape (n, height, width, channels) and n class indices, at least one. "
            f"Received: shapes {images.shape} and {labels.shape}"
        )
    return images, labels if attributes else conditions.class_indices(labels, num_classes, name)


def _of_attributes(labels, attributes, name):
    """Converts labels of several attributes, in any format, to int32 (n, k)."""
    try:
        return conditions.of(attributes).to_generate(labels)
    except (ValueError, TypeError) as error:
        raise type(error)(f"`{name}` must have labels of each attribute, and {error}") from None


def cells_of(labels, attributes):
    """The cell of each image, int (n,): a number for each combination of the values of several attributes.

    The cells of class c of the first attribute start at `c * styles_of(attributes)`.

    Args:
        labels: int32 (n, k) for k attributes, or class indices (n,).
        attributes: Mapping from attribute to number of values, or None, in which case the cells are the classes.
    """
    return np.ravel_multi_index(labels.T, tuple(attributes.values())) if attributes else labels


def styles_of(attributes):
    """The number of cells of a class: combinations of the other attributes' values, 1 if there are none."""
    return math.prod(list((attributes or {}).values())[1:])


class StudyData:
    """Training and test images, and optionally held-out ones. Each is fixed, or a function of the seed.

    Attributes:
        attributes: Mapping from the name of each attribute to its number of values. None if labels are only classes.
        styles: Number of cells of a class: combinations of the other attributes' values, 1 if there are none.
        fewest_classes, num_classes: The largest test label plus 1, and the number that was given instead, if any. With
            several attributes, both are the number of values of the first one.
        image_shape: (height, width, channels).
        digests: For each seed, digests of the training images, of training and test images, and of all images.
    """

    def __init__(self, train, test, held_out, num_classes, seed):
        self._given = {"train": train, "test": test} | ({} if held_out is None else {"held_out": held_out})
        self._constant, self.digests, self.num_classes, self.attributes = {}, {}, None, None
        if isinstance(num_classes, Mapping):
            self.attributes = dict(conditions.of(num_classes).num_classes)
        self.styles = styles_of(self.attributes)
        if self.attributes and math.prod(self.attributes.values()) > _MOST_CELLS:
            raise ValueError(
                f"`num_classes` must have at most {_MOST_CELLS:,} combinations of values, all of which are counted. "
                f"Received: num_classes={num_classes!r}"
            )
        images, labels = self.of("test", seed)
        self.image_shape = images.shape[1:]
        if self.attributes:
            self.fewest_classes = self.num_classes = next(iter(self.attributes.values()))
            return
        self.fewest_classes = int(labels.max()) + 1
        self.num_classes = self.fewest_classes if num_classes is None else _checks.positive_int(num_classes, "num_classes")
        conditions.class_indices(labels, self.num_classes, "test")

    def cells(self, name, seed):
        """The cell of each image in one part of the data, see `cells_of`."""
        return cells_of(self.of(name, seed)[1], self.attributes)

    def of(self, name, seed):
        """Images and labels of one part of the data."""
        data = self._given[name]
        if callable(data):
            return as_arrays(data(seed), name, self.attributes or self.num_classes)
        if name not in self._constant:
            self._constant[name] = as_arrays(data, name, self.attributes or self.num_classes)
        return self._constant[name]

    def of_seed(self, seed):
        """The data of one seed alone, as arrays, for another process."""
        alone = copy.copy(self)
        alone._given, alone._constant = {name: self.of(name, seed) for name in self._given}, {}
        return alone

    def check(self, seeds, value_range, all_held_out):
        """Checks the data of each seed once. `all_held_out` is whether each class must have held-out images."""
        for seed in [seed for seed in seeds if seed not in self.digests]:
            parts = {name: self.of(name, seed) for name in self._given}
            missing = ()
            if all_held_out:
                missing = np.setdiff1d(
                    np.arange(self.num_classes), cells_of(parts["held_out"][1], self.attributes) // self.styles
                )
            if len(missing):
                raise ValueError(f"`held_out` must have images of each class. Received: none of {missing.tolist()}")
            for name, (images, _) in parts.items():
                if images.shape[1:] != self.image_shape:
                    raise ValueError(
                        f"`{name}` must be images of the shape of the test images, {self.image_shape}. "
                        f"Received: shape {images.shape[1:]}"
                    )
            look_at_scale(parts, value_range)
            warn_of_shared(parts, self._given, seed)
            self.digests[seed] = results.digests(parts.values())


def look_at_scale(parts, value_range):
    """Warns about images, by argument, that seem to be on another scale than their value range, once in `telling_once`."""
    if _watch.is_told("scale"):
        return
    for name, (images, _) in parts.items():
        watch = _watch.ScaleWatch(value_range, "call it", of=f"The images of `{name}`")
        watch.look(images)
        if watch.told:
            _watch.first("scale")
