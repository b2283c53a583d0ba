"""Penalties on how the discriminator uses labels."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _random, conditions, losses
from keras_ganaug.penalties.penalty import Penalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MismatchedLabels(Penalty):
    """λ E max(0, m + D(x, y')): a real image with a wrong label counts as fake.

    The discriminator learns from the start that images of another class are wrong, and not only from the generator's
    mistakes. The generator then keeps similar classes apart. The wrong label is drawn uniformly from all other labels. With
    several attributes, one of them is wrong.

    The hinge form above needs a loss with a threshold. A Wasserstein critic has none, and would evade the penalty by a
    constant. With a `loss`, the penalty is that loss between real images with their own and with wrong labels. For
    "wasserstein" it is λ (E D(x, y') - E D(x, y)), which has no bound and can outgrow the critic's own loss. For
    "relativistic" it is λ E softplus(D(x, y') - D(x, y)), which vanishes as the classes separate.

    Real images that could belong to either class are penalised with both labels, so the generator gains by leaving them out.
    `fake_weight` compensates for this: generated images with wrong labels count in the opposite direction, -λ w E clip(m +
    D(G(z), y'), 0, 2m), or with a `loss` like the real ones in it. For w = 1 and samples that match real images the two
    terms cancel, as with TACGAN's twin classifier. While samples are bad, it slows the discriminator down.

    With a `generator_weight`, the generator is penalised for samples that look real with wrong labels, λ g E max(0, m +
    D(G(z), y')), or the same in terms of a `loss`, as ACGAN's generator is by its classifier. Otherwise samples gather where
    the discriminator accepts images that could belong to two classes (in BEGAN, where it reconstructs them with both
    labels). If the weight is too large, such images are missing.

    Reference: Reed et al. 2016, Generative Adversarial Text to Image Synthesis (the matching-aware discriminator); Gong et
    al. 2019, Twin Auxiliary Classifiers GAN (using generated images to learn classes).

    Args:
        num_classes: Number of classes, at least 2; with several attributes, a mapping from their names to numbers.
        weight: λ. Defaults to 1.
        loss: An adversarial loss, or its name, that defines the penalty. Defaults to None: the hinge form above.
        margin: m of the hinge form, above 0. If D is not a logit but -ℓ, a reconstruction loss (BEGAN), it is the ℓ above
            which images with a wrong label are not penalised. Defaults to 1.
        fake_weight: w, at least 0. Defaults to 0: only real images.
        generator_weight: g, at least 0. Defaults to 0: only the discriminator.
    """

    def __init__(
        self,
        num_classes: int | Mapping[str, int],
        weight: float = 1.0,
        interval: int = 1,
        loss: Any = None,
        margin: float = 1.0,
        fake_weight: float = 0.0,
        generator_weight: float = 0.0,
    ):
        super().__init__(weight, interval)
        self.fake_weight = _checks.non_negative(fake_weight, "fake_weight")
        self.generator_weight = _checks.non_negative(generator_weight, "generator_weight")
        self.players = ("d", "g") if self.generator_weight else ("d",)
        self.margin = _checks.positive(margin, "margin")
        condition = conditions.of(num_classes)
        if max(condition.sizes, default=0) < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes!r}")
        self.num_classes = condition.num_classes
        self.loss = None if loss is None else losses.get(loss)

    def check(self, gan):
        if gan.num_classes is None or not gan.logits_depend_on_labels:
            why = "has no classes" if gan.num_classes is None else "learns the classes by a head of its own"
            raise ValueError(
                "MismatchedLabels in `penalties` needs a discriminator whose logit depends on the label. "
                f"Received: a {type(gan).__name__}, which {why}"
            )
        if gan.num_classes != self.num_classes:
            raise ValueError(
                f"`num_classes` of MismatchedLabels must be that of the GAN, {gan.num_classes}. "
                f"Received: num_classes={self.num_classes}"
            )

    def value(self, context):
        if context.player == "g":
            return self.generator_weight * self._counts_as_fake(context.fake, self._wrong(context, context.seed))
        value = self._counts_as_fake(context.real, self._wrong(context, context.seed))
        if self.fake_weight:
            wrong = self._wrong(context, _random.fold(context.seed, 1))
            value += self.fake_weight * self._counts_as_real(context.fake, wrong)
        return value

    def _wrong(self, context, seed):
        return context.condition.mismatch(context.labels, seed)

    def _counts_as_fake(self, view, labels):
        if self.loss is None:
            return tf.reduce_mean(tf.nn.relu(self.margin + view.logits(labels)))
        return self.loss.discriminator(view.logits(), view.logits(labels))

    def _counts_as_real(self, view, labels):
        if self.loss is None:
            return -tf.reduce_mean(tf.clip_by_value(self.margin + view.logits(labels), 0.0, 2.0 * self.margin))
        return self.loss.discriminator(view.logits(labels), view.logits())

    def get_config(self):
        loss = None if self.loss is None else keras.saving.serialize_keras_object(self.loss.given)
        return {**super().get_config(), "loss": loss}
