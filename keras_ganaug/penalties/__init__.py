"""Regularisers: each a function of the discriminator and of the batch.

A penalty is called as `penalty(discriminator, batch)`. `discriminator(images, labels)` gives one logit for each of the
float32 images of shape (batch, height, width, channels). `batch` is a `PenaltyBatch`. The result is a float32 scalar that is
added to the loss of the player that is trained: the discriminator's, unless `players` says otherwise.
"""

import warnings
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, losses
from keras_ganaug._replicas import over_replicas
from keras_ganaug._state import Stateful, add_state


class PenaltyBatch(NamedTuple):
    """What a penalty looks at."""

    real: Any
    """Real images as the discriminator sees them, float32 (batch, height, width, channels)."""
    fake: Any
    """Generated images, likewise."""
    labels: Any
    """int32 class indices (batch,), or None."""
    seed: Any
    """int32 seed (2,)."""
    judge_real: Any = None
    """Maps labels to the logits of the real images under them. It reuses what is known of the images, so it has no gradient
    with respect to them."""
    judge_fake: Any = None
    """Likewise for the generated images; in the generator's step there is a gradient with respect to its weights."""
    real_logits: Any = None
    """The logits of the real images."""
    fake_logits: Any = None
    """The logits of the generated images."""
    player: str = "d"
    """The player that is trained, "d" or "g"."""
    network: Any = None
    """Its network."""
    step: Any = None
    """Training steps made so far, an int64 scalar."""


def squared_gradient_norms(discriminator, images, labels):
    """‖∇D(x)‖² of each image, float32 of shape (batch,)."""
    images = tf.cast(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        # The sum's gradient with respect to one image is that image's own gradient: logits do not mix.
        logits = tf.reduce_sum(tf.cast(discriminator(images, labels), tf.float32))
    gradients = tf.cast(tape.gradient(logits, images), tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])


def _batch_norms(network):
    """The layers of a network that normalise by the moments of a batch, those of nested models included."""
    layers = [] if network is None else network._flatten_layers()
    kinds = keras.layers.BatchNormalization
    layers = [layer for layer in layers if isinstance(layer, kinds) or "BatchNorm" in type(layer).__name__]
    return [layer for layer in layers if layer.trainable or not isinstance(layer, kinds)]  # Keras's own rest if frozen


class Penalty:
    """Base class: a weight, how often the penalty is computed, and its `value`, which a subclass defines.

    Args:
        weight: The factor in front of the value, at least 0.
        interval: Lazy regularisation (Karras et al. 2020, StyleGAN2): the value is computed in every `interval`-th training
            step alone, with `interval` times the weight. Defaults to 1.
    """

    players = ("d",)
    """Whose loss it is added to."""

    def __init__(self, weight, interval=1):
        self.weight = _checks.non_negative(weight, "weight")
        self.interval = _checks.positive_int(interval, "interval")

    def __call__(self, discriminator, batch):
        if self.interval == 1 or batch.step is None:
            return self.weight * self.value(discriminator, batch)
        due = tf.equal(batch.step % self.interval, 0)
        if tf.distribute.get_strategy().num_replicas_in_sync > 1 and _batch_norms(batch.network):
            # Replicas cannot exchange moments within a branch, so the value is computed in every step.
            return tf.where(due, self.weight * self.interval, 0.0) * self.value(discriminator, batch)
        return tf.cond(
            due,
            lambda: self.weight * self.interval * self.value(discriminator, batch),
            lambda: tf.constant(0.0),
        )

    def value(self, discriminator, batch):
        """The penalty without its weight, a float32 scalar."""
        raise NotImplementedError

    def after_update(self, network):
        """Called after each update of a player's network, one of `players`."""

    def check(self, gan):
        """Called by `compile`: warns of what does not go together, or raises a ValueError."""

    def get_config(self):
        return {"weight": self.weight, "interval": self.interval}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class ImageGradientPenalty(Penalty):
    """Base class of penalties on the gradient of the logit at single images, which batch normalisation mixes."""

    def check(self, gan):
        batch_norms = _batch_norms(gan.discriminator)
        if batch_norms:
            warnings.warn(
                f"{type(self).__name__} is about the gradient at each image, which batch normalisation in the discriminator "
                f"mixes with that of the others: take another normalisation, or none. Received: {len(batch_norms)} such "
                "layers",
                stacklevel=3,
            )


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GradientPenalty(ImageGradientPenalty):
    """λ E(‖∇D(x̂)‖ - 1)², x̂ between a real and a fake image (WGAN-GP, Gulrajani et al. 2017).

    The position between the two is uniform and drawn per sample.

    Args:
        weight: λ. Defaults to 10.
        interval: As of every penalty. Defaults to 1.
    """

    def __init__(self, weight=10.0, interval=1):
        super().__init__(weight, interval)

    def value(self, discriminator, batch):
        real, fake = tf.cast(batch.real, tf.float32), tf.cast(batch.fake, tf.float32)
        position = _random.uniform([tf.shape(real)[0], 1, 1, 1], batch.seed)
        between = real + position * (fake - real)
        norms = tf.sqrt(squared_gradient_norms(discriminator, between, batch.labels) + 1e-12)
        return tf.reduce_mean(tf.square(norms - 1.0))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R1(ImageGradientPenalty):
    """γ/2 E‖∇D(x)‖² on real images (Mescheder et al. 2018).

    Args:
        weight: γ. Defaults to 10.
        interval: As of every penalty; StyleGAN2 takes 16. Defaults to 1.
    """

    def __init__(self, weight=10.0, interval=1):
        super().__init__(weight, interval)

    def value(self, discriminator, batch):
        return 0.5 * tf.reduce_mean(squared_gradient_norms(discriminator, batch.real, batch.labels))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R2(R1):
    """γ/2 E‖∇D(x)‖² on generated images (Mescheder et al. 2018).

    Args:
        weight: γ. Defaults to 10.
        interval: As of every penalty. Defaults to 1.
    """

    def value(self, discriminator, batch):
        return super().value(discriminator, batch._replace(real=batch.fake))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Drift(Penalty):
    """ε E D(x)² on real images: keeps a Wasserstein critic's output near 0 (Karras et al. 2018, appendix A.1).

    Args:
        weight: ε. Defaults to 0.001.
        interval: As of every penalty. Defaults to 1.
    """

    def __init__(self, weight=1e-3, interval=1):
        super().__init__(weight, interval)

    def value(self, discriminator, batch):
        logits = discriminator(batch.real, batch.labels) if batch.real_logits is None else batch.real_logits
        return tf.reduce_mean(tf.square(tf.cast(logits, tf.float32)))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LeCam(Stateful, Penalty):
    """λ (E(D(x) - α_F)² + E(D(G(z)) - α_R)²), α_R and α_F running means of the real and the fake logits.

    It keeps the logits of real images near those of fakes and so the discriminator from learning few images by heart.

    Reference: Tseng et al. 2021, Regularizing Generative Adversarial Networks under Limited Data.

    Args:
        weight: λ. Defaults to 0.3.
        decay: Decay of the running means, in [0, 1]. Defaults to 0.99.
        interval: As of every penalty. Defaults to 1.
    """

    def __init__(self, weight=0.3, decay=0.99, interval=1):
        super().__init__(weight, interval)
        self.decay = _checks.fraction(decay, "decay")

    def make_state(self, networks):
        self.real_mean, self.fake_mean = (add_state(self.state, name) for name in ("real_mean", "fake_mean"))

    def __call__(self, discriminator, batch):
        # The means see every step, also where the value is not due.
        news = over_replicas([tf.reduce_mean(tf.cast(x, tf.float32)) for x in (batch.real_logits, batch.fake_logits)])
        for mean, new in zip((self.real_mean, self.fake_mean), news, strict=True):
            old = tf.convert_to_tensor(_compat.tf_variable(mean))
            mean.assign(self.decay * old + (1.0 - self.decay) * new)
        return super().__call__(discriminator, batch)

    def value(self, discriminator, batch):
        real_mean, fake_mean = (tf.convert_to_tensor(_compat.tf_variable(m)) for m in (self.real_mean, self.fake_mean))
        real, fake = (tf.cast(logits, tf.float32) for logits in (batch.real_logits, batch.fake_logits))
        return tf.reduce_mean(tf.square(real - fake_mean)) + tf.reduce_mean(tf.square(fake - real_mean))

    def get_config(self):
        return {**super().get_config(), "decay": self.decay}


@keras.saving.register_keras_serializable(package="keras_ganaug")
class WeightClipping(Penalty):
    """Clips every weight of the critic to [-c, c] after each of its updates (WGAN, Arjovsky et al. 2017).

    A constraint rather than a penalty: it adds nothing to the loss.

    Args:
        limit: c. Defaults to 0.01.
    """

    def __init__(self, limit=0.01):
        super().__init__(0.0)
        self.limit = _checks.positive(limit, "limit")

    def __call__(self, discriminator, batch):
        return tf.constant(0.0)

    def after_update(self, network):
        variables = [_compat.tf_variable(weight) for weight in network.trainable_variables]
        _compat.assign_all(variables, [tf.clip_by_value(v, -self.limit, self.limit) for v in variables])

    def get_config(self):
        return {"limit": self.limit}


@keras.saving.register_keras_serializable(package="keras_ganaug")
class HistoricalAveraging(Stateful, Penalty):
    """λ ‖θ - θ̄‖², θ̄ the mean of a player's weights over all updates so far; both players have their own.

    It damps the two players' circling about each other (fictitious play).

    Reference: Salimans et al. 2016, Improved Techniques for Training GANs, section 3.3.

    Args:
        weight: λ. Defaults to 1.
        interval: As of every penalty. Defaults to 1.
    """

    players = ("d", "g")

    def __init__(self, weight=1.0, interval=1):
        super().__init__(weight, interval)

    def make_state(self, networks):
        self._histories = {}
        for player in self.players:
            weights = networks[player].trainable_variables
            means = [add_state(self.state, f"{player}_{n}", weight.shape) for n, weight in enumerate(weights)]
            self._histories[id(networks[player])] = (add_state(self.state, f"{player}_count", dtype="int64"), means)

    def _history(self, network):
        """How many updates there were, the mean weights, and the weights, as `tf.Variable`s."""
        count, means = self._histories[id(network)]
        weights = [_compat.tf_variable(weight) for weight in network.trainable_variables]
        return _compat.tf_variable(count), [_compat.tf_variable(mean) for mean in means], weights

    def value(self, discriminator, batch):
        count, means, weights = self._history(batch.network)
        squares = [tf.reduce_sum(tf.square(tf.cast(w, tf.float32) - m)) for w, m in zip(weights, means, strict=True)]
        return tf.where(count > 0, tf.add_n(squares), 0.0)  # before the first update there is no history

    def after_update(self, network):
        count, means, weights = self._history(network)
        share = 1.0 / tf.cast(count + 1, tf.float32)
        values = [m + share * (tf.cast(w, tf.float32) - m) for w, m in zip(weights, means, strict=True)]
        _compat.assign_all([*means, count], [*values, count + 1])


@keras.saving.register_keras_serializable(package="keras_ganaug")
class MismatchedLabels(Penalty):
    """λ E max(0, m + D(x, y')): a real image with a wrong label counts as fake.

    The discriminator of a conditional GAN has to learn that images of another class are wrong only from what the
    generator gets wrong. Shown real images under a label that is not theirs, it learns so from the start, and the generator
    keeps classes apart that look alike. The wrong label is drawn uniformly from all others.

    In the hinge form above it goes with losses that have a threshold. A Wasserstein critic has none, and would escape by a
    constant; with a `loss` the penalty is that loss between real images under their own and under wrong labels, for
    "wasserstein" λ (E D(x, y') - E D(x, y)). That has no bound and can outgrow the critic's own loss; "relativistic",
    λ E softplus(D(x, y') - D(x, y)), fades as the classes come apart.

    Real images that could be of either class are then penalised under both, and the generator gains by leaving them out,
    even where its samples are as real ones. `fake_weight` takes that away: generated images under wrong labels count the
    other way, -λ w E clip(m + D(G(z), y'), 0, 2m), or with a `loss` as the real ones in it, so that for w = 1 and samples
    like real images the two cancel. It is what a twin classifier does for ACGAN. While samples are bad it rather keeps the
    discriminator from telling so, and slows the start.

    With a `generator_weight` the generator pays too: its samples are not to pass under labels that are not theirs,
    λ g E max(0, m + D(G(z), y')), or with a `loss` in its terms. It is what ACGAN's generator pays to its classifier. Where
    the discriminator is lenient with what could be of two classes (BEGAN, whose two labels both reconstruct it), samples
    would gather there; with too much weight none is there any more.

    Reference: Reed et al. 2016, Generative Adversarial Text to Image Synthesis (the matching-aware discriminator); Gong et
    al. 2019, Twin Auxiliary Classifiers GAN (what generated images say of the classes).

    Args:
        num_classes: Number of classes, at least 2.
        weight: λ. Defaults to 1.
        interval: As of every penalty. Defaults to 1.
        loss: Name of an adversarial loss, or such an object, for a penalty in its terms; None is the hinge form above.
            Defaults to None.
        margin: m of the hinge form, above 0. Where D is not a logit but -ℓ, a reconstruction loss (BEGAN), it is the ℓ from
            which on an image under a wrong label is let go. Defaults to 1.
        fake_weight: w, at least 0. Defaults to 0: real images alone.
        generator_weight: g, at least 0. Defaults to 0: the discriminator alone.
    """

    def __init__(self, num_classes, weight=1.0, interval=1, loss=None, margin=1.0, fake_weight=0.0, generator_weight=0.0):
        super().__init__(weight, interval)
        self.fake_weight = _checks.non_negative(fake_weight, "fake_weight")
        self.generator_weight = _checks.non_negative(generator_weight, "generator_weight")
        self.players = ("d", "g") if self.generator_weight else ("d",)
        self.margin = _checks.positive(margin, "margin")
        self.num_classes = _checks.positive_int(num_classes, "num_classes")
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes!r}")
        self.loss = None if loss is None else losses.get(loss)

    def check(self, gan):
        if gan.num_classes is None or not gan.logits_see_labels:
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

    def value(self, discriminator, batch):
        judge_real = batch.judge_real or (lambda labels: discriminator(batch.real, labels))
        judge_fake = batch.judge_fake or (lambda labels: discriminator(batch.fake, labels))
        if batch.player == "g":
            return self.generator_weight * self._not_to_pass(judge_fake, batch.fake_logits, batch.labels, batch.seed)
        value = self._not_to_pass(judge_real, batch.real_logits, batch.labels, batch.seed)
        if self.fake_weight:
            seed = _random.fold(batch.seed, 1)
            value += self.fake_weight * self._to_pass(judge_fake, batch.fake_logits, batch.labels, seed)
        return value

    def _wrong_logits(self, judge, labels, seed):
        shift = _random.integers(tf.shape(labels), seed, 1, self.num_classes)
        return tf.cast(judge((labels + shift) % self.num_classes), tf.float32)

    def _not_to_pass(self, judge, logits, labels, seed):
        wrong = self._wrong_logits(judge, labels, seed)
        if self.loss is None:
            return tf.reduce_mean(tf.nn.relu(self.margin + wrong))
        return self.loss.discriminator(tf.cast(judge(labels) if logits is None else logits, tf.float32), wrong)

    def _to_pass(self, judge, logits, labels, seed):
        wrong = self._wrong_logits(judge, labels, seed)
        if self.loss is None:
            return -tf.reduce_mean(tf.clip_by_value(self.margin + wrong, 0.0, 2.0 * self.margin))
        return self.loss.discriminator(wrong, tf.cast(judge(labels) if logits is None else logits, tf.float32))

    def get_config(self):
        loss = None if self.loss is None else keras.saving.serialize_keras_object(self.loss)
        own = {name: getattr(self, name) for name in ("num_classes", "margin", "fake_weight", "generator_weight")}
        return {**super().get_config(), **own, "loss": loss}

    @classmethod
    def from_config(cls, config):
        loss = config.get("loss")
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(loss) if isinstance(loss, dict) else loss})


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ClassDiversity(Penalty):
    """λ max(0, E|x - x'| - E|G(z) - G(z')|): samples of a class are to differ as real images of it do.

    Added to the generator's loss. The means are over pixels and over pairs within the batch that have one label, each image
    with the next of its class; without classes, over all neighbours. A generator that draws one garment of each kind pays
    for it, and one whose samples differ enough pays nothing. It is for GANs that lose variety (BEGAN, whose generator gains
    by plain samples); with too much weight samples differ by textures that no image has.

    Reference: Yang et al. 2019, Diversity-Sensitive Conditional Generative Adversarial Networks, where the distances of
    samples are relative to those of their latents, and the bound is a constant.

    Args:
        weight: λ. Defaults to 0.15.
        interval: As of every penalty. Defaults to 1.
    """

    players = ("g",)

    def __init__(self, weight=0.15, interval=1):
        super().__init__(weight, interval)

    def value(self, discriminator, batch):
        if batch.labels is None:
            order, pairs = tf.range(tf.shape(batch.real)[0]), 1.0
        else:
            order = tf.argsort(batch.labels, stable=True)
            labels = tf.gather(batch.labels, order)
            pairs = tf.cast(tf.equal(labels[1:], labels[:-1]), tf.float32)

        def spread(images):
            images = tf.gather(tf.cast(images, tf.float32), order)
            return pairs * tf.reduce_mean(tf.abs(images[1:] - images[:-1]), axis=[1, 2, 3])

        lack = spread(batch.real) - spread(batch.fake)
        number = tf.reduce_sum(pairs * tf.ones_like(lack))
        return tf.nn.relu(tf.math.divide_no_nan(tf.reduce_sum(lack), number))
