"""What a GAN asks of an augmentation of the images that its discriminator sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf


class DiscriminatorAugment:
    """Augments all images that a discriminator sees, real and generated. Subclass it and override `__call__`.

    The other methods do nothing by default. A GAN calls `check`, `attach` and `after_compile` in `compile`, `observe` in
    each step of the discriminator and `after_fit` at the end of `fit`. This class itself leaves images as they are.

    Call arguments:
        images: float32 images in [-1, 1] of shape (batch, height, width, channels).
        seed: int32 seed of shape (2,).

    Returns images of the same shape.

    Example:

    >>> import keras, tensorflow as tf
    >>> from keras_ganaug.discriminator_augment import DiscriminatorAugment
    >>> @keras.saving.register_keras_serializable()
    ... class Darker(DiscriminatorAugment):
    ...     def __call__(self, images, seed):
    ...         return images - 0.1
    >>> Darker()(tf.zeros([1, 2, 2, 1]), seed=[1, 2]).shape
    TensorShape([1, 2, 2, 1])
    """

    metric_names: tuple[str, ...] = ()
    """Names of the metrics that `observe` gives; `fit` reports them."""

    state: Any = None
    """A Keras layer with what training carries from step to step, which is saved with the model; None for nothing."""

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return images

    def check(self, gan: Any) -> None:
        """Raises an error if the GAN cannot be trained with this augmentation."""

    def attach(self, networks: dict[str, Any]) -> None:
        """Makes `state`, once, for the networks of a GAN by their player, "g" and "d"."""

    def after_compile(self, gan: Any) -> None:
        """Reads what it needs of a compiled GAN."""

    def observe(self, real_logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Sees the logits of a batch of real images. Returns the metrics by name."""
        return {}

    def after_fit(self) -> None:
        """Is called when a training ends."""

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DiscriminatorAugment:
        return cls(**config)


class _Function(DiscriminatorAugment):
    """A plain function as an augmentation; the identity for None."""

    def __init__(self, function: Callable | None):
        self._function = function

    def __call__(self, images, seed):
        return images if self._function is None else self._function(images, seed)


def as_augment(augment: Callable | None) -> DiscriminatorAugment:
    """The augmentation that a user gives, as a `DiscriminatorAugment`.

    Args:
        augment: One of them, any callable `(images, seed) -> images`, or None for none.

    Raises:
        TypeError: For what is not callable, or a class.
    """
    if isinstance(augment, DiscriminatorAugment):
        return augment
    if augment is not None and (not callable(augment) or isinstance(augment, type)):
        raise TypeError(f"`augment` must be a callable (images, seed) -> images. Received: {augment!r}")
    return _Function(augment)


def check_images(images: tf.Tensor, of: str) -> tf.Tensor:
    """Images as a tensor, whose shape must be known but for the batch."""
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or None in images.shape[1:]:
        raise ValueError(
            f"`images` of {of} must have the shape (batch, height, width, channels), where all but the batch is known when "
            "a graph is made: images of one size, told by `tf.ensure_shape` or `tf.image.resize`. "
            f"Received: shape {images.shape}"
        )
    return images


def check_policy(policy: str, choices: Iterable[str]) -> str:
    """Comma-separated names out of the choices, without spaces."""
    names = [name.strip() for name in policy.split(",")] if isinstance(policy, str) else []
    if not names or not set(names) <= set(choices):
        raise ValueError(f"`policy` must be a comma-separated choice of {sorted(choices)}. Received: policy={policy!r}")
    return ",".join(names)
