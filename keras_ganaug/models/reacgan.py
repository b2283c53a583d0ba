"""ReACGAN."""

from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _replicas, losses, networks
from keras_ganaug.models.classifying_gan import ClassifyingGAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ReACGAN(ClassifyingGAN):
    """An ACGAN whose classifier cannot explode, and which compares the images of a batch with each other.

    The discriminator maps each image and each class to a unit vector. The data-to-data cross-entropy (D2D-CE) pulls the
    vector of an image towards that of its class, and pushes it away from those of images of other classes in the batch. It
    ignores pairs that are close enough or far enough, by two margins. The discriminator learns it from real images, and the
    generator from its own. The adversarial loss is the hinge loss. Both networks are residual and spectrally normalised.
    Unlike the paper's they have no attention, and the discriminator makes one update in each step, not five.

    With several attributes, each has unit vectors of its own, and their cross-entropies are summed. `fit` reports the share
    of real images whose nearest class is their own as `class_accuracy`. Without classes there is no D2D-CE.

    Reference: Kang, Shim, Cho and Park 2021, Rebooting ACGAN: Auxiliary Classifier GANs with Stable Training.

    Args:
        discriminator: Maps `[images, labels]` to one logit each, the cosines of the image and the classes, and the unit
            vector of the image; those of several attributes are concatenated. Defaults to the family's own.
        d2d_weight: λ, the weight of the D2D-CE in the losses of both players, at least 0. Defaults to 0.5.
        temperature: τ, by which similarities are divided, above 0. Defaults to 0.5.
        positive_margin: Cosine of image and class above which they are close enough, in [0, 1]. Defaults to 0.98.
        negative_margin: Cosine of two images below which they are far enough apart, in [0, 1]. Defaults to 0.02.

    Example:

    >>> import keras_ganaug as kga, numpy as np
    >>> gan = kga.ReACGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> outputs = gan.discriminator([np.ones([2, 8, 8, 1]), np.zeros([2], "int32")])
    >>> [tuple(output.shape) for output in outputs]
    [(2, 1), (2, 3), (2, 64)]
    >>> np.linalg.norm(outputs[2], axis=1).round(3).tolist()
    [1.0, 1.0]
    """

    own_arguments = ("d2d_weight", "temperature", "positive_margin", "negative_margin")
    outputs_with_logits = 1

    def __init__(
        self,
        *args: Any,
        d2d_weight: float = 0.5,
        temperature: float = 0.5,
        positive_margin: float = 0.98,
        negative_margin: float = 0.02,
        **kwargs: Any,
    ):
        d2d_weight = _checks.non_negative(d2d_weight, "d2d_weight")
        temperature = _checks.positive(temperature, "temperature")
        positive_margin = _checks.fraction(positive_margin, "positive_margin")
        negative_margin = _checks.fraction(negative_margin, "negative_margin")
        super().__init__(*args, **kwargs)
        self.d2d_weight, self.temperature = d2d_weight, temperature
        self.positive_margin, self.negative_margin = positive_margin, negative_margin

    def paper_settings(self):
        return {**super().paper_settings(), "loss": "hinge"}

    def build_generator(self):
        return networks.resnet.generator(**self.generator_arguments, spectral=True)

    def build_discriminator(self):
        return networks.resnet.discriminator(**self.discriminator_arguments, label_use="embed")

    def expected_class_outputs(self):
        words = "one logit each, the cosines of the image and the classes, and unit vectors"
        return words, [[(1,), (sum(self.condition.sizes),), (None,)]]

    def d_class_loss(self, real, fake, labels):
        return self.d2d_weight * self.d2d_cross_entropy(real, labels)

    def g_class_loss(self, fake, labels):
        return self.d2d_weight * self.d2d_cross_entropy(fake, labels)

    def d2d_cross_entropy(self, outputs: Any, labels: tf.Tensor) -> tf.Tensor:
        """The D2D-CE of the discriminator's outputs, summed over the attributes. Images are compared across replicas too."""
        pairs = self.condition.by_attribute(tf.cast(outputs[1], tf.float32), labels)
        vectors = tf.split(tf.cast(outputs[2], tf.float32), len(pairs), axis=1)
        options = {name: getattr(self, name) for name in self.own_arguments[1:]}
        return tf.add_n(
            [
                losses.data_to_data_cross_entropy(
                    tf.gather(cosines, own, batch_dims=1),
                    rows,
                    own,
                    others=(_replicas.all_rows(rows), _replicas.all_rows(own)),
                    **options,
                )
                for (cosines, own), rows in zip(pairs, vectors, strict=True)
            ]
        )
