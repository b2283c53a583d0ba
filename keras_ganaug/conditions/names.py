"""Names of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.conditions.weights import some


class Conditioned:
    """Base of objects with a `condition`: a GAN or a generator."""

    condition: Any

    @property
    def num_classes(self) -> Any:
        """Number of classes; a mapping from attribute to number of values; None without classes or if unknown."""
        return self.condition.num_classes

    @property
    def class_names(self) -> Any:
        """Names of the classes; a mapping from attribute to the names of its values; None without names."""
        return self.condition.class_names


def checked(class_names: Any, size: int | None, attribute: str | None = None) -> tuple[str, ...]:
    """Checks that these are names of this number of classes, and returns them as strings. Raises a ValueError otherwise."""
    argument = "class_names" if attribute is None else f"class_names[{attribute!r}]"
    try:
        made = () if isinstance(class_names, (str, Mapping)) else tuple(map(str, class_names))
    except TypeError:
        made = ()
    if len(made) != (len(made) if size is None else size) or not made or not all(made) or len({*made}) < len(made):
        number = "" if size is None else f"{size} "
        raise ValueError(
            f"`{argument}` must be {number}different names, one for each class. Received: {argument}={class_names!r}"
        )
    return made


def as_indices(labels: Any, class_names: tuple[str, ...] | None, argument: str = "labels") -> Any:
    """Replaces class names in labels by class indices. Other values are unchanged.

    Raises:
        ValueError: For an unknown name. The message lists the known names.
    """

    def index(label):
        if not isinstance(label, str):
            return label
        if class_names is None:
            raise ValueError(
                f"`{argument}` must be class indices, since the classes have no names. A GAN gets names from a dataset of "
                f"`keras_ganaug.datasets`, or from the argument `class_names`. Received: {label!r}"
            )
        if label not in class_names:
            known = some(class_names, 100)
            raise ValueError(f"`{argument}` must be class indices, or names among {known}. Received: {label!r}")
        return class_names.index(label)

    if isinstance(labels, str):
        return index(labels)
    try:
        kind = np.asarray(labels).dtype.kind
    except ValueError:  # rows of different lengths
        return labels
    return [index(label) for label in labels] if kind in "UO" and np.ndim(labels) else labels


def by_index(weights: Any, class_names: Any, argument: str) -> Any:
    """Replaces class names by class indices in a mapping from class to weight. Other weights are unchanged."""
    if not isinstance(weights, Mapping) or isinstance(class_names, Mapping):
        return weights
    found = as_indices([*weights], class_names, argument)
    twice = [key for key, index in zip(weights, found) if found.count(index) > 1]
    if twice:
        raise ValueError(f"`{argument}` must give each class one weight. Received: {twice}, which are the same class")
    return dict(zip(found, weights.values()))


def counted(labels: Any, class_names: tuple[str, ...] | None, argument: str = "labels") -> Any:
    """Like `as_indices`, and expands a mapping from class (index or name) to number of images into one label per image."""
    if not isinstance(labels, Mapping):
        return as_indices(labels, class_names, argument)
    counts = [_checks.non_negative_int(number, f"{argument}[{label!r}]") for label, number in labels.items()]
    classes = as_indices([*labels], class_names, argument)
    return [label for label, number in zip(classes, counts) for _ in range(number)]
