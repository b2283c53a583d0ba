"""Wraps a SavedModel that `export` wrote as a generator."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from keras_ganaug import layers
from keras_ganaug.generators import export
from keras_ganaug.generators.generator import KINDS, Generator
from keras_ganaug.layers.noise import noise


class SavedModelGenerator(Generator):
    """A SavedModel that `export` wrote. It is a program, and constructing this object runs it.

    Args:
        path: Its folder.
    """

    def __init__(self, path: str):
        self.path = path
        try:
            metadata = export.metadata(path)
            if metadata is not None:
                self.describe(metadata)
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # includes errors from broken JSON
            raise refused(path, f"a SavedModel with a broken {export.METADATA_FILE}: {first_line(error)}") from error
        if metadata is None:
            raise refused(path, "a SavedModel that keras_ganaug did not write")
        try:
            self.variables = tf.saved_model.load(path)
        except Exception as error:  # TensorFlow passes on any error from reading a broken file
            raise refused(path, f"a SavedModel that TensorFlow cannot load: {first_line(error)}") from error
        endpoint = "translate" if self.translates else "generate_truncated"
        if not callable(getattr(self.variables, endpoint, None)):
            raise refused(path, f"a SavedModel without the endpoint `{endpoint}`, so none that `export` wrote")
        self._inputs: dict = {}  # for `from_latents`, which not every generator has
        if "from_latents" in self.variables.signatures:
            self._inputs = self.variables.signatures["from_latents"].structured_input_signature[1]
            self.latent_dim = self._inputs["latents"].shape[1]

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor, images: tf.Tensor | None = None) -> tf.Tensor:
        inputs = {"latents": latents, "labels": labels, "images": images}
        if "noise" in self._inputs:
            inputs["noise"] = noise(layers.SeedOfLatents()(latents), self._inputs["noise"].shape[1])
        (made,) = self.variables.signatures["from_latents"](**{name: inputs[name] for name in self._inputs}).values()
        return made

    def translate(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return self.variables.translate(images, labels, seed)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        if self.translates:
            return super().sample(labels, seed, truncation)
        return self.variables.generate_truncated(labels, seed, tf.convert_to_tensor(truncation, tf.float32))


def refused(path: str, why: str) -> ValueError:
    """The error for a path without a generator."""
    return ValueError(f"`generator` must be {KINDS}. Received: {path!r}, {why}")


def first_line(error: Exception) -> str:
    """An error as one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
