"""Differentiable augmentation."""

import keras
import tensorflow as tf

from keras_ganaug import _random
from keras_ganaug.discriminator_augment.augment import DiscriminatorAugment, check_images, check_policy


def _color(images, seed):
    """Brightness, saturation and contrast, drawn for each image."""
    shape = [tf.shape(images)[0], 1, 1, 1]
    seeds = [_random.fold(seed, n) for n in range(3)]
    images += _random.uniform(shape, seeds[0], -0.5, 0.5)
    if images.shape[-1] > 1:  # with one channel, saturation changes nothing
        mean = tf.reduce_mean(images, axis=3, keepdims=True)
        images = (images - mean) * _random.uniform(shape, seeds[1], 0.0, 2.0) + mean
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - mean) * _random.uniform(shape, seeds[2], 0.5, 1.5) + mean


def _along(values, axis):
    """Values (batch, size) for one axis of the images, shaped to broadcast over the others."""
    return values[:, :, None, None] if axis == 1 else values[:, None, :, None]


def _translation(images, seed):
    """Shifts by up to an eighth of the size, drawn for each image. Empty areas are 0."""
    for axis in (1, 2):
        size = images.shape[axis]
        most = int(size / 8 + 0.5)
        offsets = _random.integers(tf.shape(images)[:1], _random.fold(seed, axis), -most, most + 1)
        positions = tf.range(size)[None] + offsets[:, None]
        inside = tf.cast((positions >= 0) & (positions < size), images.dtype)
        images = tf.gather(images, tf.clip_by_value(positions, 0, size - 1), axis=axis, batch_dims=1) * _along(inside, axis)
    return images


def _cutout(images, seed):
    """Sets one rectangle of half the height and width to 0. Its centre is drawn anywhere in each image."""
    covered = True
    for axis in (1, 2):
        size = images.shape[axis]
        side = int(size / 2 + 0.5)
        centre = _random.integers(tf.shape(images)[:1], _random.fold(seed, axis), 0, size + 1 - side % 2)
        distance = tf.range(size)[None] - (centre - side // 2)[:, None]
        covered &= _along((distance >= 0) & (distance < side), axis)
    return images * (1.0 - tf.cast(covered, images.dtype))


_POLICIES = {"color": _color, "translation": _translation, "cutout": _cutout}


@keras.saving.register_keras_serializable(package="keras_ganaug")
class DiffAugment(DiscriminatorAugment):
    """Differentiable augmentation of the discriminator's input, real and generated.

    With few images, a discriminator memorises them. Augmenting both real and generated images prevents this. The
    augmentation does not leak into the samples, because the generator is trained through it.

    Reference: Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training.

    Args:
        policy: Comma-separated names from "color" (brightness ±0.5, saturation ×0 to ×2, contrast ×0.5 to ×1.5),
            "translation" (up to an eighth of the size) and "cutout" (half of the size). Applied in the given order. Defaults
            to "color,translation,cutout".

    Call arguments:
        images: Float images in [-1, 1] of shape (batch, height, width, channels).
        seed: int32 seed of shape (2,).

    Returns images of the same shape and dtype. Colour transformations may leave [-1, 1].

    Raises:
        ValueError: For an unknown policy, or images of unknown size.

    Example:

    >>> import tensorflow as tf, keras_ganaug as kga
    >>> augment = kga.DiffAugment("translation")
    >>> augment(tf.ones([2, 8, 8, 1]), seed=[1, 2]).shape
    TensorShape([2, 8, 8, 1])
    """

    def __init__(self, policy: str = "color,translation,cutout"):
        self.policy = check_policy(policy, _POLICIES)

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        images = check_images(images, type(self).__name__)
        for n, name in enumerate(self.policy.split(",")):
            images = _POLICIES[name](images, _random.fold(seed, n))
        return images

    def get_config(self) -> dict[str, str]:
        return {"policy": self.policy}
