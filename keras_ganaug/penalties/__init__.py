"""Regularisers that are added to the players' losses.

A penalty is called with a `Context`, which holds the discriminator's `View`s of the real and the generated images and the
other data of an update. It returns a float32 scalar that is added to the loss of the player in training, by default the
discriminator. Its attribute `players` lists the players that it applies to.
"""

from keras_ganaug.penalties.context import Context, View
from keras_ganaug.penalties.diversity import ClassDiversity, ModeSeeking
from keras_ganaug.penalties.gradients import R1, R2, GradientPenalty, PathLength
from keras_ganaug.penalties.labels import MismatchedLabels
from keras_ganaug.penalties.logits import Drift, LeCam
from keras_ganaug.penalties.penalty import Penalty, as_penalty
from keras_ganaug.penalties.weights import HistoricalAveraging, WeightClipping

__all__ = [
    "R1",
    "R2",
    "ClassDiversity",
    "Context",
    "Drift",
    "GradientPenalty",
    "HistoricalAveraging",
    "LeCam",
    "MismatchedLabels",
    "ModeSeeking",
    "PathLength",
    "Penalty",
    "View",
    "WeightClipping",
    "as_penalty",
]
