"""Penalties on samples that are too much alike."""

import keras
import tensorflow as tf

from keras_ganaug.penalties.penalty import Penalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ClassDiversity(Penalty):
    """λ max(0, E|x - x'| - E|G(z) - G(z')|): samples of a class are to differ as real images of it do.

    Added to the generator's loss. The means are over pixels and over pairs within the batch that have one label, each image
    with the next of its class; without classes, over all neighbours. A generator that draws one garment of each kind pays
    for it, and one whose samples differ enough pays nothing. It is for GANs that lose variety (BEGAN, whose generator gains
    by plain samples); with too much weight samples differ by textures that no image has.

    Reference: Yang et al. 2019, Diversity-Sensitive Conditional Generative Adversarial Networks, where the distances of
    samples are relative to those of their latents (as in `ModeSeeking`), and the bound is a constant.

    Args:
        weight: λ. Defaults to 0.15.
    """

    players = ("g",)

    def __init__(self, weight: float = 0.15, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        if context.labels is None:
            order, pairs = tf.range(tf.shape(context.real.images)[0]), 1.0
        else:
            groups = context.condition.groups(context.labels)
            order = tf.argsort(groups, stable=True)
            groups = tf.gather(groups, order)
            pairs = tf.cast(tf.equal(groups[1:], groups[:-1]), tf.float32)

        def spread(view):
            images = tf.gather(tf.cast(view.images, tf.float32), order)
            return pairs * tf.reduce_mean(tf.abs(images[1:] - images[:-1]), axis=[1, 2, 3])

        lack = spread(context.real) - spread(context.fake)
        number = tf.reduce_sum(pairs * tf.ones_like(lack))
        return tf.nn.relu(tf.math.divide_no_nan(tf.reduce_sum(lack), number))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ModeSeeking(Penalty):
    """λ / (E|G(z) - G(z')| / E|z - z'| + ε): other latents are to give other images of the same label.

    Added to the generator's loss. The means are absolute distances over the pixels, the latents and the batch. It is for
    GANs that draw one image of each class, whatever the latents. It has no bound; `ClassDiversity` ends where samples differ
    as real images do.

    Reference: Mao et al. 2019, Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis.

    Args:
        weight: λ. Defaults to 1.
    """

    players = ("g",)

    def __init__(self, weight: float = 1.0, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        others = context.draw(context.seed)
        between_images = _mean_distance(context.generated, context.synthesize(others))
        # The mapping of a StyleGAN is not to gain by styles that lie close.
        between_latents = tf.stop_gradient(_mean_distance(context.latents, others))
        return 1.0 / (between_images / between_latents + 1e-5)


def _mean_distance(one, other):
    return tf.reduce_mean(tf.abs(tf.cast(one, tf.float32) - tf.cast(other, tf.float32)))
