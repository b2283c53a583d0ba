"""Data, and maps over them by a generator whose output is known."""

import numpy as np
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator

import keras_ganaug as kga

GENERATOR = known_generator()
N = 70
X = np.random.default_rng(0).uniform(2, 3, [N, *KNOWN_SHAPE]).astype("float32")
Y = np.arange(N) % 10


def pipeline(augment, batch_size=8, parallel=None, data=(X, Y)):
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size).map(augment, num_parallel_calls=parallel)


def make(fraction=0.5, engine="bank", seed=1, **options):
    options.setdefault("num_classes", 10)
    return kga.gan_augment(GENERATOR, fraction, engine=engine, seed=seed, **options)


def rows_of(before, after):
    return np.flatnonzero((before != after).any((1, 2, 3)))
