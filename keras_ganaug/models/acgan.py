"""ACGAN."""

import keras
import tensorflow as tf

from keras_ganaug import _checks, networks
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ACGAN(GAN):
    """A GAN whose discriminator does not see the class but has to name it: an auxiliary classifier.

    Both players add the cross-entropy of the named class, on real and on generated images. `fit` reports the
    classifier's accuracy on real images as `class_accuracy`. Without classes it is a `GAN`.

    Reference: Odena, Olah and Shlens 2017, Conditional Image Synthesis with Auxiliary Classifier GANs.

    Args and behaviour are those of `GAN`, but for:
        discriminator: Maps `[images, labels]`, of which it ignores the labels, to one logit each and the logits of the
            classes.
        fake_weight: Weight of the classifier's loss on generated images in the discriminator's loss, at least 0. With the
            paper's 1 the two players can agree that what is drawn under a label is of that class, though real images say
            otherwise; with less the real images have more of a say. Defaults to 1.
        g_class_weight: Weight of the classifier's loss in the generator's loss, at least 0. With the paper's 1 the generator
            prefers what is surest to be named right, and real images that are hard to name go missing; with little its
            labels may mean nothing, above all with a `fake_weight` of 0. Defaults to 1.

    Example:

    >>> import keras_ganaug as kga, numpy as np
    >>> gan = kga.ACGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> [tuple(output.shape) for output in gan.discriminator([np.zeros([2, 8, 8, 1]), np.zeros([2], "int32")])]
    [(2, 1), (2, 3)]
    """

    own_arguments = ("fake_weight", "g_class_weight")

    def __init__(self, *args, fake_weight=1.0, g_class_weight=1.0, **kwargs):
        fake_weight = _checks.non_negative(fake_weight, "fake_weight")
        g_class_weight = _checks.non_negative(g_class_weight, "g_class_weight")
        super().__init__(*args, **kwargs)
        self.fake_weight, self.g_class_weight = fake_weight, g_class_weight

    @property
    def metric_names(self):
        return ("d_loss", "g_loss") if self.num_classes is None else ("d_loss", "g_loss", "class_accuracy")

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use="classify")

    def expected_judgement(self):
        if self.num_classes is None:
            return super().expected_judgement()
        return "one logit each and the logits of the classes", [[(1,), (self.num_classes,)]]

    def logits_of(self, judgement):
        return judgement if self.num_classes is None else judgement[0]

    def d_objective(self, real, fake, labels):
        loss = super().d_objective(real, fake, labels)
        if labels is None:
            return loss
        self.report("class_accuracy", tf.equal(tf.argmax(real[1], 1, tf.int32), labels))
        return loss + _cross_entropy(real, labels) + self.fake_weight * _cross_entropy(fake, labels)

    def g_objective(self, real, fake, labels):
        loss = super().g_objective(real, fake, labels)
        return loss if labels is None else loss + self.g_class_weight * _cross_entropy(fake, labels)


def _cross_entropy(judgement, labels):
    logits = tf.cast(judgement[1], tf.float32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
