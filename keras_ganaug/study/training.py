"""Trains a classifier under one arm, and the classifier by which samples are filtered."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug.augmentation import FilteredGenerator
from keras_ganaug.augmentation.source import resolve
from keras_ganaug.study import losses, streams
from keras_ganaug.study.sources import Pool, Shuffled


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
    source = resolve(make_generator())
    if synthetic.band is not None:
        source = FilteredGenerator(source, make_filter(), synthetic.band)
    return Shuffled(source) if synthetic.source == "shuffled" else source


def cross_fitted_classifier(train_on, images, labels, seed, folds=2):
    """A classifier for filtering samples: the mean of several, each trained on all images but those of one fold.

    An image that a generator has copied is then new to one of them at least, and gives no confidence in itself.

    Args:
        train_on: Maps (images, labels, seed) to a trained Keras model from images to logits.
        images, labels: The training images.
        seed: Integer.
        folds: How many. Defaults to 2.

    Returns a Keras model from images to logits: the logarithms of the mean probabilities.
    """
    place = folds_of(labels, folds, seed)
    models = [train_on(images[place != fold], labels[place != fold], seed * folds + fold) for fold in range(folds)]
    inputs = keras.Input(images.shape[1:], name="images")
    probabilities = [keras.layers.Softmax(dtype="float32")(model(inputs)) for model in models]
    mean = keras.layers.Average(dtype="float32")(probabilities)
    return keras.Model(inputs, _Log(dtype="float32")(mean), name="cross_fitted")


class _Log(keras.layers.Layer):
    def call(self, probabilities):
        return tf.math.log(probabilities + 1e-9)

    def compute_output_shape(self, input_shape):
        return input_shape


def folds_of(labels, folds, seed):
    """In which fold each image is held out: int array (n,), each class spread evenly."""
    rng = np.random.default_rng([seed, 3])
    place = np.empty(len(labels), int)
    for c in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == c))
        place[rows] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    return place


def train(arm, build, make_optimizer, images, labels, num_classes, source, steps, batch_size, value_range, seed):
    """A classifier trained under one arm.

    Returns `(model, prior)`: the Keras model, and the frequency of each class in what it was trained on.
    """
    if arm.resample is not None:
        images, labels = arm.resample(images, labels, seed)
    data, prior = streams.make_stream(arm, images, labels, num_classes, source, steps, batch_size, value_range, seed)
    keras.utils.set_random_seed(seed)  # of layers that draw
    model = build(seed)
    model.compile(make_optimizer(steps), losses.make(arm.loss, prior))
    model.fit(data, epochs=1, shuffle=False, verbose=0)

    return model, prior
