"""GANs that the checks share, and what differs between a GAN that generates and one that translates."""

from __future__ import annotations

import contextlib
import functools
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug.callbacks import Backup
from keras_ganaug.generators.generator import as_generator
from keras_ganaug.models.adversarial_model import AdversarialModel
from keras_ganaug.testing.checks import Skipped, eagerly

ROWS = 6
"""Number of training images."""
ODD_SHAPE, ODD_RANGE = (9, 12, 2), (-2.0, 3.0)
ATTRIBUTES = {"kind": 3, "style": 2}
Options = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None
"""Arguments, or a function that makes them anew for each GAN."""


def _options(given: Options) -> Mapping[str, Any]:
    return given() if callable(given) else given or {}


class GANCase:
    """A class of GANs under test. GANs of the class are small, and train one step on all images without a graph."""

    def __init__(
        self,
        cls: type,
        image_shape: tuple[int, int, int] = (8, 8, 1),
        num_classes: int | None = 3,
        arguments: Options = None,
        settings: Options = None,
    ):
        if not (isinstance(cls, type) and issubclass(cls, AdversarialModel)):
            raise TypeError(f"`cls` must be a subclass of `keras_ganaug.GAN` or `StarGAN`. Received: cls={cls!r}")
        self.cls, self.name = cls, cls.__name__
        self.image_shape, self.num_classes = tuple(image_shape), num_classes
        self.arguments, self.settings = arguments, settings

    def make(self, image_shape: Any = None, num_classes: Any = "the case's", **options: Any) -> Any:
        """Makes a GAN of the class, by default with the shape and the classes of the case."""
        image_shape = self.image_shape if image_shape is None else image_shape
        num_classes = self.num_classes if num_classes == "the case's" else num_classes
        return self.cls(
            image_shape, num_classes, **{"seed": 1, "latent_dim": 4, "width": 8, **_options(self.arguments), **options}
        )

    def make_or_skip(self, what: str, **options: Any) -> Any:
        """Makes a GAN. Raises `Skipped` if the class refuses this `num_classes`, which the error must name."""
        try:
            return self.make(**options)
        except (ValueError, TypeError) as error:
            if "num_classes" not in str(error):
                raise
            raise Skipped(f"the class refuses {what}") from error

    def compiled(self, gan: Any, **settings: Any) -> Any:
        """Compiles the GAN with the settings of the case, without a graph unless they say so."""
        gan.compile(**{"run_eagerly": True, "d_steps": 1, **_options(self.settings), **settings})
        return gan

    def eagerly(self) -> contextlib.AbstractContextManager:
        """Within it nothing is traced, unless the settings of the case say `run_eagerly=False`."""
        return eagerly() if _options(self.settings).get("run_eagerly", True) else contextlib.nullcontext()

    @property
    def first(self) -> Trained:
        """A GAN whose training for two steps was interrupted after the first, with its initial weights and its backup."""
        return _trained(self, 1)

    @property
    def second(self) -> Trained:
        """A GAN after two steps without an interruption."""
        return _trained(self, 2)

    @property
    def odd(self) -> Trained:
        """A GAN for images of an odd shape, of another range and in float64, without classes if the class allows that."""
        return _odd(self)

    @property
    def labels(self) -> Any:
        """Four labels, of which the second and the fourth are equal. The number 4 without classes."""
        return 4 if self.num_classes is None else (np.array([0, 1, 2, 1]) % self.num_classes).tolist()


class _Interruption(Exception):
    """Ends a training, as a killed process does."""


class _Interrupt(keras.callbacks.Callback):
    """Interrupts a training after its first step."""

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.step) == 1:
            raise _Interruption


class Trained:
    """A GAN of a case that was trained for two steps, or interrupted after one; then `folder` has its backup."""

    def __init__(self, gan: Any, data: tuple, interrupted: bool = False):
        self.gan, self.images = gan, data[0]
        self.initial = [np.array(weight) for weight in gan.get_weights()]
        self.folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        callbacks = [Backup(self.folder), _Interrupt()] if interrupted else []
        with contextlib.suppress(_Interruption):
            fit(gan, data, steps=2, callbacks=callbacks)
        self.history = gan.history.history


@functools.lru_cache(maxsize=2)  # those of the class whose checks run
def _trained(case, steps):
    with case.eagerly():
        gan = case.compiled(case.make())
        return Trained(gan, data_of(gan), interrupted=steps == 1)


@functools.lru_cache(maxsize=1)
def _odd(case):
    options = {"image_shape": ODD_SHAPE, "value_range": ODD_RANGE}
    with case.eagerly():
        try:
            gan = case.make_or_skip("no classes", num_classes=None, **options)
        except Skipped:
            gan = case.make(num_classes=2, **options)
        case.compiled(gan)
        return Trained(gan, data_of(gan, "float64"))


def forget() -> None:
    """Lets go of the GANs that checks share."""
    for cache in (_trained, _odd):
        cache.cache_clear()


def data_of(gan: Any, dtype: str = "uint8") -> tuple:
    """Images of a GAN's shape and range whose brightness is their class, and their labels; None without classes."""
    low, high = gan.value_range
    index = np.arange(ROWS) % 3
    noise = np.random.default_rng(0).uniform(0, 0.2, [ROWS, *gan.image_shape])
    images = (low + (high - low) * (0.3 * index[:, None, None, None] + noise)).astype(dtype)
    sizes = gan.condition.sizes
    columns = [np.arange(ROWS) % size for size in sizes]
    if isinstance(gan.num_classes, Mapping):
        return images, dict(zip(gan.num_classes, columns, strict=True))
    return images, columns[0] if sizes else None


def fit(gan: Any, data: tuple, **options: Any) -> Any:
    """Trains a GAN on all rows in each step, in their order."""
    return gan.fit(*data, batch_size=len(data[0]), shuffle=False, verbose=0, **options)


def translates(gan: Any) -> bool:
    """Whether it makes images from other images."""
    return as_generator(gan).translates


def images_of(gan: Any, labels: Any, seed: Any, images: np.ndarray) -> np.ndarray:
    """Samples of a GAN, or translations of the first of the images."""
    if not translates(gan):
        return gan.generate(labels, seed=seed)
    number = len(next(iter(labels.values()))) if isinstance(labels, Mapping) else len(labels)
    return gan.translate(images[:number], labels, seed=seed)


def indices(gan: Any, labels: Any) -> np.ndarray:
    """Labels as an export takes them."""
    if isinstance(labels, Mapping):
        return np.stack([*labels.values()], 1).astype(np.int32)
    return np.zeros(labels, np.int32) if isinstance(labels, int) else np.array(labels, np.int32)


@contextlib.contextmanager
def exported(gan: Any) -> Iterator[Any]:
    """The SavedModel of a GAN, as TensorFlow alone loads it."""
    with tempfile.TemporaryDirectory() as folder:
        gan.export(folder + "/exported")
        yield tf.saved_model.load(folder + "/exported")


def exported_images(module: Any, gan: Any, labels: Any, seed: Any, images: np.ndarray) -> tuple[Any, Any]:
    """The images of the function of a SavedModel, and those of its signature `serving_default`."""
    given = {"labels": tf.constant(indices(gan, labels)), "seed": tf.constant(seed)}
    if translates(gan):
        given = {"images": tf.constant(images[: given["labels"].shape[0]], tf.float32), **given}
    function = module.translate if translates(gan) else module.generate
    return function(*given.values()), module.signatures["serving_default"](**given)["images"]


def all_state(gan: Any) -> dict[str, list]:
    """All that a training changes, by what it is: the GAN's weights, its optimizers, and its running state."""
    state = {"weights": [*gan.weights]}
    for player in gan.player_networks:
        state[f"{player}_optimizer"] = [*getattr(gan, f"{player}_optimizer").variables]
    state["running state"] = [weight for layer in gan.running_states for weight in layer.weights]
    return state
