"""The contract of generators, one check for each promise of the protocol."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug.augmentation import GANAugmentation, gan_augment
from keras_ganaug.generators.generator import Generator, as_generator
from keras_ganaug.testing import checks
from keras_ganaug.testing.checks import Skipped, eagerly, expect, expect_equal, expect_images, expect_refused

ROWS = 6
SEED = (3, 4)


class GeneratorCase:
    """A generator under test, and labels and images for it."""

    def __init__(self, generator: Any, num_classes: int | Mapping[str, int] | None = None):
        self.generator: Generator = as_generator(generator, num_classes)
        self.name = type(generator).__name__

    @property
    def atol(self) -> float:
        """What floating-point order may change."""
        return 1e-3 * float(np.ptp(self.generator.value_range))

    @functools.cached_property
    def labels(self) -> tf.Tensor:
        """Labels that differ from row to row."""
        condition = self.generator.condition
        made = [np.asarray(self.generator.made_classes)] if len(condition.sizes) == 1 else map(np.arange, condition.sizes)
        columns = [np.resize(values, ROWS) for values in made] or [np.zeros(ROWS, int)]
        return tf.constant(np.stack(columns, 1).reshape(ROWS, *condition.label_shape), tf.int32)

    @functools.cached_property
    def images(self) -> tf.Tensor:
        """Images for a generator that translates."""
        shape, (low, high) = (ROWS, *self.generator.image_shape), self.generator.value_range
        return tf.constant(np.random.default_rng(0).uniform(low, high, shape), tf.float32)

    def sample(self, labels: tf.Tensor, seed: Any = SEED, generator: Any = None) -> tf.Tensor:
        """Samples, or translations of as many images."""
        generator = self.generator if generator is None else generator
        seed = tf.constant(seed, tf.int32) if isinstance(seed, tuple) else seed
        if self.generator.translates:
            return generator.translate(self.images[: labels.shape[0]], labels, seed)
        return generator.sample(labels, seed)


def check_samples(case: GeneratorCase) -> None:
    """Images have the shape that the generator tells, are float32, finite, and in its `value_range`."""
    generator = case.generator
    with eagerly():
        expect_images(case, case.sample(case.labels), ROWS, generator.image_shape, generator.value_range)
        shape = tuple(case.sample(case.labels[:0]).shape)
        expect(shape == (0, *generator.image_shape), case, "give no image for no label", f"shape {shape}")


def check_seeds(case: GeneratorCase) -> None:
    """The same seed gives the same images, and another one gives others."""
    with eagerly():
        images = np.asarray(case.sample(case.labels))
        expect_equal(case, case.sample(case.labels), images, "give the same images for the same seed")
        others = np.asarray(case.sample(case.labels, (4, 5)))
        expect((others != images).any(), case, "give other images for another seed", "the same images for two seeds")


def check_rows(case: GeneratorCase) -> None:
    """An image depends on no other row of the batch."""
    with eagerly():
        fewer, images = case.sample(case.labels[:3]), np.asarray(case.sample(case.labels))[:3]
        expect_equal(case, fewer, images, "give an image that depends on no other row of the batch", atol=case.atol)


def check_truncation(case: GeneratorCase) -> None:
    """`truncation` is taken, and images are still in `value_range`."""
    generator = case.generator
    if generator.translates:
        raise Skipped("it translates images")
    with eagerly():
        images = generator.sample(case.labels, tf.constant(SEED), tf.constant(0.5))
        expect_images(case, images, ROWS, generator.image_shape, generator.value_range)


def check_generate(case: GeneratorCase) -> None:
    """`generate` gives the images of `sample` as NumPy arrays."""
    if case.generator.translates:
        raise Skipped("it translates images")
    with eagerly():
        images = case.generator.generate(case.labels if case.generator.condition.sizes else ROWS, seed=SEED)
        expect(isinstance(images, np.ndarray), case, "give NumPy arrays from `generate`", type(images).__name__)
        expect_equal(case, images, case.sample(case.labels), "give the images of `sample` from `generate`", atol=case.atol)


def check_labels(case: GeneratorCase) -> None:
    """Labels that do not exist are refused, and so is a number of images where there are classes."""
    generator, sizes = case.generator, case.generator.condition.sizes
    if generator.translates:
        raise Skipped("it translates images")
    if sizes == (None,):
        raise Skipped("it takes any label: its number of classes is not known")
    wrong = case.labels.numpy() + np.array(sizes[0] if sizes else 0, "int32")
    expect_refused(case, lambda: generator.generate(wrong, seed=1), "refuse labels that do not exist", "`labels")
    if sizes:
        expect_refused(case, lambda: generator.generate(ROWS, seed=1), "refuse a number without classes", "`labels")


def check_xla(case: GeneratorCase) -> None:
    """Compiled by XLA, it gives the same images."""
    compiled = tf.function(case.sample, jit_compile=True, autograph=False)(case.labels, tf.constant(SEED))
    expect_equal(case, compiled, case.sample(case.labels), "give the same images with XLA", atol=case.atol)


def check_export(case: GeneratorCase) -> None:
    """Its SavedModel gives the same images with TensorFlow alone, and has the same description."""
    generator, images = case.generator, case.sample(case.labels)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "export")
        generator.export(path)
        again, alone = as_generator(path), tf.saved_model.load(path)
        received = f"{again.description} instead of {generator.description}"
        expect(again.description == generator.description, case, "have the same description after its export", received)
        expected = "export a SavedModel that gives the same images"
        expect_equal(case, case.sample(case.labels, generator=again), images, expected, atol=case.atol)
        given = (case.images, case.labels) if generator.translates else (case.labels,)
        function = alone.translate if generator.translates else alone.generate
        expect_equal(case, function(*given, tf.constant(SEED)), images, expected, atol=case.atol)


def check_latents(case: GeneratorCase) -> None:
    """`from_latents` gives an image of each row of latents, without random numbers."""
    generator = case.generator
    if generator.latent_dim is None:
        raise Skipped("it has no latents")
    latents = tf.constant(np.random.default_rng(0).normal(size=[ROWS, generator.latent_dim]), tf.float32)
    rows = (latents, case.labels, case.images) if generator.translates else (latents, case.labels)
    with eagerly():
        images = np.asarray(generator.from_latents(*rows))
        expect(images.shape == (ROWS, *generator.image_shape), case, "give an image of each row of latents", images.shape)
        fewer = generator.from_latents(*(row[2:] for row in rows))
        expect_equal(case, fewer, images[2:], "give the same images for the same latents", atol=case.atol)


def check_config(case: GeneratorCase) -> None:
    """Its config describes it. A generator made from the config alone refuses to sample."""
    described = Generator.from_config(case.generator.get_config())
    received = f"{described.description} instead of {case.generator.description}"
    same = described.description == case.generator.description
    expect(same, case, "have a config that describes it", received)
    expected, word = "refuse to sample if made from its config alone", "does not contain the generator"
    if not case.generator.translates:
        expect_refused(case, lambda: described.sample(case.labels, tf.constant(SEED)), expected, word)


def check_layer(case: GeneratorCase) -> None:
    """`GANAugmentation` replaces half of a batch, and leaves labels as they are."""
    _check_augments(case, lambda images, labels: GANAugmentation(case.generator, 0.5, seed=1)(images, labels, training=True))


def check_bank(case: GeneratorCase) -> None:
    """`gan_augment` replaces half of a batch from a bank, and leaves labels as they are."""
    if case.generator.translates:
        raise Skipped("it translates images, of which there is no bank")
    _check_augments(case, lambda *batch: gan_augment(case.generator, 0.5, engine="bank", bank_size=12, seed=1)(*batch))


def check_live(case: GeneratorCase) -> None:
    """`gan_augment` replaces half of a batch in the map, and leaves labels as they are."""
    _check_augments(case, lambda *batch: gan_augment(case.generator, 0.5, engine="live", seed=1)(*batch))


def _check_augments(case, augment):
    generator = case.generator
    images = np.full([8, *generator.image_shape], generator.value_range[0], "float32")
    sizes = generator.condition.sizes
    labels = np.resize(np.asarray(case.labels).reshape(ROWS, -1)[:, 0], 8) if sizes else None
    with eagerly():
        given = augment(images, labels)
    new = np.asarray(given if labels is None else given[0])
    expect(new.shape == images.shape, case, "give a batch of the same shape", new.shape)
    replaced = int((new != images).any((1, 2, 3)).sum())
    expect(replaced == 4, case, "replace 4 of 8 rows with fraction=0.5", f"{replaced} replaced rows")
    if labels is not None:
        expect_equal(case, given[1], labels, "leave the labels of a batch as they are")


CHECKS = (
    check_samples,
    check_seeds,
    check_rows,
    check_truncation,
    check_generate,
    check_labels,
    check_latents,
    check_config,
    check_layer,
    check_bank,
    check_live,
    check_xla,
    check_export,
)
"""All checks of a generator."""


def checks_of_generator(
    generator: Any, only: Iterable[str] | None = None, num_classes: int | Mapping[str, int] | None = None
) -> dict[str, Callable[[], None]]:
    """The checks of a generator by name, each a callable without arguments.

    A check raises an AssertionError if it fails, and `Skipped` if it does not apply.

    Args:
        generator: Anything that `GANAugmentation` takes, or a `generators.Generator`.
        only: Names of the checks that are wanted. Defaults to None: all.
        num_classes: Number of classes of a Keras model. Defaults to None: the generator's own.

    Returns a mapping from name to callable.

    Raises:
        ValueError: For names in `only` that do not exist.
        TypeError: For anything that is no generator.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.GAN((8, 8, 1), num_classes=2, width=4, seed=1)
    >>> kga.testing.checks_of_generator(gan)["check_seeds"]()
    """
    return checks.of(CHECKS, GeneratorCase(generator, num_classes), only)


def check_generator(
    generator: Any, only: Iterable[str] | None = None, num_classes: int | Mapping[str, int] | None = None
) -> None:
    """Checks that a generator does what augmentation, banks, unions and exports rely on.

    The checks are about shapes, dtypes, value ranges, seeds, labels, XLA, SavedModels and the replacement of rows.

    Args:
        generator, only, num_classes: See `checks_of_generator`.

    Warns about checks that were skipped, by name and with the reason.

    Raises:
        AssertionError: With all checks that fail.
        ValueError: For names in `only` that do not exist.
        TypeError: For anything that is no generator.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.GAN((8, 8, 1), num_classes=2, width=4, seed=1)
    >>> kga.testing.check_generator(gan, only=["check_samples", "check_rows", "check_layer"])
    """
    case = GeneratorCase(generator, num_classes)
    checks.run_all(checks.of(CHECKS, case, only), case)
