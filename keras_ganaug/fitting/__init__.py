"""Trains a GAN on given images in a given time, and measures its quality."""

from keras_ganaug.fitting.assessment import Quality, quality
from keras_ganaug.fitting.planning import Plan, plan
from keras_ganaug.fitting.training import fit_for

__all__ = ["Plan", "Quality", "fit_for", "plan", "quality"]
