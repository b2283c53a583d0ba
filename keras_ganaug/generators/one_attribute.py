"""Adapts a generator with several attributes to batches with labels of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_ganaug import _random, conditions
from keras_ganaug.conditions.drawn import Drawn
from keras_ganaug.generators.generator import Generator, checked


class OneAttribute(Generator):
    """Adapts a generator with several attributes to a single class. It draws the other attributes for each image.

    Args:
        generator: See `GANAugmentation`. It must have several attributes.
        label: The attribute of the labels. Defaults to None: the first.
        attributes: How the others are drawn: "uniform", or a mapping from name to weights, which are "uniform", a mapping
            from value (index or name) to weight, or a sequence of one weight per value. Attributes that are not in the
            mapping are uniform. Defaults to "uniform".

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
        self.drawn = Drawn(condition, attributes, self.label)
        names = (condition.class_names or {}).get(self.label)
        self.condition = conditions.OneClass(condition.num_classes[self.label], class_names=names)
        self.image_shape, self.value_range = self.generator.image_shape, self.generator.value_range
        self.variables = self.generator.variables
        self.drawn.warn_of(self.generator.unseen_classes)

    @property
    def unseen_classes(self) -> tuple:  # type: ignore[override]
        """Values of the label without an image in training."""
        return tuple(part[self.label] for part in self.generator.unseen_classes if set(part) == {self.label})

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        labels = self.drawn(tf.shape(labels)[0], _random.fold(seed, 1), labels)
        return self.generator.sample(labels, _random.fold(seed, 0), truncation)

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        return {"label": self.label, "attributes": self.drawn.config}, [], [self.generator]
