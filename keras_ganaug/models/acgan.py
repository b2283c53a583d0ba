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
        discriminator: Maps `[images, labels]` to one logit each and the logits of the classes; with a twin, its logits too.
        fake_weight: Weight of the classifier's loss on generated images in the discriminator's loss, at least 0. With the
            paper's 1 the players can agree on what a label means, whatever real images say. Defaults to 1.
        g_class_weight: That loss's weight for the generator, at least 0. With the paper's 1 images that are hard to name go
            missing; with little its labels may mean nothing, above all with a `fake_weight` of 0. Defaults to 1.
        twin_weight: Weight with which the generator subtracts the loss of a twin classifier, which learns from generated
            images alone, at least 0: as large as `g_class_weight`, nothing is gained by leaving out what is hard to name
            (Gong et al. 2019, Twin Auxiliary Classifiers GAN). Defaults to 0: no twin.

    Example:

    >>> import keras_ganaug as kga, numpy as np
    >>> gan = kga.ACGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> [tuple(output.shape) for output in gan.discriminator([np.zeros([2, 8, 8, 1]), np.zeros([2], "int32")])]
    [(2, 1), (2, 3)]
    """

    own_arguments = ("fake_weight", "g_class_weight", "twin_weight")
    logits_see_labels = False

    def __init__(self, *args, fake_weight=1.0, g_class_weight=1.0, twin_weight=0.0, **kwargs):
        for name, weight in zip(ACGAN.own_arguments, (fake_weight, g_class_weight, twin_weight), strict=True):
            setattr(self, name, _checks.non_negative(weight, name))  # before the networks, one of which depends on it
        super().__init__(*args, **kwargs)

    @property
    def metric_names(self):
        return ("d_loss", "g_loss") if self.num_classes is None else ("d_loss", "g_loss", "class_accuracy")

    def build_discriminator(self):
        label_use = "classify_twice" if self.twin_weight else "classify"
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use=label_use)

    def expected_judgement(self):
        if self.num_classes is None:
            return super().expected_judgement()
        heads, words = (2, ", twice") if self.twin_weight else (1, "")
        return f"one logit each and the logits of the classes{words}", [[(1,), *[(self.num_classes,)] * heads]]

    def logits_of(self, judgement):
        return judgement if self.num_classes is None else judgement[0]

    def d_objective(self, real, fake, labels):
        loss = super().d_objective(real, fake, labels)
        if labels is None:
            return loss
        self.report("class_accuracy", tf.equal(tf.argmax(real[1], 1, tf.int32), labels))
        loss += _cross_entropy(real[1], labels) + self.fake_weight * _cross_entropy(fake[1], labels)
        return loss + _cross_entropy(fake[2], labels) if self.twin_weight else loss

    def g_objective(self, real, fake, labels):
        loss = super().g_objective(real, fake, labels)
        if labels is None:
            return loss
        loss += self.g_class_weight * _cross_entropy(fake[1], labels)
        return loss - self.twin_weight * _cross_entropy(fake[2], labels) if self.twin_weight else loss


def _cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32)))
