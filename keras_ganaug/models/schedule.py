"""The schedule of a `fit`, and a warning if it is far too short."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import tensorflow as tf

_MOST_EPOCHS = 100  # the most epochs that a number of steps is divided into
_PER_PIXEL = 125  # steps per pixel of the side length: 1,000 at 8x8, 8,000 at 64x64
_FAR_TOO_FEW = 0.25  # of these steps


class Schedule(NamedTuple):
    """The schedule of a training."""

    epochs: int
    """Epoch to train to."""
    steps_per_epoch: int | None
    """Steps per epoch. None if the end of the data determines it."""
    steps: int | None
    """Number of training steps in all remaining epochs. None if the end of the data determines it."""
    whole_epochs: bool
    """Whether an epoch covers all images, so that missing classes are known after it."""
    rows: int | None
    """Number of images per step."""
    steps_of_last_epoch: int | None = None
    """Number of steps in the last epoch if it is shorter than the others, otherwise None."""

    def steps_in(self, epoch: int) -> int | None:
        """Number of steps in an epoch. None if the end of the data determines it."""
        return self.steps_of_last_epoch or self.steps_per_epoch if epoch == self.epochs - 1 else self.steps_per_epoch


def of(stream: Any, epochs: int, initial_epoch: int, steps_per_epoch: int | None, steps: int | None) -> Schedule:
    """Makes the schedule of a `fit` over a stream from its arguments."""
    rows, whole = tf.nest.flatten(stream.dataset.element_spec)[0].shape[0], stream.steps_per_epoch
    last = None
    if steps is None:
        steps_per_epoch = steps_per_epoch or whole
    else:
        if steps_per_epoch is None:
            parts = min(_MOST_EPOCHS, max(1, math.ceil(steps / (whole or 1))))
            steps_per_epoch = math.ceil(steps / parts)
        epochs = math.ceil(steps / steps_per_epoch)
        last = steps - (epochs - 1) * steps_per_epoch
        last = None if last == steps_per_epoch else last
    planned = None
    if steps_per_epoch is not None:
        planned = max(epochs - initial_epoch, 0) * steps_per_epoch - (steps_per_epoch - last if last else 0)
    shows_all = steps_per_epoch is None or (whole is not None and steps_per_epoch >= whole)
    return Schedule(epochs, steps_per_epoch, planned, shows_all, rows, last)


def steps_to_try(image_shape: tuple[int, ...]) -> int:
    """The number of training steps that images of this size usually need."""
    return max(1000, 1000 * round(_PER_PIXEL * math.sqrt(image_shape[0] * image_shape[1]) / 1000))


def warn_of_few_steps(model: Any, plan: Schedule) -> None:
    """Warns, once for each model, if a training is far too short for images of this size."""
    enough, done = steps_to_try(model.image_shape), int(model.step.numpy())
    steps = enough if plan.steps is None else done + plan.steps
    if steps < _FAR_TOO_FEW * enough and model.training_record.told.first("few steps"):
        height, width, _ = model.image_shape
        warnings.warn(
            f"{steps:,} training steps are far too few for images of {height}×{width} pixels: the samples will be "
            f"blotches. Try `fit(..., steps={enough})`, or `keras_ganaug.fit_for(data, minutes=30)`, which finds out how "
            f"many steps fit into the time. Received: {plan.epochs} epochs of {plan.steps_per_epoch} steps",
            stacklevel=3,
        )
