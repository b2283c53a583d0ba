"""Regularisers of the discriminator: each a function of the discriminator and of the batch.

A penalty is called as `penalty(discriminator, real, fake, seed)`, where `discriminator` maps float32 images of shape
(batch, height, width, channels) to one logit each, `real` and `fake` are such images and `seed` is an int32 seed
of shape (2,). It returns a float32 scalar that is added to the discriminator's loss.
"""

import keras
import tensorflow as tf

from keras_ganaug import _checks, _random


def squared_gradient_norms(discriminator, images):
    """‖∇D(x)‖² of each image, float32 of shape (batch,)."""
    images = tf.cast(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        # The sum's gradient with respect to one image is that image's own gradient: logits do not mix.
        logits = tf.reduce_sum(tf.cast(discriminator(images), tf.float32))
    gradients = tf.cast(tape.gradient(logits, images), tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])


class Penalty:
    """Base class: a weight, and the call that a subclass defines.

    Args:
        weight: The factor in front of the penalty, at least 0.
    """

    def __init__(self, weight):
        self.weight = _checks.non_negative(weight, "weight")

    def __call__(self, discriminator, real, fake, seed):
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

    def __call__(self, discriminator, real, fake, seed):
        real, fake = tf.cast(real, tf.float32), tf.cast(fake, tf.float32)
        position = _random.uniform([tf.shape(real)[0], 1, 1, 1], seed)
        norms = tf.sqrt(squared_gradient_norms(discriminator, real + position * (fake - real)) + 1e-12)
        return self.weight * tf.reduce_mean(tf.square(norms - 1.0))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R1(Penalty):
    """γ/2 E‖∇D(x)‖² on real images (Mescheder et al. 2018).

    Args:
        weight: γ. Defaults to 10.
    """

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, discriminator, real, fake, seed):
        return 0.5 * self.weight * tf.reduce_mean(squared_gradient_norms(discriminator, real))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R2(R1):
    """γ/2 E‖∇D(x)‖² on generated images (Mescheder et al. 2018).

    Args:
        weight: γ. Defaults to 10.
    """

    def __call__(self, discriminator, real, fake, seed):
        return super().__call__(discriminator, fake, real, seed)
