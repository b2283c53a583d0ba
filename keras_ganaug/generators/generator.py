"""The one protocol of generators, and the function that makes one of what a user passes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, _watch, conditions
from keras_ganaug.conditions import Condition, weights
from keras_ganaug.generators import export

CHUNK = 256  # images that are made at a time, to bound memory
_MADE = "`labels` must be of classes that the generator makes"


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Generator(conditions.Conditioned):
    """A generator as the rest of the package knows it.

    Attributes:
        condition: The `Condition` of its labels.
        image_shape: (height, width, channels).
        value_range: (lowest, highest) value of its images.
        latent_dim: Length of the latents that `from_latents` takes; None for a generator that has no such method.
        variables: What holds its variables, for an export: a list of `tf.Variable`s, or whatever TensorFlow tracks.
        unseen_classes: Labels of which training had no image, as `Condition.unseen` gives them.
        missing_classes: Of one class, those that it cannot make at all; they are among `unseen_classes`.
        path: The path that the user gave, or None.
        translates: Whether it makes images of other images, not of latents alone.
    """

    condition: Condition
    image_shape: tuple[int, ...]
    value_range: tuple[float, float]
    latent_dim: int | None = None
    variables: Any = ()
    unseen_classes: tuple = ()
    missing_classes: tuple = ()
    path: str | None = None
    translates: bool = False

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        """Images, in a graph.

        Args:
            labels: int32 (n, *condition.label_shape); without a condition only n counts.
            seed: int32 (2,).
            truncation: Float scalar above 0 and at most 1. Defaults to 1.

        Returns float32 images (n, *image_shape) in `value_range`.

        Raises:
            TypeError: Of a generator that translates images.
        """
        raise TypeError(
            "`generator` must make images of labels alone. Received: one that translates images, which stands in "
            '`GANAugmentation`, `AugmentedModel` and `gan_augment(engine="live")`'
        )

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Images of given latents in a graph: nothing is drawn.

        Args:
            latents: float32 (n, latent_dim), standard normal numbers.
            labels: As of `sample`.

        A generator that `translates` takes `images` too, as of `translate`.
        """
        raise NotImplementedError

    def in_place_of(self, images: Any, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        """Images that take the place of others in a batch: here new ones.

        Args:
            images: Maps nothing to the images that are replaced, float32 (n, *image_shape) in `value_range`.
            labels, seed, truncation: As of `sample`.

        Returns float32 images (n, *image_shape) in `value_range`.
        """
        return self.translate(images(), labels, seed) if self.translates else self.sample(labels, seed, truncation)

    def translate(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Translations of images into the domains `labels`, in a graph, by a generator that `translates`.

        Args:
            images: float32 (n, *image_shape) in `value_range`.
            labels, seed: As of `sample`.

        Returns float32 images (n, *image_shape) in `value_range`.
        """
        raise NotImplementedError

    def generate(self, labels: Any, seed: int | Sequence[int] | None = None, truncation: float = 1.0) -> np.ndarray:
        """New images, as of `GAN.generate`."""
        labels = self.condition.to_generate(labels)
        missing = self.condition.extrapolates(labels, self.missing_classes)
        if missing:
            raise ValueError(f"{_MADE}. Received: {weights.some(missing)}, which it does not make")
        return self.images(labels, seed_of(seed), _checks.truncation(truncation))

    def images(self, labels: np.ndarray, seed: Any, truncation: float = 1.0) -> np.ndarray:
        """As `generate`, of int32 labels (n, *condition.label_shape) and an int32 seed (2,)."""

        def make(rows):
            return self.sample(tf.constant(labels[rows]), _random.fold(seed, rows.start) if rows.start else seed, truncation)

        return in_chunks(make, len(labels), self.image_shape)

    @property
    def made_classes(self) -> np.ndarray:
        """The classes that it makes, int32; [0] of one without classes."""
        return np.setdiff1d(np.arange(self.num_classes or 1, dtype=np.int32), self.missing_classes)

    def makes(self, labels: tf.Tensor) -> tf.Tensor:
        """Whether each of int32 labels (n,) is of a class that it can make, bool (n,)."""
        return tf.reduce_all(labels[:, None] != np.array(self.missing_classes, np.int32)[None], axis=1)

    def existing(self, labels: tf.Tensor) -> tf.Tensor:
        """int32 labels (n,), checked where TensorFlow runs them to be of such classes; XLA leaves the check out."""
        if not self.missing_classes:
            return labels
        with tf.control_dependencies([_checks.assertion(tf.reduce_all(self.makes(labels)), _MADE, labels)]):
            return tf.identity(labels)

    def export(self, path: Any, format: str = "saved_model", **endpoints: Any) -> None:
        """Writes it for TensorFlow, ONNX or LiteRT, as `GAN.export` does; a SavedModel with further `endpoints`."""
        export.export_generator(self, path, format, **endpoints)

    # How it is written and read.

    @property
    def description(self) -> dict[str, Any]:
        """What it is like, in plain values, for JSON."""
        return {
            "image_shape": list(self.image_shape),
            **self.condition.description,
            "value_range": [float(value) for value in self.value_range],
            "unseen_classes": list(self.unseen_classes),
            **({"missing_classes": list(self.missing_classes)} if self.missing_classes else {}),
            **({"translates": True} if self.translates else {}),
        }

    def describe(self, description: Mapping[str, Any]) -> None:
        """Makes the attributes those of a `description`."""
        self.condition = conditions.from_description(description)
        self.image_shape = tuple(int(size) for size in description["image_shape"])
        low, high = description["value_range"]
        self.value_range = (float(low), float(high))
        self.unseen_classes = tuple(description.get("unseen_classes", ()))
        self.missing_classes = tuple(description.get("missing_classes", ()))
        self.translates = bool(description.get("translates", False))

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        """Its content in a file of Keras objects: a dict for JSON, its variables, and the generators within it.

        None for a generator that only a SavedModel can hold.
        """
        return None

    def get_config(self) -> dict[str, Any]:
        """Its description: the generator itself travels in the assets of a file."""
        return {**self.description, "path": self.path}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Generator:
        """A generator like that of the config, which cannot sample. A path in it is opened with `safe_mode=False` alone."""
        if config.get("path") is not None and not _compat.safe_mode():
            try:
                return checked(config["path"], config["num_classes"])
            except (ValueError, TypeError):  # the file may be another one now; the assets are still to come
                pass
        return DescribedGenerator(config)


class DescribedGenerator(Generator):
    """Stands for a generator that a config describes but does not hold, until the assets are read."""

    def __init__(self, description: Mapping[str, Any]):
        self.describe(description)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        raise ValueError(
            "This GANAugmentation was made from its config, which does not hold the generator. Expected: a layer made with "
            "`generator`, or loaded from a .keras file. Received: a config alone"
        )


def in_chunks(
    make: Callable[[slice], Any], number: int, image_shape: tuple[int, ...], name: str = "generator"
) -> np.ndarray:
    """Images, checked to be finite, that `make` makes of a slice of rows at a time; `name` is for the error."""
    parts = [np.zeros([0, *image_shape], np.float32)]
    parts += [np.asarray(make(slice(start, start + CHUNK))) for start in range(0, number, CHUNK)]
    images = np.concatenate(parts)
    _watch.not_finite(images, name)
    return images


def seed_of(seed: int | Sequence[int] | None) -> tf.Tensor:
    """The int32 seed of `generate`. None draws anew, not from a seed that is saved and that every copy has."""
    seed = _checks.seed(seed)
    return tf.constant(_random.as_seed((_random.entropy(), _random.entropy()) if seed is None else seed))


KINDS = (
    "a GAN of keras_ganaug, a Keras model from [latents, labels] to images in [-1, 1], or the path of a .keras file or "
    "of a SavedModel that `export` wrote"
)


@functools.singledispatch
def as_generator(generator: Any, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    """The `Generator` of what a user passes as `generator`. Each kind registers a function of its own here.

    Args:
        generator: One of `KINDS`, or a `Generator`.
        num_classes: Number of classes of a bare Keras model, which cannot tell it. Defaults to None.

    Raises:
        TypeError, ValueError: For anything else, or what cannot be read.
    """
    raise TypeError(f"`generator` must be {KINDS}. Received: {generator!r}")


@as_generator.register
def _(generator: Generator, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    return generator


def checked(generator: Any, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    """As `as_generator`, with checks that its number of classes is this and its images are finite."""
    made = as_generator(generator, num_classes)
    expected = made.num_classes if num_classes is None else conditions.of(num_classes).num_classes
    if repr(made.num_classes) != repr(expected):  # in which attributes have an order
        raise ValueError(
            f"`num_classes` must be that of the generator, {made.num_classes}, or None. Received: num_classes={num_classes}"
        )
    if made is not generator:
        _watch.check_generator(made)
    return made
