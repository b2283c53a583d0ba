"""The one protocol of generators, and the function that makes one of what a user passes."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from keras_ganaug.conditions import Condition


class Generator:
    """A generator as the rest of the package knows it.

    Attributes:
        condition: The `Condition` of its labels.
        image_shape: (height, width, channels).
        value_range: (lowest, highest) value of its images.
        latent_dim: Length of the latents that `from_latents` takes; None for a generator that has no such method.
        variables: What holds its variables, for an export: a list of `tf.Variable`s, or whatever TensorFlow tracks.
        unseen_classes: Labels of which training had no image, as `Condition.unseen` gives them.
        path: The path that the user gave, or None.
    """

    condition: Condition
    image_shape: tuple[int, int, int]
    value_range: tuple[float, float]
    latent_dim: int | None = None
    variables: Any = ()
    unseen_classes: tuple = ()
    path: str | None = None

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        """Images, in a graph.

        Args:
            labels: int32 (n, *condition.label_shape); without a condition only n counts.
            seed: int32 (2,).
            truncation: Float scalar above 0 and at most 1. Defaults to 1.

        Returns float32 images (n, *image_shape) in `value_range`.
        """
        raise NotImplementedError

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Images of given latents, float32 (n, latent_dim), in a graph: nothing is drawn."""
        raise NotImplementedError


KINDS = (
    "a GAN of keras_ganaug, a Keras model from [latents, labels] to images in [-1, 1], or the path of a .keras file or "
    "of a SavedModel that `export` wrote"
)


@functools.singledispatch
def as_generator(generator: Any, num_classes: int | None = None) -> Generator:
    """The `Generator` of what a user passes as `generator`. Each kind registers a function of its own here.

    Args:
        generator: One of `KINDS`, or a `Generator`.
        num_classes: Number of classes of a bare Keras model, which cannot tell it. Defaults to None.

    Raises:
        TypeError, ValueError: For anything else, or what cannot be read.
    """
    raise TypeError(f"`generator` must be {KINDS}. Received: {generator!r}")


@as_generator.register
def _(generator: Generator, num_classes: int | None = None) -> Generator:
    return generator
