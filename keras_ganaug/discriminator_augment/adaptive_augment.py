"""Adaptive discriminator augmentation."""

import math
import warnings
from itertools import count
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random
from keras_ganaug._replicas import over_replicas
from keras_ganaug._state import Stateful, add_state
from keras_ganaug.discriminator_augment.augment import DiscriminatorAugment, check_images, check_policy
from keras_ganaug.losses import AdversarialLoss

_UPDATE_INTERVAL = 4  # number of batches over which the sign of the logits is averaged


class _Draws:
    """The random numbers of one call. Each method draws new ones; a share `probability` of the images is affected."""

    def __init__(self, num_images, seed, probability):
        self.probability, self._shape, self._seeds = probability, [num_images], (_random.fold(seed, n) for n in count(1))

    def _some(self, value, probability=None):
        probability = self.probability if probability is None else probability
        return tf.where(_random.uniform(self._shape, next(self._seeds)) < probability, value, 0.0)

    def uniform(self, low, high, probability=None):
        return self._some(_random.uniform(self._shape, next(self._seeds), low, high), probability)

    def integers(self, high):
        return self._some(tf.cast(_random.integers(self._shape, next(self._seeds), 0, high), tf.float32))

    def normal(self, deviation):
        return self._some(deviation * _random.normal(self._shape, next(self._seeds)))

    def log_normal(self, deviation):
        return tf.exp(self.normal(deviation * math.log(2.0)))


def _maps(*entries):
    """float32 (n, 2, 3), row by row: maps a pixel of the result to its source, in pixels from the centre."""
    zero = tf.zeros_like(sum(entries))
    return tf.reshape(tf.stack([zero + entry for entry in entries], -1), [-1, 2, 3])


def _rotation(angle):
    return _maps(tf.cos(angle), -tf.sin(angle), 0.0, tf.sin(angle), tf.cos(angle), 0.0)


def _scaling(y, x):
    return _maps(1.0 / y, 0.0, 0.0, 0.0, 1.0 / x, 0.0)


def _shift(y, x):
    return _maps(1.0, 0.0, -y, 0.0, 1.0, -x)


def _geometric(draws, size):
    once = 1.0 - tf.sqrt(1.0 - draws.probability)  # for two rotations: at least one applies with `probability`
    isotropic, stretch = draws.log_normal(0.2), draws.log_normal(0.2)
    return [
        _scaling(isotropic, isotropic),
        _rotation(draws.uniform(-math.pi, math.pi, once)),
        _scaling(1.0 / stretch, stretch),
        _rotation(draws.uniform(-math.pi, math.pi, once)),
        _shift(*(length * draws.normal(0.125) for length in size)),
    ]


_GEOMETRY = {
    "flip": lambda draws, size: [_scaling(1.0, 1.0 - 2.0 * draws.integers(2))],
    "quarter_turns": lambda draws, size: [_rotation(0.5 * math.pi * draws.integers(4))],
    "translation": lambda draws, size: [_shift(*(tf.round(length * draws.uniform(-0.125, 0.125)) for length in size))],
    "geometric": _geometric,
}


def _color(images, draws):
    """Applies brightness, contrast, luma flip, hue and saturation, as far as the number of channels allows."""

    def per_image(value):
        return value[:, None, None, None]

    channels = images.shape[-1]
    images += per_image(draws.normal(0.2))
    images *= per_image(draws.log_normal(0.5))
    luma = tf.reduce_mean(images, axis=-1, keepdims=True)
    flipped = per_image(draws.integers(2))
    images -= 2.0 * flipped * luma
    luma *= 1.0 - 2.0 * flipped
    if channels == 3:
        # Rodrigues' rotation about the grey axis.
        angle = per_image(draws.uniform(-math.pi, math.pi))
        cross = (tf.roll(images, 1, -1) - tf.roll(images, -1, -1)) / math.sqrt(3.0)
        images = images * tf.cos(angle) + cross * tf.sin(angle) + luma * (1.0 - tf.cos(angle))
    if channels > 1:
        images = luma + (images - luma) * per_image(draws.log_normal(1.0))
    return images


def _warp(images, to_source):
    """Samples each pixel bilinearly at its source. Images are mirrored beyond their edges."""
    height, width, channels = images.shape[1:]
    y, x = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    pixels = np.stack([y.ravel(), x.ravel(), np.ones(height * width)]).astype(np.float32)
    source = tf.einsum("nij,jp->nip", to_source, pixels)
    corners, shares = [], []
    for axis, size in enumerate((height, width)):
        place = tf.math.floormod(source[:, axis] + size / 2, 2.0 * size)  # measured from the edge, half a pixel outside
        place = tf.clip_by_value(tf.minimum(place, 2.0 * size - place) - 0.5, 0.0, size - 1.0)
        low = tf.floor(place)
        corners.append([tf.cast(low, tf.int32), tf.minimum(tf.cast(low, tf.int32) + 1, size - 1)])
        shares.append([1.0 - (place - low), place - low])
    flat = tf.reshape(images, [-1, height * width, channels])
    result = 0.0
    for row, row_share in zip(corners[0], shares[0], strict=True):
        for column, column_share in zip(corners[1], shares[1], strict=True):
            result += (row_share * column_share)[..., None] * tf.gather(flat, row * width + column, batch_dims=1)
    return tf.reshape(result, tf.shape(images))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class AdaptiveAugment(Stateful, DiscriminatorAugment):
    """Augments the discriminator's input with a probability that adapts to its overfitting (ADA).

    Each transformation is applied to each image with probability p. A discriminator that overfits is too sure about real
    images. So p grows while the mean sign of their logits, minus the loss's `boundary`, is above `target`, and shrinks
    otherwise. The model's state stores p, and `fit` reports it as `augment_p`. Augmentations do not leak into the samples as
    long as p is well below 1. `max_probability` caps it, and `fit` warns if it ends there.

    Reference: Karras et al. 2020, Training Generative Adversarial Networks with Limited Data. This version samples images
    bilinearly, without the paper's wavelet filter.

    Args:
        policy: Comma-separated names from "flip" (left and right), "quarter_turns", "translation" (whole pixels, up to an
            eighth of the size), "geometric" (scale, rotation, stretching, shifts) and "color" (brightness, contrast and luma
            flip; hue and saturation for images with enough channels). Defaults to all of them.
        target: The mean sign of the real logits to maintain. Defaults to 0.6.
        kimg: Thousands of real images in which p can go from 0 to 1. Defaults to 500.
        max_probability: Upper limit of p, below 1. Defaults to 0.8.
        initial_probability: p at the start. Defaults to 0.

    Call arguments:
        images: float32 images in [-1, 1] of shape (batch, height, width, channels).
        seed: int32 seed of shape (2,).

    Returns images of the same shape. Colour transformations may leave [-1, 1].

    Raises:
        ValueError: For an unknown policy, a number out of its range, or images of unknown size.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> gan.compile(augment=kga.AdaptiveAugment("translation,color"))
    """

    metric_names = ("augment_p",)

    def __init__(
        self,
        policy: str = "flip,quarter_turns,translation,geometric,color",
        target: float = 0.6,
        kimg: float = 500,
        max_probability: float = 0.8,
        initial_probability: float = 0.0,
    ):
        self.policy = check_policy(policy, (*_GEOMETRY, "color"))
        self.target = _checks.fraction(target, "target")
        self.kimg = _checks.positive(kimg, "kimg")
        self.max_probability = _checks.fraction(max_probability, "max_probability")
        self.boundary = 0.0
        self.initial_probability = _checks.fraction(initial_probability, "initial_probability")
        if self.max_probability == 1.0:
            raise ValueError("`max_probability` must be below 1, where augmentations leak. Received: max_probability=1.0")
        if self.initial_probability > self.max_probability:
            raise ValueError(
                f"`initial_probability` must be at most `max_probability`, {max_probability!r}. "
                f"Received: initial_probability={initial_probability!r}"
            )

    def after_compile(self, gan: Any) -> None:
        """Reads the loss's boundary between real and fake. Warns if it has none."""
        loss = gan.adversarial_loss
        boundary = None if gan.own_loss else loss.boundary if isinstance(loss, AdversarialLoss) else 0.0
        self.boundary = boundary or 0.0
        if boundary is None:
            warnings.warn(
                "`augment` should be a DiffAugment here: AdaptiveAugment follows the signs of logits, but with the loss "
                "of "
                f"this {type(gan).__name__} only their differences count. Received: augment={type(self).__name__}",
                stacklevel=3,
            )

    def make_state(self, networks: dict[str, Any]) -> None:
        start = keras.initializers.Constant(self.initial_probability)
        self.probability = add_state(self.state, "probability", initializer=start)
        self.sign_sum, self.batches = (add_state(self.state, name) for name in ("sign_sum", "batches"))

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        probability = self.initial_probability if self.state is None else _compat.tf_variable(self.probability)
        return self.augmented(tf.cast(images, tf.float32), seed, tf.identity(probability))

    def augmented(self, images: tf.Tensor, seed: tf.Tensor, probability: float | tf.Tensor) -> tf.Tensor:
        """Applies each transformation to each image with this probability."""
        images = check_images(images, type(self).__name__)
        draws = _Draws(tf.shape(images)[0], seed, tf.convert_to_tensor(probability, tf.float32))
        names = self.policy.split(",")
        maps = [each for name in names if name != "color" for each in _GEOMETRY[name](draws, images.shape[1:3])]
        if maps:
            *maps, to_source = maps
            for earlier in reversed(maps):  # the last transformation is inverted first
                to_source = tf.matmul(earlier[..., :2], to_source) + tf.pad(earlier[..., 2:], [[0, 0], [0, 0], [2, 0]])
            images = _warp(images, to_source)
        return _color(images, draws) if "color" in names else images

    def observe(self, real_logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates p from the logits of a batch of real images. Returns p as a metric."""
        variables = (self.probability, self.sign_sum, self.batches)
        probability, sign_sum, batches = (tf.identity(_compat.tf_variable(variable)) for variable in variables)
        signs = tf.sign(tf.cast(real_logits, tf.float32) - self.boundary)
        signs, images = over_replicas([tf.reduce_sum(signs), tf.cast(tf.shape(signs)[0], tf.float32)], sum=True)
        sign_sum += signs / images
        batches += 1.0
        due = batches >= _UPDATE_INTERVAL
        change = tf.sign(sign_sum / batches - self.target) * (images * _UPDATE_INTERVAL) / (1000.0 * self.kimg)
        moved = tf.clip_by_value(probability + change, 0.0, self.max_probability)
        for variable, new, old in zip(variables, (moved, 0.0, 0.0), (probability, sign_sum, batches)):
            variable.assign(tf.where(due, new, old))
        return {"augment_p": probability}

    def after_fit(self) -> None:
        """Warns if p has reached its cap."""
        if float(self.probability.numpy()) >= self.max_probability:
            warnings.warn(
                f"The augmentation's probability has grown to its cap, max_probability={self.max_probability}: the "
                "discriminator still overfits. There are too few images for this model, or too many steps.",
                stacklevel=3,
            )

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("policy", "target", "kimg", "max_probability", "initial_probability")}
