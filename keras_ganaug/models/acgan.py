"""ACGAN."""

from __future__ import annotations

from typing import Any

import keras

from keras_ganaug import _checks, networks
from keras_ganaug.models import old_files
from keras_ganaug.models.classifying_gan import ClassifyingGAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ACGAN(ClassifyingGAN):
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

    def __init__(self, *args: Any, fake_weight: float = 1.0, g_class_weight: float = 1.0, **kwargs: Any):
        fake_weight = _checks.non_negative(fake_weight, "fake_weight")
        g_class_weight = _checks.non_negative(g_class_weight, "g_class_weight")
        super().__init__(*args, **kwargs)
        self.fake_weight, self.g_class_weight = fake_weight, g_class_weight

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use="classify")

    def expected_class_outputs(self):
        return "one logit each and the logits of the classes", [[(1,), (sum(self.condition.sizes),)]]

    def d_class_loss(self, real, fake, labels):
        on_real, on_fake = (self.condition.cross_entropy(outputs[1], labels) for outputs in (real, fake))
        return on_real + self.fake_weight * on_fake

    def g_class_loss(self, fake, labels):
        return self.g_class_weight * self.condition.cross_entropy(fake[1], labels)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return super().from_config(old_files.without_twin(cls, config, custom_objects), custom_objects)
