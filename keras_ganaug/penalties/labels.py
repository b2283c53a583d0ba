"""Penalties on what the discriminator makes of labels."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _random, conditions, losses
from keras_ganaug.penalties.penalty import Penalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MismatchedLabels(Penalty):
    """λ E max(0, m + D(x, y')): a real image with a wrong label counts as fake.

    The discriminator learns from the start that images of another class are wrong, not only from what the generator gets
    wrong, and the generator keeps classes apart that look alike. The wrong label is drawn uniformly from all others; of
    several attributes one is wrong.

    The hinge form above needs a loss with a threshold. A Wasserstein critic has none, and would escape by a constant. With a
    `loss` the penalty is that loss between real images under their own and under wrong labels: for "wasserstein"
    λ (E D(x, y') - E D(x, y)), which has no bound and can outgrow the critic's own loss; for "relativistic"
    λ E softplus(D(x, y') - D(x, y)), which fades as the classes come apart.

    Real images that could be of either class are penalised under both, and the generator gains by leaving them out.
    `fake_weight` takes that away: generated images under wrong labels count the other way, -λ w E clip(m + D(G(z), y'), 0,
    2m), or with a `loss` as the real ones in it. For w = 1 and samples like real images the two cancel, as with ACGAN's twin
    classifier. While samples are bad it slows the discriminator.

    With a `generator_weight` the generator pays for samples that pass under wrong labels, λ g E max(0, m + D(G(z), y')), or
    with a `loss` in its terms, as ACGAN's generator pays to its classifier. Samples else gather where the discriminator is
    lenient with what could be of two classes (BEGAN, whose two labels both reconstruct it); with too much weight there are
    none.

    Reference: Reed et al. 2016, Generative Adversarial Text to Image Synthesis (the matching-aware discriminator); Gong et
    al. 2019, Twin Auxiliary Classifiers GAN (what generated images say of the classes).

    Args:
        num_classes: Number of classes, at least 2; of several attributes a mapping from their names to numbers.
        weight: λ. Defaults to 1.
        loss: Name of an adversarial loss, or such an object, for a penalty in its terms; None is the hinge form above.
            Defaults to None.
        margin: m of the hinge form, above 0. Where D is not a logit but -ℓ, a reconstruction loss (BEGAN), it is the ℓ from
            which on an image under a wrong label is let go. Defaults to 1.
        fake_weight: w, at least 0. Defaults to 0: real images alone.
        generator_weight: g, at least 0. Defaults to 0: the discriminator alone.
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
