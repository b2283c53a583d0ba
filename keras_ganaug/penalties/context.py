"""The input of penalties: the discriminator's views of real and generated images, and the other data of an update."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug.conditions import Condition, Unconditional


class View:
    """A batch of images as the discriminator sees them.

    What the discriminator computes from the images alone is computed only once, even for several sets of labels.

    Args:
        discriminate: Function from images to a function from labels to the discriminator's outputs.
        to_logits: Function from these outputs to logits.
        images: float32 (batch, height, width, channels).
        labels: Their int32 labels, or None.
    """

    def __init__(self, discriminate: Callable, to_logits: Callable, images: tf.Tensor, labels: Any):
        self._discriminate, self._to_logits = discriminate, to_logits
        self.images, self.labels = images, labels
        self._of_labels: Callable | None = None
        self._own: Any = None

    def outputs(self, labels: Any = None) -> Any:
        """The discriminator's outputs, with the images' own labels or with others."""
        if self._of_labels is None:
            self._of_labels = self._discriminate(self.images)
        if labels is not None and labels is not self.labels:
            return self._of_labels(labels)
        if self._own is None:
            self._own = self._of_labels(self.labels)
        return self._own

    def logits(self, labels: Any = None) -> tf.Tensor:
        """The logits in the outputs, float32."""
        return tf.cast(self._to_logits(self.outputs(labels)), tf.float32)

    def at(self, images: tf.Tensor) -> View:
        """A view of other images with the same labels."""
        return View(self._discriminate, self._to_logits, images, self.labels)


@dataclasses.dataclass(frozen=True)
class Context:
    """The data of one update of one player. `penalty(context)` returns a float32 scalar that is added to its loss."""

    real: View
    """The real images."""
    fake: View
    """The same number of generated images, with the same labels."""
    player: str = "d"
    """The player in training: "d", "g" or another name."""
    networks: Mapping[str, keras.Model] = dataclasses.field(default_factory=dict)
    """The network of each player."""
    condition: Condition = dataclasses.field(default_factory=Unconditional)
    """The condition of the labels."""
    seed: Any = None
    """int32 seed (2,)."""
    step: Any = None
    """Number of training steps so far, an int64 scalar."""
    generated: Any = None
    """The generated images before the discriminator's augmentation, float32 in [-1, 1]."""
    latents: Any = None
    """Inputs of the generated images: float32 latents (batch, latent_dim), or the styles of a StyleGAN."""
    synthesize: Any = None
    """Function from such latents to generated images."""
    draw: Any = None
    """Function from a seed to other latents for the same labels."""

    @property
    def labels(self) -> Any:
        """int32 labels of the real and the generated images, or None."""
        return self.real.labels

    @property
    def network(self) -> keras.Model | None:
        """The network in training."""
        return self.networks.get(self.player)

    def in_branch(self) -> Context:
        """The same context for a branch of a graph: cached values of the branch are not used outside of it."""
        return dataclasses.replace(self, real=copy.copy(self.real), fake=copy.copy(self.fake))
