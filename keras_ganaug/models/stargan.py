"""StarGAN."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, _replicas, _watch, networks
from keras_ganaug.generators.averaged_gan import AveragedTranslator
from keras_ganaug.generators.generator import as_generator, seed_of
from keras_ganaug.models import network_checks, training_watch
from keras_ganaug.models.adversarial_model import AdversarialModel
from keras_ganaug.models.fakes import Fakes, context_of
from keras_ganaug.models.training import Batch
from keras_ganaug.penalties import GradientPenalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class StarGAN(AdversarialModel):
    """Translates images between domains, such as styles, scanners or places. It learns from images with domain labels.

    One generator serves all pairs of domains, and no paired images are needed. A discriminator of patches ensures that a
    translation looks like images of its domain. Translating it back must give the original image, which preserves the
    content. As the generator of `GANAugmentation`, `AugmentedModel` or `gan_augment(engine="live")`, it replaces images of a
    batch by their translations into randomly drawn domains. Their labels, of any kind, do not change. So a classifier sees
    combinations of class and domain that nobody photographed.

    Latents make different translations of the same image possible (unlike in the paper). With `domain_loss="projection"`,
    the default, the discriminator gets the domain through a projection at each patch, with the hinge loss. "classification"
    is the paper's version: the discriminator predicts the domain, with the loss of WGAN-GP and five discriminator updates
    per generator update.

    References: Choi et al. 2018, StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
    Translation; Miyato and Koyama 2018, cGANs with Projection Discriminator.

    Args:
        num_classes: Number of domains, or a mapping from the name of each attribute to its number of values.
        latent_dim: Length of the latents that make translations differ. Defaults to 8.
        generator: A Keras model from `[images, latents, labels]` to images, all in [-1, 1]. Latents are float32 (batch,
            latent_dim), labels int32 (batch,), or (batch, k) for k attributes. Defaults to `networks.translation.generator`.
        discriminator: A Keras model from `[images, labels]` to a logit for each patch, and with "classification" also the
            logits of the domains. Defaults to `networks.translation.discriminator`.
        cycle_weight: Weight of mean|x - G(G(x, c'), c)|, at least 0. Defaults to 4; the paper's is 10.
        identity_weight: Weight of mean|x - G(x, c)|, at least 0. The paper does not have this term. Defaults to 1.
        domain_loss: "projection" or "classification". Defaults to "projection".

    Raises:
        ValueError, TypeError: For an argument out of its range, or networks that do not fit the shapes.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images, domains = np.random.randint(0, 256, [32, 8, 8, 1], "uint8"), np.arange(32) % 2
    >>> gan = kga.StarGAN(image_shape=(8, 8, 1), num_classes=2, width=8, seed=1)
    >>> gan.compile()
    >>> history = gan.fit(images, domains, batch_size=16, epochs=1, verbose=0)
    >>> gan.translate(images[:3], [1, 0, 1], seed=7).shape
    (3, 8, 8, 1)
    >>> augment = kga.gan_augment(gan, fraction=0.5, engine="live", attributes=[1, 3])  # domain 1 three times as often
    """

    metric_names = ("d_loss", "g_loss", "cycle_loss")
    own_arguments = ("latent_dim", "cycle_weight", "identity_weight", "domain_loss")
    logits_depend_on_labels = True
    generator_words = "images, and latents"
    outputs_with_logits: int | None = None

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int | dict[str, int],
        latent_dim: int = 8,
        value_range: tuple[float, float] = (0, 255),
        generator: keras.Model | None = None,
        discriminator: keras.Model | None = None,
        seed: int | None = None,
        width: int = 32,
        cycle_weight: float = 4.0,
        identity_weight: float = 1.0,
        domain_loss: str = "projection",
        **kwargs: Any,
    ):
        given = {"generator": generator, "discriminator": discriminator}
        network_checks.check_are_models(given)
        latent_dim = _checks.positive_int(latent_dim, "latent_dim")
        weights = {"cycle_weight": cycle_weight, "identity_weight": identity_weight}
        weights = {name: _checks.non_negative(weight, name) for name, weight in weights.items()}
        _checks.one_of(domain_loss, ("projection", "classification"), "domain_loss")
        if num_classes is None:
            raise ValueError("`num_classes` must be the number of domains. Received: num_classes=None")
        super().__init__(image_shape, num_classes, value_range, seed, width, **kwargs)
        self.latent_dim, self.domain_loss = latent_dim, domain_loss
        self.cycle_weight, self.identity_weight = weights["cycle_weight"], weights["identity_weight"]
        self.logits_depend_on_labels = domain_loss == "projection"
        network_checks.make(self, given)
        with _compat.dtype_policy(self.generator.dtype_policy):
            self.made(self.generator, self.generator_inputs(tf.zeros([2, latent_dim]), self.condition.zeros(2)))
        self.ema_generator = self.average.network
        self.averaged = AveragedTranslator(self)

    # Methods that a variant may override.

    def paper_settings(self):
        settings = super().paper_settings()
        if self.domain_loss == "classification":
            adam = {name: keras.optimizers.Adam(1e-4, beta_1=0.5) for name in ("g_optimizer", "d_optimizer")}
            return {**settings, **adam, "loss": "wasserstein", "penalties": [GradientPenalty()], "d_steps": 5}
        adam = {"g_optimizer": keras.optimizers.Adam(5e-4, 0.5, 0.99), "d_optimizer": keras.optimizers.Adam(1e-3, 0.5, 0.99)}
        return {**settings, **adam, "loss": "hinge"}

    def build_generator(self) -> keras.Model:
        """Builds the default generator."""
        arguments = {**self._network_arguments, "seed": self.derived_seed(0), "latent_dim": self.latent_dim}
        return networks.translation.generator(**arguments)

    def build_discriminator(self) -> keras.Model:
        """Builds the default discriminator."""
        label_use = "project" if self.domain_loss == "projection" else "classify"
        return networks.translation.discriminator(**self._network_arguments, seed=self.derived_seed(1), label_use=label_use)

    @property
    def _network_arguments(self):
        return {name: getattr(self, name) for name in ("image_shape", "num_classes", "width")}

    def sample_latents(self, num_images: Any, seed: Any) -> tf.Tensor:
        """Draws latents from the prior: float32 of shape (num_images, latent_dim)."""
        return _random.normal([num_images, self.latent_dim], seed)

    def generator_inputs(self, latents: tf.Tensor, labels: Any, images: Any = None) -> Any:
        """The generator's inputs: images (all 0 if they are None), latents and labels."""
        images = tf.zeros([latents.shape[0], *self.image_shape]) if images is None else images
        return [images, latents, labels]

    def discriminator_inputs(self, images: tf.Tensor, labels: Any) -> Any:
        """The discriminator's inputs."""
        return [images, labels]

    def logits_of(self, outputs: Any) -> Any:
        """Extracts the logits from the discriminator's outputs."""
        return outputs if self.domain_loss == "projection" else outputs[0]

    def expected_outputs(self) -> tuple[str, list]:
        """The expected outputs of the discriminator, in words and as alternative shapes for one image. None is any size."""
        alternatives: list[tuple] = [(None, None, 1), (1,), ()]
        if self.domain_loss == "projection":
            return "a logit for each patch", [[shape] for shape in alternatives]
        domains = (sum(self.condition.sizes),)
        return "a logit for each patch and the logits of the domains", [[shape, domains] for shape in alternatives]

    # The losses of the players.

    def d_loss(self, batch: Batch) -> tf.Tensor:
        """The discriminator's loss, including penalties."""
        fakes, domains = self.fakes(batch)
        context = context_of(self, "d", batch, fakes._replace(images=tf.stop_gradient(fakes.images)), domains)
        real, fake = context.real.outputs(), context.fake.outputs()
        for name, value in self.training_state.augment.observe(self.logits_of(real)).items():
            self.report(name, value)
        loss = self.adversarial_loss.discriminator(self.logits_of(real), self.logits_of(fake))
        if self.domain_loss == "classification":
            loss += self.condition.cross_entropy(real[1], batch.labels)
        return loss + self.training_state.penalty(context)

    def g_loss(self, batch: Batch) -> tf.Tensor:
        """The generator's loss: adversarial, cycle and identity loss, including penalties."""
        fakes, domains = self.fakes(batch)
        context = context_of(self, "g", batch, fakes, domains)
        fake = context.fake.outputs()
        real = self.logits_of(context.real.outputs()) if self.adversarial_loss.relativistic else None
        loss = self.adversarial_loss.generator(real, self.logits_of(fake))
        if self.domain_loss == "classification":
            loss += self.condition.cross_entropy(fake[1], domains)
        back = self._translated(fakes.images, fakes.draw(_random.fold(batch.seed, 5)), batch.labels)
        cycle = tf.reduce_mean(tf.abs(batch.images - back))
        self.report("cycle_loss", cycle)
        loss += self.cycle_weight * cycle
        if self.identity_weight:
            same = self._translated(batch.images, fakes.draw(_random.fold(batch.seed, 6)), batch.labels)
            loss += self.identity_weight * tf.reduce_mean(tf.abs(batch.images - same))
        return loss + self.training_state.penalty(context)

    def _translated(self, images, latents, labels):
        outputs = self.generator(self.generator_inputs(latents, labels, images), training=True)
        return tf.cast(outputs, tf.float32)

    def fakes(self, batch: Batch) -> tuple[Fakes, tf.Tensor]:
        """Translates the real images into the domains of the batch in a random order. Returns the images and the domains."""
        number = tf.shape(batch.images)[0]
        labels = _replicas.all_rows(batch.labels)
        order = _random.permutation(tf.shape(labels)[0], _random.fold(batch.seed, 4))
        domains = _replicas.own_rows(tf.gather(labels, order))

        def draw(seed):
            return self.sample_latents(number, seed)

        def synthesize(latents):
            return self._translated(batch.images, latents, domains)

        latents = draw(_random.fold(batch.seed, 0))
        return Fakes(synthesize(latents), latents, synthesize, draw), domains

    def discriminate(self, images: tf.Tensor) -> Any:
        """A function from labels to the discriminator's outputs for these images with these labels."""
        return networks.common.discriminate(self.discriminator, images, self.discriminator_inputs)

    # Sampling and export.

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Images in [-1, 1] from `[images, latents, labels]`, computed with the averaged weights."""
        return self.ema_generator(inputs, training=False)

    def synthesize(self, images: tf.Tensor, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Translations of images in [-1, 1], computed with the averaged weights."""
        inputs = self.generator_inputs(latents, labels, images)
        return tf.cast(self.ema_generator(inputs, training=False), tf.float32)

    def translate(self, images: Any, domains: Any, seed: Any = None) -> np.ndarray:
        """Translates images with the generator's averaged weights.

        Args:
            images: Array of shape (n, height, width, channels) and any real dtype, with values in `value_range`.
            domains: The target domain of each image: n indices or names, or one for all images. With several attributes, a
                mapping from attribute name to such values, or integers (n, k).
            seed: Integer (or pair of integers). The same seed gives the same translations. Defaults to None: different ones
                in each call.

        Returns a float32 NumPy array with the shape of `images` and values in `value_range`.

        Raises:
            ValueError, TypeError: For images or domains that do not fit, or images that are not finite.

        Warns once about each domain without an image in training, and about images that seem to be on another scale.
        """
        images = _checks.array(images, "images")
        _checks.images_shape(images.shape, self.image_shape)
        if not np.isfinite(images).all():
            raise ValueError("`images` must be finite. Received: NaN or infinite values")
        _watch.ScaleWatch(self.value_range, "construct the StarGAN").look(images)
        single = not isinstance(domains, dict) and np.ndim(domains) == 0 and not self.condition.label_shape
        labels = self.condition.to_generate(np.full([len(images)], domains) if single else domains)
        labels = np.broadcast_to(labels, [len(images), *labels.shape[1:]]) if len(labels) == 1 else labels
        if len(labels) != len(images):
            raise ValueError(f"`domains` must be one for each image. Received: {len(labels)} for {len(images)} images")
        training_watch.warn_of_generated(self, labels)
        return self.averaged.translations(images, labels, seed_of(seed))

    def export(self, path: Any, format: str = "saved_model") -> None:
        """Exports the generator as a SavedModel that needs only TensorFlow, or as an ONNX or LiteRT file.

        `tf.saved_model.load(path).translate(images, labels, seed)` returns float32 images in `value_range`. It takes such
        images, int32 labels with their target domains, of shape (n,) or (n, k) for k attributes, and an int32 seed of shape
        (2,). The signature `serving_default` does the same and names its output `images`. ONNX and LiteRT files, like the
        signature `from_latents`, take `latents` of shape (n, latent_dim), standard normal numbers, instead of a seed. They
        name their output `translations`.

        Args:
            path, format: See `GAN.export`.

        Raises:
            ValueError, TypeError, ImportError: See `GAN.export`.
        """
        self.averaged.export(path, format)

    @property
    def sampling_variables(self) -> list:
        """The `tf.Variable`s that translations depend on."""
        return [_compat.tf_variable(weight) for weight in self.ema_generator.weights]


@as_generator.register
def _(generator: StarGAN, num_classes: int | None = None) -> AveragedTranslator:
    return generator.averaged
