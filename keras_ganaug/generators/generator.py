"""The protocol of generators, and the function that converts a user's object to one."""

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

CHUNK = 256  # number of images made at a time, to bound memory
_MADE = "`labels` must be of classes that the generator makes"


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Generator(conditions.Conditioned):
    """The protocol of generators within this package.

    Attributes:
        condition: The `Condition` of its labels.
        image_shape: (height, width, channels).
        value_range: (lowest, highest) value of its images.
        latent_dim: Length of the latents that `from_latents` takes; None if there is no such method.
        variables: Object that holds its variables, for an export: a list of `tf.Variable`s, or any object that TensorFlow
            tracks.
        unseen_classes: Labels without an image in training, see `Condition.unseen`.
        missing_classes: Class indices that it cannot make at all, a subset of `unseen_classes`; with one attribute only.
        path: The path that the user gave, or None.
        translates: Whether it makes images from other images, not from latents alone.
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
        """Generates images, in a graph.

        Args:
            labels: int32 (n, *condition.label_shape); without a condition only n matters.
            seed: int32 (2,).
            truncation: Float scalar above 0 and at most 1. Defaults to 1.

        Returns float32 images (n, *image_shape) in `value_range`.

        Raises:
            TypeError: For a generator that translates images.
        """
        raise TypeError(
            "`generator` must make images from labels alone. Received: one that translates images, which works in "
            '`GANAugmentation`, `AugmentedModel` and `gan_augment(engine="live")`'
        )

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Generates images from given latents, in a graph, without random numbers.

        Args:
            latents: float32 (n, latent_dim), standard normal numbers.
            labels: See `sample`.

        A generator that `translates` also takes `images`, see `translate`.
        """
        raise NotImplementedError

    def in_place_of(self, images: Any, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        """Generates images that replace others in a batch. By default these are new ones.

        Args:
            images: Function without arguments that returns the replaced images, float32 (n, *image_shape) in `value_range`.
            labels, seed, truncation: See `sample`.

        Returns float32 images (n, *image_shape) in `value_range`.
        """
        return self.translate(images(), labels, seed) if self.translates else self.sample(labels, seed, truncation)

    def translate(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Translates images into the domains `labels`, in a graph. Only for a generator that `translates`.

        Args:
            images: float32 (n, *image_shape) in `value_range`.
            labels, seed: See `sample`.

        Returns float32 images (n, *image_shape) in `value_range`.
        """
        raise NotImplementedError

    def generate(self, labels: Any, seed: int | Sequence[int] | None = None, truncation: float = 1.0) -> np.ndarray:
        """Generates new images, see `GAN.generate`."""
        labels = self.condition.to_generate(labels)
        missing = self.condition.extrapolates(labels, self.missing_classes)
        if missing:
            raise ValueError(f"{_MADE}. Received: {weights.some(missing)}, which it does not make")
        return self.images(labels, seed_of(seed), _checks.truncation(truncation))

    def images(self, labels: np.ndarray, seed: Any, truncation: float = 1.0) -> np.ndarray:
        """Like `generate`, for int32 labels (n, *condition.label_shape) and an int32 seed (2,)."""

        def make(rows):
            return self.sample(tf.constant(labels[rows]), _random.fold(seed, rows.start) if rows.start else seed, truncation)

        return in_chunks(make, len(labels), self.image_shape)

    @property
    def made_classes(self) -> np.ndarray:
        """The classes that it can make, int32; [0] without classes."""
        return np.setdiff1d(np.arange(self.num_classes or 1, dtype=np.int32), self.missing_classes)

    def makes(self, labels: tf.Tensor) -> tf.Tensor:
        """Whether it can make the class of each of the int32 labels (n,), bool (n,)."""
        return tf.reduce_all(labels[:, None] != np.array(self.missing_classes, np.int32)[None], axis=1)

    def existing(self, labels: tf.Tensor) -> tf.Tensor:
        """Checks, when TensorFlow runs, that int32 labels (n,) are of classes that it can make. XLA omits the check."""
        if not self.missing_classes:
            return labels
        with tf.control_dependencies([_checks.assertion(tf.reduce_all(self.makes(labels)), _MADE, labels)]):
            return tf.identity(labels)

    def export(self, path: Any, format: str = "saved_model", **endpoints: Any) -> None:
        """Exports it for TensorFlow, ONNX or LiteRT, as `GAN.export` does. A SavedModel gets further `endpoints`."""
        export.export_generator(self, path, format, **endpoints)

    # Saving and loading.

    @property
    def description(self) -> dict[str, Any]:
        """Its properties as plain values, for JSON."""
        return {
            "image_shape": list(self.image_shape),
            **self.condition.description,
            "value_range": [float(value) for value in self.value_range],
            "unseen_classes": list(self.unseen_classes),
            **({"missing_classes": list(self.missing_classes)} if self.missing_classes else {}),
            **({"translates": True} if self.translates else {}),
        }

    def describe(self, description: Mapping[str, Any]) -> None:
        """Sets its attributes from a `description`."""
        self.condition = conditions.from_description(description)
        self.image_shape = tuple(int(size) for size in description["image_shape"])
        low, high = description["value_range"]
        self.value_range = (float(low), float(high))
        self.unseen_classes = tuple(description.get("unseen_classes", ()))
        self.missing_classes = tuple(description.get("missing_classes", ()))
        self.translates = bool(description.get("translates", False))

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        """Its content as Keras objects: a dict for JSON, its variables, and the generators inside it.

        None for a generator that only a SavedModel can represent.
        """
        return None

    def get_config(self) -> dict[str, Any]:
        """Its description. The generator itself is stored in the assets of a file."""
        return {**self.description, "path": self.path}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Generator:
        """A generator with the properties in the config, which cannot sample. Opens a path only with `safe_mode=False`."""
        if config.get("path") is not None and not _compat.safe_mode():
            try:
                return checked(config["path"], config["num_classes"])
            except (ValueError, TypeError):  # the file may have changed; the assets will be read later
                pass
        return DescribedGenerator(config)


class DescribedGenerator(Generator):
    """Placeholder for a generator that a config describes but does not contain, until the assets are read."""

    def __init__(self, description: Mapping[str, Any]):
        self.describe(description)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        raise ValueError(
            "This GANAugmentation was made from its config, which does not contain the generator. Expected: a layer made "
            "with `generator`, or loaded from a .keras file. Received: a config alone"
        )


def in_chunks(
    make: Callable[[slice], Any], number: int, image_shape: tuple[int, ...], name: str = "generator"
) -> np.ndarray:
    """Generates images in chunks with `make`, which maps a slice of rows to images. Checks that they are finite."""
    parts = [np.zeros([0, *image_shape], np.float32)]
    parts += [np.asarray(make(slice(start, start + CHUNK))) for start in range(0, number, CHUNK)]
    images = np.concatenate(parts)
    _watch.not_finite(images, name)
    return images


def seed_of(seed: int | Sequence[int] | None) -> tf.Tensor:
    """The int32 seed of `generate`. None gives a fresh random seed, not one that is saved and shared by copies."""
    seed = _checks.seed(seed)
    return tf.constant(_random.as_seed((_random.entropy(), _random.entropy()) if seed is None else seed))


KINDS = (
    "a GAN of keras_ganaug, a Keras model from [latents, labels] to images in [-1, 1], or the path of a .keras file or "
    "of a SavedModel that `export` wrote"
)


@functools.singledispatch
def as_generator(generator: Any, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    """Converts a user's object to a `Generator`. Each supported kind registers its own function here.

    Args:
        generator: One of `KINDS`, or a `Generator`.
        num_classes: Number of classes of a bare Keras model, which does not contain it. Defaults to None.

    Raises:
        TypeError, ValueError: For anything else, or a generator that cannot be read.
    """
    raise TypeError(f"`generator` must be {KINDS}. Received: {generator!r}")


@as_generator.register
def _(generator: Generator, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    return generator


def checked(generator: Any, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    """Like `as_generator`, and checks the number of classes and that images are finite."""
    made = as_generator(generator, num_classes)
    expected = made.num_classes if num_classes is None else conditions.of(num_classes).num_classes
    if repr(made.num_classes) != repr(expected):  # `repr` also compares the order of attributes
        raise ValueError(
            f"`num_classes` must be that of the generator, {made.num_classes}, or None. Received: num_classes={num_classes}"
        )
    if made is not generator:
        _watch.check_generator(made)
    return made
