"""Draws values of attributes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from keras_ganaug import _random
from keras_ganaug.conditions import names, weights
from keras_ganaug.conditions.condition import Condition


class Drawn:
    """Draws labels. Each attribute has its own weights; one attribute may be given instead.

    Args:
        condition: The `Condition` of the labels, with classes.
        attributes: "uniform" or weights. For one class, a mapping from value (index or name) to weight or a sequence of
            one weight per value. For several attributes, a mapping from name to such weights; attributes that are not in it
            are uniform. Defaults to "uniform".
        label: The attribute that is given and not drawn. Defaults to None: all are drawn.

    Raises:
        ValueError: For weights that do not fit.
    """

    def __init__(self, condition: Condition, attributes: Any = "uniform", label: str | None = None):
        self.condition, self.label = condition, label
        several = bool(condition.label_shape)
        self.sizes = dict(condition.num_classes) if several else {"attributes": condition.num_classes}
        others = [name for name in self.sizes if name != label]
        uniform = isinstance(attributes, str) and attributes == "uniform"
        given = {} if uniform else attributes
        if several and not (isinstance(given, Mapping) and set(given) <= set(others)):
            raise ValueError(
                f'`attributes` must be "uniform", or a mapping from names among {others} to weights. '
                f"Received: attributes={attributes!r}"
            )
        given = given if several or uniform else {"attributes": given}
        self.weights = {name: self._weights_of(name, given.get(name, "uniform")) for name in others}

    def _weights_of(self, name, given):
        """The weights of one attribute; None if it is uniform."""
        several, class_names = bool(self.condition.label_shape), self.condition.class_names
        argument = f"attributes[{name!r}]" if several else "attributes"
        class_names = (class_names or {}).get(name) if several else class_names
        given = names.by_index(given, class_names, argument)
        return weights.class_weights(given, self.sizes[name], argument, ("uniform",))

    def warn_of(self, unseen_classes: tuple) -> None:
        """Warns if values or combinations may be drawn that are in `unseen_classes` (see `Condition.unseen`)."""
        parts = [(part, part if isinstance(part, Mapping) else {"attributes": part}) for part in unseen_classes]
        drawn = [part for part, values in parts if set(values) != {self.label} and self._may_draw(values)]
        if drawn:
            warnings.warn(
                "`attributes` draw labels that the generator has seen no image of in its training, so these samples are "
                "an extrapolation: give them no weight, or train on them. "
                f"Received: {weights.some(drawn)}",
                stacklevel=5,
            )

    def _may_draw(self, values):
        given = ((self.weights.get(name), value) for name, value in values.items())
        return all(each is None or bool(each[value]) for each, value in given)

    def __call__(self, number: Any, seed: tf.Tensor, labels: Any = None) -> tf.Tensor:
        """Draws int32 labels (number, *label_shape). `labels` holds the values of the attribute that is given."""
        columns = []
        for n, (name, size) in enumerate(self.sizes.items()):
            column_seed, given = _random.fold(seed, n), self.weights.get(name)
            if name == self.label:
                columns.append(labels)
            elif given is None:
                columns.append(_random.integers([number], column_seed, 0, size))
            else:
                columns.append(weights.at(given, _random.uniform([number], column_seed)))
        return tf.stack(columns, axis=1) if self.condition.label_shape else columns[0]

    @property
    def config(self) -> Any:
        """`attributes` as plain values, for JSON."""
        plain = {name: "uniform" if each is None else each.tolist() for name, each in self.weights.items()}
        return plain if self.condition.label_shape else plain["attributes"]
