"""The base class of GANs with a generator and a discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, networks
from keras_ganaug.generators.averaged_gan import AveragedGAN
from keras_ganaug.generators.generator import as_generator, seed_of
from keras_ganaug.models import network_checks, training_watch, transfer
from keras_ganaug.models.adversarial_model import AdversarialModel
from keras_ganaug.models.fakes import Fakes, context_of
from keras_ganaug.models.training import Batch
from keras_ganaug.penalties.context import Context


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GAN(AdversarialModel):
    """A generative adversarial network: a generator and a discriminator that learn from each other.

    This is the base class of the package's GANs. On its own it is the GAN of the paper, with the non-saturating loss of its
    section 3 and DCGAN's networks. A subclass overrides what its paper changes: `paper_settings`, the networks, the losses.
    For an additional player in `player_networks`, add a method `build_NAME` that builds its network, or a constructor
    argument NAME.

    Reference: Goodfellow et al. 2014, Generative Adversarial Networks; Adam settings of Radford et al. 2016 (DCGAN).

    Args:
        latent_dim: Length of the latent vector. Defaults to that of `generator`, otherwise to 128.
        generator: A Keras model from `[latents, labels]` (`latents` alone without classes) to images in [-1, 1]. Latents are
            float32 (batch, latent_dim), labels int32 (batch,), or (batch, k) for k attributes. Defaults to the family's own.
        discriminator: A Keras model from `[images, labels]` (`images` alone without classes) to one logit each. Defaults to
            the family's own.

    Raises:
        ValueError, TypeError: For an argument out of its range, or networks that do not fit the shapes.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images = np.random.randint(0, 256, [32, 8, 8, 1], "uint8")
    >>> gan = kga.GAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> gan.compile()
    >>> history = gan.fit(images, np.arange(32) % 2, batch_size=16, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss']
    >>> gan.generate([0, 1, 1], seed=7).shape
    (3, 8, 8, 1)
    """

    default_latent_dim = 128
    generator_words = "latents"
    """Name of the generator's inputs other than labels, for errors."""
    logits_depend_on_labels = True
    """Whether the logit of an image depends on its label, if there are classes."""
    outputs_with_logits: int | None = None
    """How many of the discriminator's outputs, from the first, are logits of any size. None for all."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int | dict[str, int] | None = None,
        latent_dim: int | None = None,
        value_range: tuple[float, float] = (0, 255),
        generator: keras.Model | None = None,
        discriminator: keras.Model | None = None,
        seed: int | None = None,
        width: int = 32,
        **kwargs: Any,
    ):
        given = {"generator": generator, "discriminator": discriminator}
        given |= {name: kwargs.pop(name, None) for name in self.player_networks.values() if name not in given}
        network_checks.check_are_models(given)
        if latent_dim is None:
            latent_dim = network_checks.latent_dim_of(generator) or self.default_latent_dim
        latent_dim = _checks.positive_int(latent_dim, "latent_dim")
        super().__init__(image_shape, num_classes, value_range, seed, width, **kwargs)
        self.latent_dim = latent_dim
        network_checks.make(self, given)
        with _compat.dtype_policy(self.generator.dtype_policy):
            self.made(self.generator, self.generator_inputs(tf.zeros([2, latent_dim]), self.condition.zeros(2)))
        self.ema_generator = self.average.network
        self.averaged = AveragedGAN(self)

    @classmethod
    def from_pretrained(
        cls, path: Any, num_classes: int | dict[str, int] | None = None, seed: int | None = None, class_names: Any = None
    ) -> GAN:
        """A new GAN that starts with the weights of another one, whose classes may be others.

        What the other GAN has learned of images is useful for classes with few images. All weights are copied. Where they
        belong to a class, each new class starts as the mean of the old ones, unless there are as many as before: then each
        keeps the weights of its index. With several attributes, that holds for each of them. Optimizers start anew: call
        `compile`. A `ProgressiveGAN` grows again.

        Args:
            path: A `.keras` file that a GAN of this class wrote, the folder of a run of `fit_for`, or the GAN. It must have
                its class's default networks.
            num_classes: As in the constructor, with the same attributes as before. Defaults to None, for a GAN without
                classes.
            seed: Seed of the further training, see the constructor. Defaults to None: a random one.
            class_names: See the constructor. Defaults to None: with as many classes as before, theirs.

        Raises:
            TypeError: For another kind of model.
            ValueError: For a path without a GAN, networks of one's own, or other attributes than before.

        Example:

        >>> import keras_ganaug as kga
        >>> letters = kga.SNGAN(image_shape=(8, 8, 1), num_classes=26, width=4, seed=1)
        >>> digits = kga.SNGAN.from_pretrained(letters, num_classes=10, seed=1)
        >>> digits.generate([0, 9], seed=1).shape
        (2, 8, 8, 1)
        """
        return transfer.from_pretrained(cls, path, num_classes, seed, class_names)

    # Methods that a variant may override.

    def build_generator(self) -> keras.Model:
        """Builds the default generator."""
        return networks.dcgan.generator(**self.generator_arguments)

    def build_discriminator(self) -> keras.Model:
        """Builds the default discriminator."""
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch")

    def sample_latents(self, num_images: Any, seed: Any) -> tf.Tensor:
        """Draws latents from the prior: float32 of shape (num_images, latent_dim)."""
        return _random.normal([num_images, self.latent_dim], seed)

    def latents_from_normal(self, numbers: tf.Tensor) -> tf.Tensor:
        """Converts standard normal numbers to latents of the prior, with the same shape."""
        return numbers

    def generator_inputs(self, latents: tf.Tensor, labels: Any) -> Any:
        """The generator's inputs: latents, with labels if there are any."""
        return self.condition.inputs(latents, labels)

    def fakes(self, batch: Batch) -> Fakes:
        """Generates one image for each real one, with its label."""
        number = tf.shape(batch.images)[0]

        def draw(seed):
            return self.sample_latents(number, seed)

        def synthesize(latents):
            return tf.cast(self.generator(self.generator_inputs(latents, batch.labels), training=True), tf.float32)

        latents = draw(_random.fold(batch.seed, 0))
        return Fakes(synthesize(latents), latents, synthesize, draw)

    def discriminate(self, images: tf.Tensor) -> Callable:
        """A function from labels to the discriminator's outputs for these images with these labels."""
        return networks.common.discriminate(self.discriminator, images, self.discriminator_inputs)

    def discriminator_inputs(self, images: tf.Tensor, labels: Any) -> Any:
        """The discriminator's inputs: images, with their labels if there are any."""
        return self.condition.inputs(images, labels)

    def logits_of(self, outputs: Any) -> Any:
        """Extracts the logits from the discriminator's outputs."""
        return outputs

    def expected_outputs(self) -> tuple[str, list]:
        """The expected outputs of the discriminator, in words and as alternative lists of shapes for one image."""
        return "one logit each", [[(1,)], [()]]

    def d_objective(self, real: Any, fake: Any, labels: Any) -> Any:
        """The discriminator's loss, given its outputs for real and for generated images."""
        return self.adversarial_loss.discriminator(self.logits_of(real), self.logits_of(fake))

    def g_objective(self, real: Any, fake: Any, labels: Any) -> Any:
        """The generator's loss, in the same way. `real` is None unless the adversarial loss is relativistic."""
        return self.adversarial_loss.generator(None if real is None else self.logits_of(real), self.logits_of(fake))

    def synthesize(self, latents: tf.Tensor, labels: Any, truncation: Any) -> tf.Tensor:
        """Images in [-1, 1] from the averaged weights. Truncation pulls the latents towards their mean."""
        inputs = self.generator_inputs(latents * truncation, labels)
        return tf.cast(self.ema_generator(inputs, training=False), tf.float32)

    # The losses of the players.

    def d_loss(self, batch: Batch) -> tf.Tensor:
        """The discriminator's loss, including penalties."""
        fakes = self.fakes(batch)
        context = self.context("d", batch, fakes._replace(images=tf.stop_gradient(fakes.images)))
        real, fake = context.real.outputs(), context.fake.outputs()
        for name, value in self.training_state.augment.observe(self.logits_of(real)).items():
            self.report(name, value)
        return self.d_objective(real, fake, batch.labels) + self.training_state.penalty(context)

    def g_loss(self, batch: Batch) -> tf.Tensor:
        """The generator's loss, including penalties."""
        context = self.context("g", batch, self.fakes(batch))
        fake = context.fake.outputs()
        real = context.real.outputs() if self.adversarial_loss.relativistic else None
        return self.g_objective(real, fake, batch.labels) + self.training_state.penalty(context)

    def context(self, player: str, batch: Batch, fakes: Fakes) -> Context:
        """The context for the penalties of a player."""
        return context_of(self, player, batch, fakes, batch.labels)

    # Sampling and export.

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Images in [-1, 1] from `[latents, labels]`, computed with the averaged weights."""
        return self.ema_generator(inputs, training=False)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        """Images in `value_range`, as a TensorFlow computation for use in a graph.

        Args:
            labels: int32 tensor of shape (n,), or (n, k) for k attributes. For an unconditional model, only n matters.
            seed: int32 tensor of shape (2,).
            truncation: Float scalar above 0 and at most 1. Defaults to 1.

        Returns float32 images of shape (n, *image_shape).
        """
        return self.averaged.sample(labels, seed, truncation)

    def generate(self, labels: Any, seed: Any = None, truncation: float = 1.0) -> np.ndarray:
        """Generates new images with the generator's averaged weights.

        Args:
            labels: For one class, a sequence of n class indices or names, one for each image, or a mapping from class (name
                or index) to number of images: `{"Coat": 50}`. For several attributes, a mapping from attribute name to such
                a sequence or to one value for all images, or integers (n, k) in the order of the attributes. For an
                unconditional model, the number of images.
            seed: Integer (or pair of integers). The same seed gives the same images. Defaults to None: other images in each
                call, and in each process that loads the GAN.
            truncation: Factor for the latents, above 0 and at most 1. Smaller values give more typical and less diverse
                images. Defaults to 1.

        Returns a float32 NumPy array of shape (n, height, width, channels) with values in `value_range`.

        Raises:
            ValueError: For labels out of range, a name that no class has, labels for an unconditional model, or a number for
                a conditional one. Also if the images are not finite, because the GAN has diverged.

        Warns once about each label, or combination of attributes, without an image in training.
        """
        labels = self.condition.to_generate(labels)
        training_watch.warn_of_generated(self, labels)
        return self.averaged.images(labels, seed_of(seed), _checks.truncation(truncation))

    def export(self, path: Any, format: str = "saved_model") -> None:
        """Exports the generator as a SavedModel that needs only TensorFlow, or as an ONNX or LiteRT file.

        `tf.saved_model.load(path).generate(labels, seed)` returns float32 images in `value_range`. It takes int32 labels of
        shape (n,), or (n, k) for k attributes (for an unconditional model only n matters), and an int32 seed of shape (2,).
        The signature `serving_default` does the same and names its output `images`. Labels out of range raise a TensorFlow
        error, except under XLA.

        The signature `from_latents` takes float32 `latents` of shape (n, latent_dim), standard normal numbers, instead of a
        seed. If the network has noise layers, like StyleGAN's, it also takes standard normal numbers `noise`. ONNX and
        LiteRT files contain only this function: it draws no random numbers and checks no labels. An existing file at `path`
        is replaced once the new one is complete.

        Args:
            path: Folder to write; a file for the other formats. It may be on any file system that TensorFlow knows, such as
                "gs://bucket/generator".
            format: "saved_model"; "onnx", which needs the extra `keras_ganaug[exports]`; or "tflite" for LiteRT. Defaults to
                "saved_model".

        Raises:
            ValueError, TypeError: For a path that cannot be written, weights that are not finite, or a network with
                operations that the format does not support.
            ImportError: If the packages of the extra are not installed, for "onnx".
        """
        self.averaged.export(path, format)

    @property
    def sampling_variables(self) -> list:
        """The `tf.Variable`s that `sample` uses."""
        return [_compat.tf_variable(weight) for weight in self.ema_generator.weights]

    @property
    def generator_arguments(self) -> dict[str, Any]:
        """The arguments for every family's generator."""
        return {**self.discriminator_arguments, "seed": self.derived_seed(0), "latent_dim": self.latent_dim}

    @property
    def discriminator_arguments(self) -> dict[str, Any]:
        """The arguments for every family's discriminator."""
        names = ("image_shape", "num_classes", "width")
        return {**{name: getattr(self, name) for name in names}, "seed": self.derived_seed(1)}


@as_generator.register
def _(generator: GAN, num_classes: int | None = None) -> AveragedGAN:
    return generator.averaged
