"""The data that a study is given."""

import hashlib
import inspect
import os
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _watch, datasets
from keras_ganaug.generators.source import Source
from keras_ganaug.models.gan import GAN


def as_arrays(data, name, num_classes=None):
    """Images and int class indices of whatever may be given as data, checked; `name` is for the errors."""
    if not isinstance(data, tf.data.Dataset) and (not isinstance(data, (tuple, list)) or len(data) != 2):
        raise TypeError(
            f"`{name}` must be a `tf.data.Dataset` of (image, label), or a pair of arrays. Received: {type(data).__name__}"
            + (f" of {len(data)}" if isinstance(data, (tuple, list)) else "")
        )
    images, labels = map(np.asarray, datasets.to_arrays(data) if isinstance(data, tf.data.Dataset) else data)
    if images.ndim != 4 or labels.shape != images.shape[:1] or not len(images):
        raise ValueError(
            f"`{name}` must be images of shape (n, height, width, channels) and n class indices, at least one. "
            f"Received: shapes {images.shape} and {labels.shape}"
        )
    return images, _checks.class_indices(labels, num_classes, name)


def look_at_scale(parts, value_range):
    """Warns of images that look scaled otherwise than their value range says, once within `_watch.telling_once`.

    Args:
        parts: Mapping from names of arguments to (images, labels).
        value_range: (lowest, highest).
    """
    if _watch.is_told("scale"):
        return
    for name, (images, _) in parts.items():
        watch = _watch.ScaleWatch(value_range, "call it", of=f"The images of `{name}`")
        watch.look(images)
        if watch.told:
            _watch.first("scale")


_FUNCTIONS = {
    "make_generator": (("images", "labels", "seed"), "makes a generator from training images"),
    "build": (("seed",), "makes a classifier"),
    "optimizer": (("steps",), "makes an optimizer"),
    "train_on": (("images", "labels", "seed"), "makes a trained classifier"),
}
_ADVICE = {
    "make_generator": "Write `lambda images, labels, seed: gan` only if it has seen no test image",
    "build": "Each training needs a new one",
    "optimizer": "Each training needs a new one",
    "train_on": "Each fold needs one of its own",
}


def check_functions(**functions):
    """Checks, without calling them, functions that make what is trained; None is left to the caller."""
    for name, function in functions.items():
        if function is None:
            continue
        arguments, what = _FUNCTIONS[name]
        expected = f"`{name}` must be a function of ({', '.join(arguments)}) that {what}"
        made = (keras.layers.Layer, keras.optimizers.Optimizer, Source)
        if isinstance(function, made):
            raise TypeError(f"{expected}. Received: {_short(function)}, which is no function. {_ADVICE[name]}")
        of_keras = isinstance(function, type) and issubclass(function, (GAN, keras.optimizers.Optimizer))
        if of_keras or not callable(function):
            raise TypeError(f"{expected}. Received: {name}={function!r}")
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # of what is written in C
            continue
        try:
            signature.bind(*arguments)
        except TypeError:
            raise TypeError(f"{expected}. Received: a function of {signature}") from None


def _short(value):
    """An object in a few words: the text of a model may be long."""
    return f"a {type(value).__name__} object"


def generator_of(name, made):
    """What a function gave as a generator, if it gave something."""
    if made is None:
        raise TypeError(f"`{name}` must return a generator, and gives back nothing. Received: None. Is a `return` missing?")
    if not isinstance(made, (str, os.PathLike, Source, keras.Model)) and not hasattr(made, "ema_generator"):
        raise TypeError(f"`{name}` must return a generator: a GAN, a Keras model, or a path of one. Received: {made!r}")
    return made


def model_of(name, made):
    """What a function gave as a classifier, if it is a Keras model."""
    if not isinstance(made, keras.Model):
        missing = ". Is a `return` missing?" if made is None else ""
        raise TypeError(f"`{name}` must return an uncompiled Keras model. Received: {made!r}{missing}")
    return made


def optimizer_of(name, made):
    """What a function gave as an optimizer, if it is one."""
    if isinstance(made, type) or not (isinstance(made, str) or hasattr(made, "get_config")) or isinstance(made, keras.Model):
        missing = ". Is a `return` missing?" if made is None else ""
        raise TypeError(f"`{name}` must return a Keras optimizer. Received: {made!r}{missing}")
    return made


def check_classifier(model, images, num_classes):
    """Checks a classifier that `build` gave, on a few training images, before anything is trained."""
    if getattr(model, "optimizer", None) is not None:
        warnings.warn(
            "`build` gives a compiled model, whose own loss and optimizer are not used: it is compiled with the loss of "
            "each arm and with `optimizer`.",
            stacklevel=2,
        )
    _watch.warn_of_last_activation(model, images, "build")
    outputs = model(images[:2].astype(np.float32), training=False)
    shape = tuple(getattr(outputs, "shape", ()))
    if shape != (len(images[:2]), num_classes):
        received = f"shape {shape}" if hasattr(outputs, "shape") else type(outputs).__name__
        raise ValueError(
            f"`build` must return a model that gives logits of shape (batch, {num_classes}). "
            f"Received: for {len(images[:2])} images outputs of {received}"
        )


def shared_images(parts):
    """How many images of one part of the data are in another too, pixel for pixel.

    Args:
        parts: Mapping from names of arguments to (images, labels).

    Returns a mapping from pairs of names to how many of the first are in the second, and of how many.
    """
    dtype = np.result_type(*(images.dtype for images, _ in parts.values()))
    digests = {name: _digests_of_images(images.astype(dtype, copy=False)) for name, (images, _) in parts.items()}
    pairs = [pair for pair in (("test", "train"), ("test", "held_out"), ("held_out", "train")) if parts.keys() >= set(pair)]
    known = {name: set(texts) for name, texts in digests.items()}
    return {(a, b): (sum(map(known[b].__contains__, digests[a])), len(digests[a])) for a, b in pairs}


def _digests_of_images(images):
    return [hashlib.blake2b(image, digest_size=16).digest() for image in np.ascontiguousarray(images)]


def warn_of_shared(name, other, counts):
    """Warns of images in two parts of the data that should have none in common.

    Args:
        name, other: The arguments that they are.
        counts: Mapping from seeds to how many of the images of `name` are in `other` too, and of how many.
    """
    counts = {seed: (count, of) for seed, (count, of) in counts.items() if count}
    if counts:
        seed, (count, of) = max(counts.items(), key=lambda item: item[1][0])
        warnings.warn(
            f"{count} of the {of} images of `{name}` are in `{other}` too, pixel for pixel (seed {seed}"
            f"{f'; also in {len(counts) - 1} others' if len(counts) > 1 else ''}). Leave them out of one of the two: "
            "what was seen in training tells nothing of new images.",
            stacklevel=5,
        )


def warn_of_repeated(images):
    """Warns of images that a training set has more than once: folds share them."""
    count = len(images) - len(set(_digests_of_images(images)))
    if count:
        warnings.warn(
            f"{count} of the {len(images)} images of `train` are there once more, pixel for pixel: a fold may hold out what "
            "the others train on. Leave out what is there twice.",
            stacklevel=3,
        )
