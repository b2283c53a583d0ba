"""Data augmentation for classifiers: replaces rows of their batches by synthetic images."""

from keras_ganaug.augmentation.augmented_model import AugmentedModel
from keras_ganaug.augmentation.dataset_map import gan_augment
from keras_ganaug.augmentation.layer import GANAugmentation
from keras_ganaug.generators.filtered import FilteredGenerator

__all__ = ["AugmentedModel", "FilteredGenerator", "GANAugmentation", "gan_augment"]
