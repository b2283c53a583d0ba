"""GANs whose discriminator tells the class of an image."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from keras_ganaug.models.gan import GAN


class ClassifyingGAN(GAN):
    """A GAN whose discriminator does not see the class but predicts it, in its second output.

    A subclass adds what the players lose by wrong classes. `fit` reports the share of real images whose highest value is
    that of their own class as `class_accuracy`. Without classes it is a plain `GAN`.
    """

    logits_depend_on_labels = False

    # Methods that a subclass must override.

    def expected_class_outputs(self) -> tuple[str, list]:
        """`expected_outputs` if there are classes."""
        raise NotImplementedError

    def d_class_loss(self, real: Any, fake: Any, labels: tf.Tensor) -> tf.Tensor:
        """What the discriminator loses by wrong classes, given its outputs for real and for generated images."""
        raise NotImplementedError

    def g_class_loss(self, fake: Any, labels: tf.Tensor) -> tf.Tensor:
        """The same for the generator."""
        raise NotImplementedError

    @property
    def metric_names(self):
        return (*super().metric_names, "class_accuracy") if self.condition.conditional else super().metric_names

    def expected_outputs(self):
        return self.expected_class_outputs() if self.condition.conditional else super().expected_outputs()

    def logits_of(self, outputs):
        return outputs[0] if self.condition.conditional else outputs

    def d_objective(self, real, fake, labels):
        loss = super().d_objective(real, fake, labels)
        if labels is None:
            return loss
        right = [tf.equal(tf.argmax(x, 1, tf.int32), y) for x, y in self.condition.by_attribute(real[1], labels)]
        self.report("class_accuracy", tf.reduce_all(right, axis=0))
        return loss + self.d_class_loss(real, fake, labels)

    def g_objective(self, real, fake, labels):
        loss = super().g_objective(real, fake, labels)
        return loss if labels is None else loss + self.g_class_loss(fake, labels)
