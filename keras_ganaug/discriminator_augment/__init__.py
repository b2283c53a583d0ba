"""Augmentation of the discriminator's input, as opposed to a classifier's input."""

from keras_ganaug.discriminator_augment.adaptive_augment import AdaptiveAugment
from keras_ganaug.discriminator_augment.augment import DiscriminatorAugment, as_augment
from keras_ganaug.discriminator_augment.diff_augment import DiffAugment

__all__ = ["AdaptiveAugment", "DiffAugment", "DiscriminatorAugment", "as_augment"]
