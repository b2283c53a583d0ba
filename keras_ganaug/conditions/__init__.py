"""What a generator is conditioned on: nothing, a class, or several attributes.

Only a `Condition` knows label formats. It checks labels in the user's format and converts them to int32 class indices:
(batch,) for one class, (batch, k) for k attributes. It encodes them for networks, draws them, and writes them back in the
user's format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_ganaug import _checks
from keras_ganaug.conditions.attributes import Attributes
from keras_ganaug.conditions.condition import AnyLabels, Condition, Unconditional, at_least_one, encode, sizes_of
from keras_ganaug.conditions.names import Conditioned
from keras_ganaug.conditions.one_class import OneClass, class_indices, is_one_hot

__all__ = [
    "AnyLabels",
    "Attributes",
    "Condition",
    "Conditioned",
    "OneClass",
    "Unconditional",
    "at_least_one",
    "class_indices",
    "encode",
    "from_description",
    "is_one_hot",
    "of",
    "sizes_of",
]


def of(num_classes: int | Mapping[str, int] | None, name: str = "num_classes", class_names: Any = None) -> Condition:
    """Makes the condition of a GAN.

    Args:
        num_classes: None for no labels, an integer for this number of classes, or a mapping from the name of each attribute
            to its number of values.
        name: Name of the argument, for errors. Defaults to "num_classes".
        class_names: Names of the classes; with several attributes, a mapping from attribute to names. Defaults to None: no
            names.

    Raises:
        ValueError, TypeError: For anything else.
    """
    if num_classes is None:
        return Unconditional().named(class_names)
    if not isinstance(num_classes, Mapping):
        return OneClass(_checks.positive_int(num_classes, name), class_names=class_names)
    if not num_classes or not all(isinstance(key, str) and key for key in num_classes):
        raise ValueError(
            f"`{name}` must map the name of each attribute, at least one, to its number of values. "
            f"Received: {name}={num_classes!r}"
        )
    sizes = {key: _checks.positive_int(size, f"{name}[{key!r}]") for key, size in num_classes.items()}
    return Attributes(sizes, class_names)


def from_description(description: Mapping[str, Any]) -> Condition:
    """Makes the condition that a `Condition.description` describes."""
    if not description["conditional"] and description.get("labels") == "any":
        return AnyLabels()
    if not description["conditional"]:
        return Unconditional()
    names = description.get("class_names")
    return OneClass(None) if description["num_classes"] is None else of(description["num_classes"], class_names=names)
