"""Adapts a generator that translates images to batches: it translates each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from keras_ganaug import _random, conditions
from keras_ganaug.conditions.drawn import Drawn
from keras_ganaug.generators.generator import Generator, checked
from keras_ganaug.generators.one_attribute import OneAttribute


class Translations(Generator):
    """Replaces images by translations into randomly drawn domains. Labels of any kind pass through unchanged.

    Args:
        translator: A generator that translates, see `GANAugmentation`.
        attributes: How domains are drawn: "uniform", or weights, which are a mapping from domain to weight or a sequence of
            one weight per domain. With several attributes, a mapping from name to such weights. Defaults to "uniform".

    Raises:
        ValueError, TypeError: For a generator that does not translate, or weights that do not fit.
    """

    translates = True
    condition = conditions.AnyLabels()

    def __init__(self, translator: Any, attributes: Any = "uniform"):
        self.translator = checked(translator)
        if not self.translator.translates:
            raise ValueError(f"`translator` must be a generator that translates images. Received: {translator!r}")
        self.domains = Drawn(self.translator.condition, attributes)
        self.image_shape, self.value_range = self.translator.image_shape, self.translator.value_range
        self.variables = self.translator.variables
        self.domains.warn_of(self.translator.unseen_classes)

    def in_place_of(self, images: Callable, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        originals = images()
        domains = self.domains(tf.shape(originals)[0], _random.fold(seed, 1))
        return self.translator.translate(originals, domains, _random.fold(seed, 0))

    def export(self, path: Any, format: str = "saved_model", **endpoints: Any) -> None:
        self.translator.export(path, format, **endpoints)

    def to_object(self) -> Any:
        return {"domains": self.domains.config}, [], [self.translator]


def for_batches(
    generator: Any,
    num_classes: int | Mapping[str, int] | None = None,
    label: str | None = None,
    attributes: Any = None,
) -> Generator:
    """Checks a user's generator and adapts it to batches: as `OneAttribute` or `Translations` if needed.

    Raises:
        ValueError, TypeError: See `checked` and `OneAttribute`. Also for `label` or `attributes` of any other generator.
    """
    made = checked(generator, num_classes)
    if label is None and made.translates:
        is_one = isinstance(made.condition, conditions.AnyLabels)
        return made if is_one and attributes is None else Translations(made, "uniform" if attributes is None else attributes)
    if isinstance(made.condition, conditions.Attributes):
        return OneAttribute(made, label, "uniform" if attributes is None else attributes)
    for name, value in (("label", label), ("attributes", attributes)):
        if value is not None:
            raise ValueError(f"`{name}` must be None for a generator without several attributes. Received: {name}={value!r}")
    return made
