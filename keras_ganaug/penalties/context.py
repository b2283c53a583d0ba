"""What a penalty looks at: views of real and generated images by the discriminator, and all that an update knows."""

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

    What the discriminator computes of the images alone is computed once, however many labels they are looked at under.

    Args:
        discriminate: Maps images to a function from labels to the discriminator's outputs.
        to_logits: Maps these outputs to logits.
        images: float32 (batch, height, width, channels).
        labels: Their int32 labels, or None.
    """

    def __init__(self, discriminate: Callable, to_logits: Callable, images: tf.Tensor, labels: Any):
        self._discriminate, self._to_logits = discriminate, to_logits
        self.images, self.labels = images, labels
        self._of_labels: Callable | None = None
        self._own: Any = None

    def outputs(self, labels: Any = None) -> Any:
        """The discriminator's outputs: under the images' own labels, or under others."""
        if self._of_labels is None:
            self._of_labels = self._discriminate(self.images)
        if labels is not None and labels is not self.labels:
            return self._of_labels(labels)
        if self._own is None:
            self._own = self._of_labels(self.labels)
        return self._own

    def logits(self, labels: Any = None) -> tf.Tensor:
        """The logits within the outputs, float32."""
        return tf.cast(self._to_logits(self.outputs(labels)), tf.float32)

    def at(self, images: tf.Tensor) -> View:
        """A view of other images with the same labels."""
        return View(self._discriminate, self._to_logits, images, self.labels)


@dataclasses.dataclass(frozen=True)
class Context:
    """What one update of one player knows; `penalty(context)` gives a float32 scalar that is added to its loss."""

    real: View
    """The real images."""
    fake: View
    """As many generated ones, of the same labels."""
    player: str = "d"
    """The player that is trained: "d", "g" or the name of another."""
    networks: Mapping[str, keras.Model] = dataclasses.field(default_factory=dict)
    """The network of each player."""
    condition: Condition = dataclasses.field(default_factory=Unconditional)
    """The condition of the labels."""
    seed: Any = None
    """int32 seed (2,)."""
    step: Any = None
    """Training steps made so far, an int64 scalar."""
    generated: Any = None
    """The generated images before the discriminator's augmentation, float32 in [-1, 1]."""
    latents: Any = None
    """What the generated images were made of: float32 latents (batch, latent_dim), or the styles of a StyleGAN."""
    synthesize: Any = None
    """Maps such latents to generated images."""
    draw: Any = None
    """Maps a seed to other latents for the same labels."""

    @property
    def labels(self) -> Any:
        """int32 labels of both, or None."""
        return self.real.labels

    @property
    def network(self) -> keras.Model | None:
        """The network that is trained."""
        return self.networks.get(self.player)

    def in_branch(self) -> Context:
        """The same context for a branch of a graph: what is computed there stays there, and is not used outside."""
        return dataclasses.replace(self, real=copy.copy(self.real), fake=copy.copy(self.fake))
