"""TAC-GAN."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, networks
from keras_ganaug.models import network_checks
from keras_ganaug.models.acgan import ACGAN
from keras_ganaug.models.training import Batch


@keras.saving.register_keras_serializable(package="keras_ganaug")
class TACGAN(ACGAN):
    """An ACGAN with a third player: a twin classifier that learns only from generated images.

    The generator minimises the loss of ACGAN's classifier and maximises that of the twin. In this way it gains nothing by
    leaving out images that are hard to classify, and images between two classes do not disappear as in ACGAN.

    Reference: Gong et al. 2019, Twin Auxiliary Classifiers GAN.

    Args:
        twin_weight: Weight of the twin's loss for the generator, at least 0. If it equals `g_class_weight`, the two losses
            cancel when samples match real images. Defaults to 1.
        twin: A Keras model from images to the logits of the classes. Defaults to a network like the discriminator.

    Raises:
        ValueError: If there are no classes, or the twin does not fit them.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.TACGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.compile()
    >>> [player.name for player in gan.players()]
    ['d', 'twin', 'g']
    """

    player_networks = {"d": "discriminator", "twin": "twin", "g": "generator"}
    own_arguments = (*ACGAN.own_arguments, "twin_weight")

    def __init__(self, *args: Any, twin_weight: float = 1.0, **kwargs: Any):
        twin_weight = _checks.non_negative(twin_weight, "twin_weight")
        super().__init__(*args, **kwargs)
        self.twin_weight = twin_weight
        number = sum(self.condition.sizes)
        expected = f"`twin` must map images of shape {('batch', *self.image_shape)} to {number} logits"
        given = network_checks.dry_run(self.twin, lambda: self.twin(tf.zeros([2, *self.image_shape])), expected).shape
        if tuple(given) != (2, number):
            raise ValueError(f"{expected}. Received: output of shape {tuple(given)} for a batch of 2")

    def expected_outputs(self):
        if not self.condition.conditional:
            raise ValueError("`num_classes` must be given: a twin classifier needs classes. Received: num_classes=None")
        return super().expected_outputs()

    @property
    def metric_names(self):
        return ("d_loss", "twin_loss", "g_loss", "class_accuracy")

    def paper_settings(self):
        settings = super().paper_settings()
        return {**settings, "twin_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999)}

    def build_twin(self) -> keras.Model:
        """Builds the default twin."""
        self.expected_outputs()  # raises an error without classes
        arguments = {**self.discriminator_arguments, "seed": self.derived_seed(6)}
        features, _ = networks.common.features_and_head(networks.dcgan.discriminator(**arguments, label_use="classify"))
        initializer = keras.initializers.GlorotUniform(self.derived_seed(7))
        dense = keras.layers.Dense(sum(self.condition.sizes), kernel_initializer=initializer, dtype="float32")
        return keras.Sequential([keras.Input(self.image_shape), features, dense], name="twin")

    def discriminate(self, images):
        outputs = super().discriminate(images)
        return lambda labels: (*outputs(labels), self.twin(images, training=True))

    def twin_loss(self, batch: Batch) -> tf.Tensor:
        """The cross-entropy of the twin on generated images."""
        context = self.context("twin", batch, self.fakes(batch))
        logits = self.twin(tf.stop_gradient(context.fake.images), training=True)
        return self.condition.cross_entropy(logits, batch.labels) + self.training_state.penalty(context)

    def g_objective(self, real, fake, labels):
        return super().g_objective(real, fake, labels) - self.twin_weight * self.condition.cross_entropy(fake[2], labels)
