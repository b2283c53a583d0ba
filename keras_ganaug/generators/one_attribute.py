"""A generator of several attributes, for batches whose labels tell one of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from keras_ganaug import _random, conditions
from keras_ganaug.conditions import weights
from keras_ganaug.generators.generator import Generator, checked


class OneAttribute(Generator):
    """A generator of several attributes as one of a single class: it draws the others for each image.

    Args:
        generator: As of `GANAugmentation`, with several attributes.
        label: The attribute that labels are. Defaults to None: the first.
        attributes: How the others are drawn: "uniform", or a mapping from name to weights, which are "uniform", a mapping
            from value to weight, or a sequence of one weight for each value. What it leaves out is uniform. Defaults to
            "uniform".

    Raises:
        ValueError, TypeError: For an argument out of its range.
    """

    def __init__(self, generator: Any, label: str | None = None, attributes: str | Mapping[str, Any] = "uniform"):
        self.generator = checked(generator)
        condition = self.generator.condition
        if not isinstance(condition, conditions.Attributes):
            raise ValueError(
                f"`generator` must have several attributes. Received: one with num_classes={condition.num_classes!r}"
            )
        self.label = condition.names[0] if label is None else label
        if self.label not in condition.names:
            raise ValueError(f"`label` must be one of the attributes {list(condition.names)}. Received: label={label!r}")
        others = {name: size for name, size in condition.num_classes.items() if name != self.label}
        given = {} if attributes == "uniform" else attributes
        if not isinstance(given, Mapping) or not set(given) <= set(others):
            raise ValueError(
                f'`attributes` must be "uniform", or a mapping from names among {list(others)} to weights. '
                f"Received: attributes={attributes!r}"
            )
        self.weights = {
            name: weights.class_weights(given.get(name, "uniform"), size, f"attributes[{name!r}]", ("uniform",))
            for name, size in others.items()
        }
        self.condition = conditions.OneClass(condition.num_classes[self.label])
        self.image_shape, self.value_range = self.generator.image_shape, self.generator.value_range
        self.variables = self.generator.variables
        self._warn_of_unseen()

    @property
    def unseen_classes(self) -> tuple:  # type: ignore[override]
        """Values of the label of which training had no image."""
        return tuple(part[self.label] for part in self.generator.unseen_classes if set(part) == {self.label})

    def _warn_of_unseen(self):
        """Warns where it draws values or combinations that training did not have."""
        unseen = [part for part in self.generator.unseen_classes if set(part) != {self.label}]
        drawn = [part for part in unseen if all(self._may_draw(name, value) for name, value in part.items())]
        if drawn:
            warnings.warn(
                "`attributes` draw what the generator has seen no image of in its training, so that these samples are an "
                f"extrapolation: give it no weight, or train on it. Received: {weights.some(drawn)}",
                stacklevel=5,
            )

    def _may_draw(self, name, value):
        return self.weights.get(name) is None or bool(self.weights[name][value])

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        number, attribute_seed = tf.shape(labels)[0], _random.fold(seed, 1)
        columns = []
        for n, (name, size) in enumerate(self.generator.num_classes.items()):
            column_seed = _random.fold(attribute_seed, n)
            given = self.weights.get(name)
            if name == self.label:
                columns.append(labels)
            elif given is None:
                columns.append(_random.integers([number], column_seed, 0, size))
            else:
                columns.append(weights.at(given, _random.uniform([number], column_seed)))
        return self.generator.sample(tf.stack(columns, axis=1), _random.fold(seed, 0), truncation)

    def to_object(self) -> tuple[dict[str, Any], Any, Generator | None] | None:
        attributes = {name: "uniform" if each is None else each.tolist() for name, each in self.weights.items()}
        return {"label": self.label, "attributes": attributes}, [], self.generator


def for_batches(
    generator: Any,
    num_classes: int | Mapping[str, int] | None = None,
    label: str | None = None,
    attributes: str | Mapping[str, Any] | None = None,
) -> Generator:
    """The generator of whatever a user passes, checked; one of several attributes as `OneAttribute`.

    Raises:
        ValueError, TypeError: As of `checked` and `OneAttribute`, and for `label` or `attributes` of any other generator.
    """
    made = checked(generator, num_classes)
    if isinstance(made.condition, conditions.Attributes):
        return OneAttribute(made, label, "uniform" if attributes is None else attributes)
    for name, value in (("label", label), ("attributes", attributes)):
        if value is not None:
            raise ValueError(f"`{name}` must be None for a generator without several attributes. Received: {name}={value!r}")
    return made
