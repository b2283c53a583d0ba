"""The generated images of one update, and the context that penalties receive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_ganaug import _compat, _random
from keras_ganaug.models.training import Batch
from keras_ganaug.penalties.context import Context, View


class Fakes(NamedTuple):
    """The generated images of one update."""

    images: Any
    """float32 images in [-1, 1]."""
    latents: Any
    """The latents they were generated from."""
    synthesize: Callable
    """A function from such latents to images."""
    draw: Callable
    """A function from a seed to other latents."""


def context_of(model: Any, player: str, batch: Batch, fakes: Fakes, labels: Any) -> Context:
    """Makes the context for the penalties of a player.

    Args:
        model: An `AdversarialModel` with `discriminate` and `logits_of`.
        player: Its name.
        batch: The real images.
        fakes: The generated ones.
        labels: Labels of the generated images, int32, or None.
    """
    augment = model.training_state.augment
    fake, real = augment(fakes.images, _random.fold(batch.seed, 2)), augment(batch.images, _random.fold(batch.seed, 1))
    return Context(
        View(model.discriminate, model.logits_of, real, batch.labels),
        View(model.discriminate, model.logits_of, fake, labels),
        player=player,
        networks=model.networks,
        condition=model.condition,
        seed=_random.fold(batch.seed, 3),
        step=tf.identity(_compat.tf_variable(model.step)),
        generated=fakes.images,
        latents=fakes.latents,
        synthesize=fakes.synthesize,
        draw=fakes.draw,
    )
