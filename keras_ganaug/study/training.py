"""Trains a classifier under one arm, and the classifier by which samples are filtered."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, _watch
from keras_ganaug.generators.controls import Pool, Shuffled
from keras_ganaug.generators.filtered import FilteredGenerator
from keras_ganaug.generators.source import resolve
from keras_ganaug.study import extras, losses, streams
from keras_ganaug.study.inputs import check_functions


def source_of(arm, make_generator, held_out, make_filter, num_classes, value_range):
    """Where an arm's synthetic images come from; None if it has none.

    Args:
        make_generator, make_filter: Give the generator and the filter's classifier of the seed, when they are needed.
    """
    synthetic = arm.synthetic
    if synthetic is None or synthetic.fraction == 0:
        return None
    if synthetic.source == "oracle":
        return Pool(*held_out, num_classes, value_range)
    source = _with_classes(make_generator(), num_classes)
    if synthetic.band is not None:
        source = FilteredGenerator(source, make_filter(), synthetic.band)
    return Shuffled(source) if synthetic.source == "shuffled" else source


def _with_classes(generator, num_classes):
    """The `Source` of a generator, which must have all classes of the study; a bare Keras model does not tell how many."""
    source = resolve(generator)
    if source.conditional and source.num_classes is None:
        source = resolve(generator, num_classes)
    if not source.conditional or source.num_classes < num_classes:
        classes = f"{source.num_classes} classes" if source.conditional else "none"
        raise ValueError(
            f"`make_generator` must give a generator with all {num_classes} classes. Received: {generator!r}, with {classes}"
        )
    return source


def cross_fitted_classifier(train_on, images, labels, seed, folds=2):
    """A classifier for filtering samples: the mean of several, each trained on all images but those of one fold.

    An image that a generator has copied is then new to one of them at least, and gives no confidence in itself.

    Args:
        train_on: Maps (images, labels, seed) to a trained Keras model from images to logits; each fold has its own seed.
        images, labels: The training images.
        seed: Integer.
        folds: How many, at least 2. Defaults to 2.

    Returns a Keras model from images to logits: the logarithms of the mean probabilities.

    Raises:
        ValueError, TypeError: For an argument out of its range, before anything is trained; for a `train_on` that gives no
            model.
        ImportError: Without scikit-learn.
    """
    if not callable(train_on):
        raise TypeError(f"`train_on` must be a function. Received: train_on={train_on!r}")
    check_functions(train_on=train_on)
    folds, seed = _checks.positive_int(folds, "folds"), _checks.non_negative_int(seed, "seed")
    if folds < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    images, labels = np.asarray(images), _checks.class_indices(labels, None)
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
    """The logarithm of the mean of several classifiers' probabilities; they may all have one name, which a graph refuses."""

    def __init__(self, models, **options):
        super().__init__(**options)
        self.classifiers = models

    def call(self, images, training=False):
        each = [tf.nn.softmax(tf.cast(model(images, training=training), tf.float32)) for model in self.classifiers]
        return tf.math.log(tf.add_n(each) / len(each) + 1e-9)


def folds_of(labels, folds, seed):
    """In which fold each image is held out: int array (n,), each class spread evenly."""
    return repeated_folds(labels, folds, 1, seed)[0]


def repeated_folds(labels, folds, repeats, seed):
    """In which fold each image is held out, each time anew: int array (repeats, n), each class spread evenly.

    They are those of scikit-learn's `RepeatedStratifiedKFold`. A class may have fewer images than there are folds.

    Args:
        labels: Class indices (n,).
        folds: How many, at least 2.
        repeats: How often.
        seed: Non-negative integer.

    Raises:
        ImportError: Without scikit-learn.
        ValueError: Where each class has fewer images than there are folds.
    """
    most = np.bincount(labels).max()
    if most < folds:
        raise ValueError(f"`labels` must have a class of at least {folds} images, for {folds} folds. Received: {most}")
    state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))  # takes seeds of any size
    model_selection = extras.load("sklearn.model_selection")
    splitter = model_selection.RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=state)
    place = np.empty([repeats, len(labels)], int)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for run, (_, held_out) in enumerate(splitter.split(labels, labels)):
            place[run // folds, held_out] = run % folds
    return place


def train(arm, build, make_optimizer, images, labels, num_classes, source, steps, batch_size, value_range, seed):
    """A classifier trained under one arm.

    Returns `(model, prior)`: the Keras model, and the frequency of each class in what it was trained on.
    """
    with _random.preserved():
        if arm.resample is not None:
            images, labels = arm.resample(images, labels, seed)
        data, prior = streams.make_stream(arm, images, labels, num_classes, source, steps, batch_size, value_range, seed)
        keras.utils.set_random_seed(seed % 2**32)  # of layers that draw
        model = build(seed)
        _watch.warn_of_last_activation(model, images, "build")
        _compat.compile_classifier(model, optimizer=make_optimizer(steps), loss=losses.make(arm.loss, prior))
        model.fit(data, epochs=1, shuffle=False, verbose=0)
        return model, prior


def logits_of(model, images, batch_size=500):
    """What a classifier says of images: float32 array (n, num_classes). `predict` would be traced for each classifier."""
    chunks = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    return np.concatenate([np.asarray(model(chunk.astype(np.float32), training=False), np.float32) for chunk in chunks])
