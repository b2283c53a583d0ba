"""What a generator is conditioned on: nothing, a class, or several attributes.

A `Condition` is the one place that knows label formats. It checks labels in the user's own format, and makes int32 class
indices of them: (batch,) of one class, (batch, k) of k attributes. It encodes these for networks, draws them, and writes
them back.
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
    """The condition of a GAN.

    Args:
        num_classes: None for none, an integer for one class of so many, or a mapping from the name of each attribute to its
            number of values.
        name: The argument that it is, for errors. Defaults to "num_classes".
        class_names: Names of the classes; of several attributes a mapping from attribute to names. Defaults to None: they
            have none.

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
    """The condition of which `Condition.description` was written."""
    if not description["conditional"] and description.get("labels") == "any":
        return AnyLabels()
    if not description["conditional"]:
        return Unconditional()
    names = description.get("class_names")
    return OneClass(None) if description["num_classes"] is None else of(description["num_classes"], class_names=names)
