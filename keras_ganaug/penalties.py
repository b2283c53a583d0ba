"""Regularisers of the discriminator: each a function of the discriminator and of the batch.

A penalty is called as `penalty(discriminator, batch)`. `discriminator(images, labels)` gives one logit for each of the
float32 images of shape (batch, height, width, channels). `batch` is a `PenaltyBatch`. The result is a float32 scalar that is
added to the discriminator's loss.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_ganaug import _checks, _random


class PenaltyBatch(NamedTuple):
    """What a penalty looks at."""

    real: Any
    """Real images as the discriminator sees them, float32 (batch, height, width, channels)."""
    fake: Any
    """Generated images, likewise."""
    labels: Any
    """int32 class indices (batch,), or None."""
    seed: Any
    """int32 seed (2,)."""
    judge_real: Any = None
    """Maps labels to the logits of the real images under them. It reuses what is known of the images, so it has no gradient
    with respect to them."""


def squared_gradient_norms(discriminator, images, labels):
    """‖∇D(x)‖² of each image, float32 of shape (batch,)."""
    images = tf.cast(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        # The sum's gradient with respect to one image is that image's own gradient: logits do not mix.
        logits = tf.reduce_sum(tf.cast(discriminator(images, labels), tf.float32))
    gradients = tf.cast(tape.gradient(logits, images), tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])


class Penalty:
    """Base class: a weight, and the call that a subclass defines.

    Args:
        weight: The factor in front of the penalty, at least 0.
    """

    def __init__(self, weight):
        self.weight = _checks.non_negative(weight, "weight")

    def __call__(self, discriminator, batch):
        raise NotImplementedError

    def get_config(self):
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GradientPenalty(Penalty):
    """λ E(‖∇D(x̂)‖ - 1)², x̂ between a real and a fake image (WGAN-GP, Gulrajani et al. 2017).

    The position between the two is uniform and drawn per sample.

    Args:
        weight: λ. Defaults to 10.
    """

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, discriminator, batch):
        real, fake = tf.cast(batch.real, tf.float32), tf.cast(batch.fake, tf.float32)
        position = _random.uniform([tf.shape(real)[0], 1, 1, 1], batch.seed)
        between = real + position * (fake - real)
        norms = tf.sqrt(squared_gradient_norms(discriminator, between, batch.labels) + 1e-12)
        return self.weight * tf.reduce_mean(tf.square(norms - 1.0))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R1(Penalty):
    """γ/2 E‖∇D(x)‖² on real images (Mescheder et al. 2018).

    Args:
        weight: γ. Defaults to 10.
    """

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, discriminator, batch):
        return 0.5 * self.weight * tf.reduce_mean(squared_gradient_norms(discriminator, batch.real, batch.labels))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R2(R1):
    """γ/2 E‖∇D(x)‖² on generated images (Mescheder et al. 2018).

    Args:
        weight: γ. Defaults to 10.
    """

    def __call__(self, discriminator, batch):
        return super().__call__(discriminator, batch._replace(real=batch.fake))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MismatchedLabels(Penalty):
    """λ E max(0, 1 + D(x, y')): a real image with a wrong label counts as fake.

    The discriminator of a conditional GAN has to learn that images of another class are wrong only from what the
    generator gets wrong. Shown real images under a label that is not theirs, it learns so from the start, and the generator
    keeps classes apart that look alike. The wrong label is drawn uniformly from all others. In the hinge form here it goes
    with the hinge loss.

    Reference: Reed et al. 2016, Generative Adversarial Text to Image Synthesis (the matching-aware discriminator).

    Args:
        num_classes: Number of classes, at least 2.
        weight: λ. Defaults to 1.
    """

    def __init__(self, num_classes, weight=1.0):
        super().__init__(weight)
        self.num_classes = _checks.positive_int(num_classes, "num_classes")
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes!r}")

    def __call__(self, discriminator, batch):
        shift = _random.integers(tf.shape(batch.labels), batch.seed, 1, self.num_classes)
        wrong = (batch.labels + shift) % self.num_classes
        logits = discriminator(batch.real, wrong) if batch.judge_real is None else batch.judge_real(wrong)
        logits = tf.cast(logits, tf.float32)
        return self.weight * tf.reduce_mean(tf.nn.relu(1.0 + logits))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
