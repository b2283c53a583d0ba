"""Trains a classifier under one arm, and the classifier that filters samples."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _extras, _files, _random, _watch, conditions
from keras_ganaug.generators.controls import Pool, Shuffled
from keras_ganaug.generators.filtered import FilteredGenerator
from keras_ganaug.generators.generator import checked
from keras_ganaug.generators.translations import for_batches
from keras_ganaug.metrics.classifier import logits_of, train_classifier_on
from keras_ganaug.study import inputs, losses, statistics, streams
from keras_ganaug.study.arms import Arm


class Trainer:
    """Trains the arms of one seed of a study. They share the images, the generator and the classifier that filters samples.

    Args:
        study: The `AugmentationStudy`.
        seed: Integer.
    """

    def __init__(self, study, seed):
        self.study, self.seed = study, seed
        (self.images, self.labels), self._test = study.data.of("train", seed), study.data.of("test", seed)
        self.cells, self._ready, self._label = study.data.cells("train", seed), None, None

    def prepare(self, with_generator):
        """Makes and checks what the first training needs, before anything slow starts."""
        with _random.preserved():
            keras.utils.set_random_seed(self.seed % 2**32)
            model = inputs.model_of(self.study.build(self.seed))
            inputs.check_classifier(model, self.images, self.study.num_classes)
            self._ready = model, inputs.optimizer_of(self.study.optimizer(self.study.steps))
        if with_generator:
            self.generator  # noqa: B018

    def measure(self, arm):
        """Trains a classifier under an arm. Returns its metrics."""
        data, cells = self.study.data, self.study.data.cells("test", self.seed)
        model, prior = self._train(arm, self.images, self.cells, self.seed, self.generator_of(arm))
        logits = logits_of(model, self._test[0])
        logits = losses.adjusted(logits, prior) if arm.adjust_logits else logits
        counts = np.bincount(self.cells, minlength=data.num_classes * data.styles)
        of_cells = {"cells": cells, "seen": counts > 0} if data.attributes else {}
        counts = counts.reshape(data.num_classes, data.styles).sum(1)
        return statistics.measure(logits, cells // data.styles, counts, **of_cells)

    def generator_of(self, arm):
        """The generator of an arm's synthetic images, adapted to batches. None if it has none."""
        if arm.kind in ("none", "oracle"):
            return None if arm.kind == "none" else self._held_out
        several = isinstance(self.generator.condition, conditions.Attributes) and not self.generator.translates
        generator = for_batches(self.generator, None, self._label if several else None, arm.synthetic.attributes)
        if arm.synthetic.band is not None:
            generator = FilteredGenerator(generator, self._filter, arm.synthetic.band)
        return Shuffled(generator) if arm.kind == "shuffled" else generator

    @functools.cached_property
    def generator(self):
        """The generator of the seed. It must have all classes, unless it translates real images.

        The number of classes of a bare Keras model is unknown.
        """

        def make():
            with self.study.progress.making_gan(f"GAN of seed {self.seed}"):
                return self.study.make_generator(self.images, self.labels, self.seed)

        made = cached_generator(self.study.generator_path(self.seed), make)
        num_classes, generator = self.study.num_classes, checked(made)
        if generator.condition.conditional and generator.num_classes is None:
            generator = checked(made, num_classes)
        number = generator.num_classes or 0
        if isinstance(generator.condition, conditions.Attributes):
            names = (*(self.study.data.attributes or ()), *number)  # the class is the study's first attribute
            self._label = next(name for name in names if name in number)
            number = number[self._label]
        filtered = [name for name, arm in self.study.arms.items() if arm.needs_generator and arm.synthetic.band is not None]
        if generator.translates and filtered:
            raise ValueError(
                f"`band` of the arm {filtered[0]!r} must be None: translations keep the classes of their images and are "
                f"not filtered. Received: {self.study.arms[filtered[0]].synthetic.band}"
            )
        if number < num_classes and not generator.translates:
            classes = f"{number} classes" if number else "none"
            raise ValueError(
                f"`make_generator` must give a generator with all {num_classes} classes. Received: {made!r}, with {classes}"
            )
        return generator

    @functools.cached_property
    def _held_out(self):
        data = self.study.data
        classes = data.cells("held_out", self.seed) // data.styles
        return Pool(data.of("held_out", self.seed)[0], classes, self.study.num_classes, self.study.value_range)

    @functools.cached_property
    def _filter(self):
        def train_on(images, cells, seed):
            return self._train(Arm(loss="balanced_softmax"), images, cells, seed)[0]

        return cross_fitted_classifier(train_on, self.images, self.cells, self.seed)

    def _train(self, arm, images, cells, seed, generator=None):
        study = self.study
        settings = (study.num_classes, generator, study.steps, study.batch_size, study.value_range, seed, study.data.styles)
        return train(arm, lambda: self._make(arm, seed), images, cells, *settings)

    def _make(self, arm, seed):
        """A classifier for an arm, and its optimizer."""
        study = self.study
        if arm.build is not None:
            options = {"image_shape": study.image_shape, "num_classes": study.num_classes, "value_range": study.value_range}
            model = inputs.model_of(arm.build(seed=seed, **options))
            inputs.check_classifier(model, self.images, study.num_classes)
        elif seed == self.seed and self._ready is not None:
            ready, self._ready = self._ready, None
            return ready
        else:
            model = inputs.model_of(study.build(seed))
        return model, inputs.optimizer_of(study.optimizer(study.steps))


def train(arm, make, images, cells, num_classes, generator, steps, batch_size, value_range, seed, styles=1):
    """Trains a classifier under one arm. Returns it, and the frequency of each class in its training data.

    `make` returns a classifier and its optimizer. For `cells` and `styles` see `streams.make_stream`.
    """
    with _random.preserved():
        if arm.resample is not None:
            images, cells = arm.resample(images, cells, seed)
        settings = (num_classes, generator, steps, batch_size, value_range, seed, styles)
        data, prior = streams.make_stream(arm, images, cells, *settings)
        keras.utils.set_random_seed(seed % 2**32)  # for layers with random numbers
        model, optimizer = make()
        _watch.warn_of_last_activation(model, images, "build")
        groups = None
        if arm.loss in losses.OF_GROUPS:
            translates = generator is not None and generator.translates
            groups = streams.frequencies_of_groups(arm, cells, num_classes, styles, translates)
        return train_classifier_on(data, model, steps, optimizer, losses.make(arm.loss, prior, groups=groups)), prior


def cached_generator(path: Path | None, make: Callable[[], Any]) -> Any:
    """Loads the generator from a file, or makes one. A Keras model is written to the file."""
    if path is not None and path.exists():
        try:
            return keras.models.load_model(path, compile=False)
        except Exception as error:  # Keras may raise any error
            warnings.warn(
                f"The generator in '{path}' cannot be loaded, so a new one is made. Put "
                "`@keras.saving.register_keras_serializable()` above the classes and functions of its layers, and use "
                f"no lambda. Received: {type(error).__name__}: {str(error).strip().splitlines()[0]}",
                stacklevel=2,
            )
    generator = inputs.generator_of(make())
    if path is not None and isinstance(generator, keras.Model):
        with _files.replacing(path) as new:
            generator.save(Path(new))
    return generator


def cross_fitted_classifier(
    train_on: Callable[..., keras.Model], images: np.ndarray, labels: np.ndarray, seed: int, folds: int = 2
) -> keras.Model:
    """Trains a classifier for filtering samples: the mean of several, each trained on all images except one fold.

    If a generator has copied an image, at least one of them has not seen it, so the copy does not raise its own score.

    Args:
        train_on: Function from (images, labels, seed) to a trained Keras model from images to logits. Each fold has its own
            seed.
        images, labels: The training images.
        seed: Integer.
        folds: Number of folds, at least 2. Defaults to 2.

    Returns a Keras model from images to logits: the logarithms of the mean probabilities.

    Raises:
        ValueError, TypeError: For an argument out of its range, before any training. Also for a `train_on` that does not
            return a model.
        ImportError: If scikit-learn is not installed.
    """
    if not callable(train_on):
        raise TypeError(f"`train_on` must be a function. Received: train_on={train_on!r}")
    inputs.check_functions(train_on=train_on)
    folds, seed = _checks.positive_int(folds, "folds"), _checks.non_negative_int(seed, "seed")
    if folds < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    images, labels = np.asarray(images), conditions.class_indices(labels, None)
    if len(images) != len(labels) or len(labels) < folds:
        raise ValueError(
            f"`labels` must be one class index for each image, of at least {folds} images. "
            f"Received: {len(labels)} labels for {len(images)} images"
        )
    place = folds_of(labels, folds, seed)
    models = []
    with _watch.telling_once(), _random.preserved():
        for fold in range(folds):
            rows = place != fold
            models.append(train_on(images[rows], labels[rows], _random.derived(seed, folds, fold)))
            if not isinstance(models[-1], keras.Model):
                raise TypeError(f"`train_on` must give a Keras model. Received: {models[-1]!r}")
            _watch.warn_of_last_activation(models[-1], images, "train_on")
    return _MeanClassifier(models, name="cross_fitted")


class _MeanClassifier(keras.Model):
    """The log of the mean probabilities of several classifiers. They may share a name, which a graph would not allow."""

    def __init__(self, models, **options):
        super().__init__(**options)
        self.classifiers = models

    def call(self, images, training=False):
        each = [tf.nn.softmax(tf.cast(model(images, training=training), tf.float32)) for model in self.classifiers]
        return tf.math.log(tf.add_n(each) / len(each) + 1e-9)


def folds_of(labels, folds, seed):
    """The fold that holds out each image: int array (n,), stratified by class."""
    return repeated_folds(labels, folds, 1, seed)[0]


def repeated_folds(labels, folds, repeats, seed):
    """The fold that holds out each image in each repetition: int array (repeats, n), stratified by class.

    They are those of scikit-learn's `RepeatedStratifiedKFold`. Some classes, but not all, may have fewer images than there
    are folds.
    """
    most = np.bincount(labels).max()
    if most < folds:
        raise ValueError(f"`labels` must have a class of at least {folds} images, for {folds} folds. Received: {most}")
    state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))  # accepts seeds of any size
    model_selection = _extras.load("sklearn.model_selection")
    splitter = model_selection.RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=state)
    place = np.empty([repeats, len(labels)], int)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for run, (_, held_out) in enumerate(splitter.split(labels, labels)):
            place[run // folds, held_out] = run % folds
    return place
