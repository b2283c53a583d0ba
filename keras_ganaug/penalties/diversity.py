"""Penalties on samples that look too much alike."""

import keras
import tensorflow as tf

from keras_ganaug import _replicas
from keras_ganaug.penalties.penalty import Penalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ClassDiversity(Penalty):
    """λ max(0, E|x - x'| - E|G(z) - G(z')|): samples of a class should differ as much as its real images.

    Added to the generator's loss. The means are over pixels and over pairs of images with the same label in the batch, each
    image with the next one of its class; without classes, over all neighbours. A generator that draws the same image for
    each class is penalised; one whose samples differ enough is not. Use it for GANs that lose diversity, such as BEGAN,
    whose generator gains by plain samples. If the weight is too large, samples differ by unrealistic textures.

    Reference: Yang et al. 2019, Diversity-Sensitive Conditional Generative Adversarial Networks. There the distances between
    samples are relative to those between their latents (as in `ModeSeeking`), and the bound is a constant.
    samples are relative to those of their latents (as in `ModeSeeking`), and the bound is a constant.

    Args:
        weight: λ. Defaults to 0.15.
    """

    players = ("g",)
    over_replicas = True

    def __init__(self, weight: float = 0.15, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        if context.labels is None:
            order, pairs = tf.range(tf.shape(context.real.images)[0] * _replicas.batch_replicas()), 1.0
        else:
            groups = context.condition.groups(_replicas.all_rows(context.labels))
            order = tf.argsort(groups, stable=True)
            groups = tf.gather(groups, order)
            pairs = tf.cast(tf.equal(groups[1:], groups[:-1]), tf.float32)

        def spread(view):
            images = tf.gather(_replicas.all_rows(tf.cast(view.images, tf.float32)), order)
            return pairs * tf.reduce_mean(tf.abs(images[1:] - images[:-1]), axis=[1, 2, 3])

        lack = spread(context.real) - spread(context.fake)
        number = tf.reduce_sum(pairs * tf.ones_like(lack))
        return tf.nn.relu(tf.math.divide_no_nan(tf.reduce_sum(lack), number))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ModeSeeking(Penalty):
    """λ / (E|G(z) - G(z')| / E|z - z'| + ε): different latents should give different images with the same label.

    Added to the generator's loss. The means are absolute distances over the pixels, the latents and the batch. Use it for
    GANs that draw the same image of a class for all latents. It has no bound, whereas `ClassDiversity` becomes 0 when
    samples differ as much as real images.

    Reference: Mao et al. 2019, Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis.

    Args:
        weight: λ. Defaults to 1.
    """

    players = ("g",)
    over_replicas = True

    def __init__(self, weight: float = 1.0, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        others = context.draw(context.seed)
        between_images = _mean_distance(context.generated, context.synthesize(others))
        # The mapping of a StyleGAN must not gain by moving styles closer together.
        between_latents = tf.stop_gradient(_mean_distance(context.latents, others))
        return 1.0 / (between_images / between_latents + 1e-5)


def _mean_distance(one, other):
    distance = tf.reduce_mean(tf.abs(tf.cast(one, tf.float32) - tf.cast(other, tf.float32)))
    return _replicas.over_replicas(distance, differentiable=True)
