"""A GAN as a generator with averaged weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _images, conditions
from keras_ganaug.generators.generator import Generator, in_chunks
from keras_ganaug.generators.keras_model import not_compiled


class AveragedGAN(Generator):
    """Wraps a GAN as a `Generator`. Calls the `sample_latents` and `synthesize` of the GAN."""

    def __init__(self, gan: Any):
        self.gan = gan
        self.condition, self.image_shape = gan.condition, gan.image_shape
        self.value_range, self.latent_dim = gan.value_range, gan.latent_dim
        self._unseen: tuple | None = None
        self._traced: dict[str, Any] = {}

    @property
    def variables(self) -> list[tf.Variable]:
        """The variables that `sample` uses."""
        return self.gan.sampling_variables

    @property
    def unseen_classes(self) -> tuple:
        """The unseen classes that the GAN reports, unless they were set."""
        if self._unseen is not None:
            return self._unseen
        with tf.init_scope():  # the GAN reads a variable, perhaps while a graph is being built
            return tuple(self.gan.unseen_classes)

    @unseen_classes.setter
    def unseen_classes(self, classes: tuple) -> None:
        self._unseen = classes

    def _scaled(self, images):
        return _images.rescale(images, _images.NETWORK_RANGE, self.value_range)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        labels, number = conditions.at_least_one(labels), tf.shape(labels)[0]
        latents = self.gan.sample_latents(tf.shape(labels)[0], seed)
        return self._scaled(self.gan.synthesize(latents, labels, truncation))[:number]

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return self._scaled(self.gan.synthesize(self.gan.latents_from_normal(latents), labels, 1.0))

    def images(self, labels: np.ndarray, seed: Any, truncation: float = 1.0) -> np.ndarray:
        latents = self.gan.sample_latents(len(labels), seed)
        return self.in_chunks("synthesize", [latents, labels], tf.constant(truncation))

    def in_chunks(self, method: str, rows: list, *rest: tf.Tensor) -> np.ndarray:
        """Calls a method of the GAN that maps `(*rows, *rest)` to images in [-1, 1], and rescales them. Traced once."""
        if method not in self._traced:
            signature = [tf.TensorSpec([None, *row.shape[1:]], row.dtype) for row in rows]
            signature += [tf.TensorSpec(value.shape, value.dtype) for value in rest]

            def images_of(*inputs):
                return self._scaled(getattr(self.gan, method)(*inputs))

            self._traced[method] = tf.function(images_of, input_signature=signature, autograph=False)

        def make(part):
            return self._traced[method](*(tf.convert_to_tensor(row[part]) for row in rows), *rest)

        return in_chunks(make, len(rows[0]), self.image_shape, type(self.gan).__name__)

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        cls = type(self.gan)
        content = {  # without the compile config, which may not be serializable
            "module": cls.__module__,
            "class_name": cls.__name__,
            "config": not_compiled(self.gan.get_config()),
            "registered_name": keras.saving.get_registered_name(cls),
        }
        return {"object": content}, self.variables, []


class AveragedTranslator(AveragedGAN):
    """Wraps a GAN that translates images as a `Generator`. Calls the `sample_latents` and `synthesize` of the GAN."""

    translates = True

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        return Generator.sample(self, labels, seed, truncation)

    def images(self, labels: np.ndarray, seed: Any, truncation: float = 1.0) -> np.ndarray:
        return Generator.images(self, labels, seed, truncation)

    def translate(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        number, images = tf.shape(labels)[0], _images.rescale(images, self.value_range, _images.NETWORK_RANGE)
        latents = self.gan.sample_latents(number, seed)
        rows = map(conditions.at_least_one, (images, latents, labels))
        return self._scaled(self.gan.synthesize(*rows))[:number]

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor, images: tf.Tensor | None = None) -> tf.Tensor:
        images = _images.rescale(images, self.value_range, _images.NETWORK_RANGE)
        return self._scaled(self.gan.synthesize(images, latents, labels))

    def translations(self, images: np.ndarray, labels: np.ndarray, seed: Any) -> np.ndarray:
        """Like `translate`, for arrays of any length."""
        images = _images.rescale(images.astype(np.float32), self.value_range, _images.NETWORK_RANGE)
        return self.in_chunks("synthesize", [images, self.gan.sample_latents(len(labels), seed), labels])
