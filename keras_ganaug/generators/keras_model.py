"""Wraps a bare Keras model as a generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _compat, _images, _random, conditions
from keras_ganaug.generators.generator import Generator, as_generator


@as_generator.register(keras.Model)
class KerasModel(Generator):
    """Wraps a Keras model from `[latents, labels]`, or latents alone, to images in [-1, 1].

    Args:
        model: The model.
        num_classes: Number of classes of a model with labels, as for a GAN. Defaults to None: unknown.
    """

    value_range = _images.NETWORK_RANGE

    def __init__(self, model: Any, num_classes: int | Mapping[str, int] | None = None):
        inputs = getattr(model, "inputs", None)
        if not inputs or len(inputs) > 2 or len(inputs[0].shape) != 2 or inputs[0].shape[1] is None:
            shapes = [tuple(i.shape) for i in inputs] if inputs else "a model with unknown inputs"
            raise ValueError(
                "`generator` must be a Keras model with the inputs [latents, labels] or latents alone, where latents "
                f"have the shape (batch, latent_dim). Received: {shapes}"
            )
        self.model, self.latent_dim, self._labels = model, int(inputs[0].shape[1]), inputs[1:]
        self.condition = conditions.Unconditional()
        if self._labels:
            self.condition = conditions.OneClass(None) if num_classes is None else conditions.of(num_classes)
        self.variables = variables_of(model)
        images = self.from_latents(tf.zeros([2, self.latent_dim]), self.condition.zeros(2))
        if images.shape.rank != 4:
            raise ValueError(
                "`generator` must give images of shape (batch, height, width, channels). "
                f"Received: output of shape {tuple(images.shape)}"
            )
        self.image_shape = tuple(images.shape[1:])

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        if self._labels:
            shape = self.condition.label_shape or [1] * (len(self._labels[0].shape) - 1)
            labels = tf.cast(tf.reshape(labels, [-1, *shape]), self._labels[0].dtype)
        return tf.cast(self.model([latents, labels] if self._labels else latents, training=False), tf.float32)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        latents = _random.normal([tf.shape(labels)[0], self.latent_dim], seed)
        return self.from_latents(latents * truncation, labels)

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        return {"object": serialized(self.model), "num_classes": self.num_classes}, self.variables, []


def variables_of(model: keras.Model) -> list[tf.Variable]:
    """The `tf.Variable`s of a Keras model."""
    return [_compat.tf_variable(weight) for weight in model.weights]


def serialized(model: keras.Model) -> dict[str, Any]:
    """The config of a model without its compile config."""
    return not_compiled(keras.saving.serialize_keras_object(model))


def not_compiled(config: Any) -> Any:
    """Removes the compile configs from a config and everything inside it."""
    if isinstance(config, dict):
        return {name: not_compiled(value) for name, value in config.items() if name != "compile_config"}
    return [not_compiled(value) for value in config] if isinstance(config, (list, tuple)) else config
