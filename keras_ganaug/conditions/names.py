"""Names of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.conditions.weights import some


class Conditioned:
    """What has a `condition`: a GAN, or a generator."""

    condition: Any

    @property
    def num_classes(self) -> Any:
        """Number of classes; a mapping from attribute to number of values; None without classes or where nothing tells."""
        return self.condition.num_classes

    @property
    def class_names(self) -> Any:
        """Names of the classes; a mapping from attributes to the names of their values; None where there are none."""
        return self.condition.class_names


def checked(class_names: Any, size: int | None, attribute: str | None = None) -> tuple[str, ...]:
    """The names of so many classes, as strings. Raises a ValueError if they are none."""
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
    """The labels with class indices in place of names; what is no name stays as it is.

    Raises:
        ValueError: For a name that is not known, with those that are.
    """

    def index(label):
        if not isinstance(label, str):
            return label
        if class_names is None:
            raise ValueError(
                f"`{argument}` must be class indices, since the classes have no names: a GAN learns them from a dataset of "
                f"`keras_ganaug.datasets`, or by the argument `class_names`. Received: {label!r}"
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


def counted(labels: Any, class_names: tuple[str, ...] | None, argument: str = "labels") -> Any:
    """As `as_indices`; of a mapping from class, its index or its name, to a number of images, one label for each image."""
    if not isinstance(labels, Mapping):
        return as_indices(labels, class_names, argument)
    counts = [_checks.non_negative_int(number, f"{argument}[{label!r}]") for label, number in labels.items()]
    classes = as_indices([*labels], class_names, argument)
    return [label for label, number in zip(classes, counts) for _ in range(number)]
