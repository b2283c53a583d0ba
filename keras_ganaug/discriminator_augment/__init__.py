"""What the discriminator sees: differentiable augmentation of real and generated images alike."""

from keras_ganaug.discriminator_augment.diff_augment import DiffAugment

__all__ = ["DiffAugment"]
