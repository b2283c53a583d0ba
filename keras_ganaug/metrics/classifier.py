"""Trains classifiers for studies, scores and benchmarks."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _pipelines, _progress


def adam_with_cosine_decay(steps: int) -> keras.optimizers.Optimizer:
    """Adam with a learning rate of 2e-3 that decays to 0 along a cosine."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))


def train_classifier_on(
    data: tf.data.Dataset,
    model: keras.Model,
    steps: int,
    optimizer: keras.optimizers.Optimizer | None = None,
    loss: Callable[..., Any] | None = None,
    verbose: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Trains a classifier for a number of steps, and returns it.

    Args:
        data: Batches in training order, at least `steps` of them.
        model: Uncompiled Keras model from images to logits.
        steps: Number of batches.
        optimizer: Keras optimizer. Defaults to `adam_with_cosine_decay(steps)`.
        loss: Function of labels and logits. Defaults to the cross-entropy of class indices.
        verbose, callbacks: See `keras.Model.fit`. Default to 0 and none.
    """
    _compat.compile_classifier(
        model,
        optimizer=optimizer or adam_with_cosine_decay(steps),
        loss=loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    callbacks = _progress.with_steps(callbacks)
    model.fit(_pipelines.untuned(data), steps_per_epoch=steps, shuffle=False, verbose=verbose, callbacks=callbacks)
    return model


def endless_batches(dataset: tf.data.Dataset, seed: int, batch_size: int) -> tf.data.Dataset:
    """Endless batches of an unbatched dataset, with a new order in each epoch."""
    data = dataset.shuffle(int(dataset.cardinality()), seed=seed).repeat()
    return data.batch(batch_size, drop_remainder=True).prefetch(2)


def logits_of(model: keras.Model, images: np.ndarray, batch_size: int = 500) -> np.ndarray:
    """The logits of images, float32 (n, num_classes). Avoids `predict`, which is traced for each classifier."""
    chunks = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    return np.concatenate([np.asarray(model(chunk.astype(np.float32), training=False), np.float32) for chunk in chunks])
