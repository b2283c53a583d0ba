"""The data of a report: facts about the study, its images, and samples of its generator."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _images, _random
from keras_ganaug.fitting import assessment
from keras_ganaug.fitting.assessment import Quality
from keras_ganaug.generators.averaged_gan import AveragedGAN
from keras_ganaug.generators.generator import in_chunks, seed_of
from keras_ganaug.study import words

_CLASSES, _IMAGES = 20, 480  # maximum numbers of classes and of images in all


def names_of(class_names: Any, num_classes: int, *data: Any) -> list[str]:
    """The class names: the given ones, otherwise those of the first data set that has some, otherwise numbers.

    Raises:
        ValueError: If there are fewer names than classes.
    """
    found = [class_names, *(getattr(each, "class_names", None) for each in data), range(num_classes)]
    chosen: Sequence = next(each for each in found if each is not None)
    if isinstance(chosen, Mapping):  # with several attributes, the class is the first
        chosen = next(iter(chosen.values()))
    names = [str(name) for name in chosen]
    if len(names) < num_classes:
        raise ValueError(f"`class_names` must be one name for each of {num_classes} classes. Received: {names}")
    return names[:num_classes]


def about(study: Any, class_names: Sequence[str]) -> dict[str, Any]:
    """Facts about a study for `Report`, with the names of its classes."""
    seed, number, styles = study.seeds[0], study.num_classes, study.data.styles
    counts = {
        f"{part}_images": np.bincount(study.data.cells(part, seed) // styles, minlength=number).tolist()
        for part in ("train", "test")
    }
    return {
        "arms": {name: words.in_words(arm) for name, arm in study.arms.items()},
        "class_names": [*class_names],
        **counts,
        "image_shape": [*study.image_shape],
        "steps": study.steps,
        "batch_size": study.batch_size,
    }


class Samples(NamedTuple):
    """Images of a study, in `value_range`."""

    training: np.ndarray
    """Training images, (n, height, width, channels)."""
    classes: np.ndarray
    """Their classes, int (n,)."""
    test: np.ndarray
    """Test images, which no generator has seen."""
    synthetic: np.ndarray
    """Samples of the generator, class by class, with the same number for each class that is drawn."""
    synthetic_classes: np.ndarray
    """Their classes."""
    value_range: tuple[float, float]
    """(lowest, highest) value of all images."""
    translates: bool
    """Whether they are translations of training images of their class, in the same order."""
    quality: Quality | None = None
    """How good the samples are. None for translations."""
    trained: tuple[int, int] | None = None
    """The number of training steps of the GAN, and of the images that it saw in them. None if it is unknown."""


def drawn_classes(counts: np.ndarray) -> np.ndarray:
    """The classes to draw samples of: all, or if there are very many, some from the most to the least frequent."""
    order = np.argsort(-counts, kind="stable")
    return np.sort(order[np.unique(np.linspace(0, len(order) - 1, min(_CLASSES, len(order))).round().astype(int))])


def of_trainer(study: Any, trainer: Any, arm: Any) -> Samples:
    """Samples of an arm's generator, unfiltered, with the images of the seed of a `training.Trainer`."""
    generator = trainer.generator_of(arm._replace(synthetic=arm.synthetic._replace(band=None, source="gan")))
    images, classes, ranges = trainer.images, trainer.cells // study.data.styles, (study.value_range, generator.value_range)
    chosen = drawn_classes(np.bincount(classes, minlength=study.num_classes))
    number = max(4, min(24, _IMAGES // len(chosen)))
    labels = np.repeat(chosen, number).astype(np.int32)
    of_class = [np.flatnonzero(classes == c) for c in chosen]
    originals = np.concatenate([np.resize(rows if len(rows) else np.arange(len(images)), number) for rows in of_class])
    seed = seed_of(trainer.seed)

    def make(rows):
        def real():
            return _images.rescale(tf.cast(images[originals[rows]], tf.float32), *ranges)

        truncation = arm.synthetic.truncation
        return generator.in_place_of(real, tf.constant(labels[rows]), _random.fold(seed, rows.start), truncation)

    made = np.asarray(_images.rescale(in_chunks(make, len(labels), study.image_shape), *ranges[::-1]))
    test, quality = study.data.of("test", trainer.seed)[0], None
    if not generator.translates:
        held = test, study.data.cells("test", trainer.seed) // study.data.styles
        settings = (study.class_names, study.value_range, min(1000, study.steps), trainer.seed)
        quality = assessment.of_samples((images, classes), held, (made, labels), *settings)
    return Samples(
        images, classes, test, made, labels, study.value_range, generator.translates, quality, _trained(trainer.generator)
    )


def _trained(generator):
    """The number of steps and of images of a GAN's training."""
    if not isinstance(generator, AveragedGAN):
        return None
    return int(_compat.tf_variable(generator.gan.step)), int(_compat.tf_variable(generator.gan.images_seen))
