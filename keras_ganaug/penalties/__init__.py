"""Regularisers that are added to the players' losses, by what they look at.

A penalty is called with a `Context`: `View`s of the real and the generated images by the discriminator, and what else an
update knows. It gives a float32 scalar that is added to the loss of the player that is trained: the discriminator's, unless
its `players` say otherwise.
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
