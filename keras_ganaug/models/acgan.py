"""ACGAN."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, networks
from keras_ganaug.models import old_files
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ACGAN(GAN):
    """A GAN whose discriminator does not see the class but predicts it: an auxiliary classifier.

    Both players add the cross-entropy of the predicted class, on real and on generated images. With several attributes it is
    summed over them. `fit` reports the classifier's accuracy on real images as `class_accuracy`. Without classes it is a
    plain `GAN`.

    Reference: Odena, Olah and Shlens 2017, Conditional Image Synthesis with Auxiliary Classifier GANs.

    Args:
        discriminator: Maps `[images, labels]` to one logit each and the logits of the classes; those of several attributes
            are concatenated. Defaults to the family's own.
        fake_weight: Weight of the classifier's loss on generated images in the discriminator's loss, at least 0. With the
            paper's 1, the players can agree on a meaning of labels that differs from the real images. Defaults to 1.
        g_class_weight: Weight of the same loss for the generator, at least 0. With the paper's 1, images that are hard to
            classify disappear from the samples. With a small value, labels may lose their meaning, especially if
            `fake_weight` is 0. Defaults to 1.

    Example:

    >>> import keras_ganaug as kga, numpy as np
    >>> gan = kga.ACGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> [tuple(output.shape) for output in gan.discriminator([np.zeros([2, 8, 8, 1]), np.zeros([2], "int32")])]
    [(2, 1), (2, 3)]
    """

    own_arguments: tuple[str, ...] = ("fake_weight", "g_class_weight")
    logits_depend_on_labels = False

    def __init__(self, *args: Any, fake_weight: float = 1.0, g_class_weight: float = 1.0, **kwargs: Any):
        fake_weight = _checks.non_negative(fake_weight, "fake_weight")
        g_class_weight = _checks.non_negative(g_class_weight, "g_class_weight")
        super().__init__(*args, **kwargs)
        self.fake_weight, self.g_class_weight = fake_weight, g_class_weight

    @property
    def metric_names(self):
        return (*super().metric_names, "class_accuracy") if self.condition.conditional else super().metric_names

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use="classify")

    def expected_outputs(self):
        if not self.condition.conditional:
            return super().expected_outputs()
        return "one logit each and the logits of the classes", [[(1,), (sum(self.condition.sizes),)]]

    def logits_of(self, outputs):
        return outputs[0] if self.condition.conditional else outputs

    def d_objective(self, real, fake, labels):
        loss = super().d_objective(real, fake, labels)
        if labels is None:
            return loss
        right = [tf.equal(tf.argmax(x, 1, tf.int32), y) for x, y in self.condition.by_attribute(real[1], labels)]
        self.report("class_accuracy", tf.reduce_all(right, axis=0))
        return (
            loss
            + self.condition.cross_entropy(real[1], labels)
            + self.fake_weight * self.condition.cross_entropy(fake[1], labels)
        )

    def g_objective(self, real, fake, labels):
        loss = super().g_objective(real, fake, labels)
        return loss if labels is None else loss + self.g_class_weight * self.condition.cross_entropy(fake[1], labels)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return super().from_config(old_files.without_twin(cls, config, custom_objects), custom_objects)
