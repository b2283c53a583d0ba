"""Checks the functions that a study is given, which make generators, classifiers and optimizers."""

import inspect
import os
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _watch
from keras_ganaug.generators.generator import Generator
from keras_ganaug.models.adversarial_model import AdversarialModel

_FUNCTIONS = {
    "make_generator": (
        ("images", "labels", "seed"),
        "makes a generator from training images",
        "Write `lambda images, labels, seed: gan` only if it has seen no test image",
    ),
    "build": (("seed",), "makes a classifier", "Each training needs a new one"),
    "optimizer": (("steps",), "makes an optimizer", "Each training needs a new one"),
    "train_on": (("images", "labels", "seed"), "makes a trained classifier", "Each fold needs one of its own"),
}


def check_functions(**functions):
    """Checks the signatures of functions without calling them. None is accepted."""
    for name, function in functions.items():
        if function is None:
            continue
        arguments, what, advice = _FUNCTIONS[name]
        expected = f"`{name}` must be a function of ({', '.join(arguments)}) that {what}"
        if isinstance(function, (keras.layers.Layer, keras.optimizers.Optimizer, Generator)):
            raise TypeError(f"{expected}. Received: a {type(function).__name__} object, which is not a function. {advice}")
        of_keras = isinstance(function, type) and issubclass(function, (AdversarialModel, keras.optimizers.Optimizer))
        if of_keras or not callable(function):
            raise TypeError(f"{expected}. Received: {name}={function!r}")
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # for functions written in C
            continue
        try:
            signature.bind(*arguments)
        except TypeError:
            raise TypeError(f"{expected}. Received: a function of {signature}") from None


def _missing(made):
    return ". Is a `return` missing?" if made is None else ""


def generator_of(made):
    """Checks that the result of `make_generator` may be a generator."""
    if not isinstance(made, (str, os.PathLike, Generator, keras.Model)):
        raise TypeError(
            "`make_generator` must return a generator: a GAN, a Keras model, or a path of one. "
            f"Received: {made!r}{_missing(made)}"
        )
    return made


def model_of(made):
    """Checks that the result of `build` is a Keras model."""
    if not isinstance(made, keras.Model):
        raise TypeError(f"`build` must return an uncompiled Keras model. Received: {made!r}{_missing(made)}")
    return made


def optimizer_of(made):
    """Checks that the result of `optimizer` is an optimizer."""
    try:
        optimizer = keras.optimizers.get(made)
    except (TypeError, ValueError):
        optimizer = None
    if optimizer is None:
        raise TypeError(f"`optimizer` must return a Keras optimizer. Received: {made!r}{_missing(made)}")
    return optimizer


def check_classifier(model, images, num_classes):
    """Checks a classifier from `build` on a few training images, before any training."""
    if getattr(model, "optimizer", None) is not None:  # Keras 3 has none before `compile`
        warnings.warn(
            "`build` gives a compiled model, whose own loss and optimizer are not used: it is compiled with the loss of "
            "each arm and with `optimizer`.",
            stacklevel=2,
        )
    _watch.warn_of_last_activation(model, images, "build")
    some = images[:2]
    outputs = model(some.astype(np.float32), training=False)
    received = f"shape {tuple(outputs.shape)}" if isinstance(outputs, tf.Tensor) else type(outputs).__name__
    if received != f"shape {(len(some), num_classes)}":
        raise ValueError(
            f"`build` must return a model that gives logits of shape (batch, {num_classes}). "
            f"Received: for {len(some)} images outputs of {received}"
        )
