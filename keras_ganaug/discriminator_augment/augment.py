"""The interface of augmentations of the discriminator's input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf


class DiscriminatorAugment:
    """Base class: augments all images that a discriminator sees, real and generated. Override `__call__`.

    The other methods do nothing by default. A GAN calls `check`, `attach` and `after_compile` in `compile`, `observe` in
    each discriminator step, and `after_fit` at the end of `fit`. The base class itself returns images unchanged.

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
    """Names of the metrics that `observe` returns and `fit` reports."""

    state: Any = None
    """A Keras layer with the state that training updates, saved with the model. None for no state."""

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return images

    def check(self, gan: Any) -> None:
        """Raises an error if the GAN cannot be trained with this augmentation."""

    def attach(self, networks: dict[str, Any]) -> None:
        """Creates `state`, once. `networks` maps the players "g" and "d" to their networks."""

    def after_compile(self, gan: Any) -> None:
        """Reads what it needs from a compiled GAN."""

    def observe(self, real_logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Receives the logits of a batch of real images. Returns the metrics by name."""
        return {}

    def after_fit(self) -> None:
        """Called at the end of a training."""

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DiscriminatorAugment:
        return cls(**config)


class _Function(DiscriminatorAugment):
    """Wraps a plain function as an augmentation. None becomes the identity."""

    def __init__(self, function: Callable | None):
        self._function = function

    def __call__(self, images, seed):
        return images if self._function is None else self._function(images, seed)


def as_augment(augment: Callable | None) -> DiscriminatorAugment:
    """Converts a user's augmentation to a `DiscriminatorAugment`.

    Args:
        augment: A `DiscriminatorAugment`, a callable `(images, seed) -> images`, or None for no augmentation.

    Raises:
        TypeError: For a class, or anything that is not callable.
    """
    if isinstance(augment, DiscriminatorAugment):
        return augment
    if augment is not None and (not callable(augment) or isinstance(augment, type)):
        raise TypeError(f"`augment` must be a callable (images, seed) -> images. Received: {augment!r}")
    return _Function(augment)


def check_images(images: tf.Tensor, of: str) -> tf.Tensor:
    """Converts images to a tensor. All dimensions but the batch must be known."""
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or None in images.shape[1:]:
        raise ValueError(
            f"`images` of {of} must have the shape (batch, height, width, channels), where all but the batch is known when "
            "the graph is built: use images of one size, declared by `tf.ensure_shape` or `tf.image.resize`. "
            f"Received: shape {images.shape}"
        )
    return images


def check_policy(policy: str, choices: Iterable[str]) -> str:
    """Checks comma-separated names against the choices. Returns them without spaces."""
    names = [name.strip() for name in policy.split(",")] if isinstance(policy, str) else []
    if not names or not set(names) <= set(choices):
        raise ValueError(f"`policy` must be a comma-separated choice of {sorted(choices)}. Received: policy={policy!r}")
    return ",".join(names)
