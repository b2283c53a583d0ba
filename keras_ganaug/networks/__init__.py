"""Builders of generators and discriminators, by family.

Each family has a `generator` and a `discriminator` function that returns a Keras model for any image shape: the
generator maps `[latents, labels]` to images in [-1, 1], the discriminator maps `[images, labels]` to one logit each;
unconditional ones take one input.
"""

from keras_ganaug.networks import dcgan, resnet

__all__ = ["dcgan", "resnet"]
