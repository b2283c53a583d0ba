"""Stateless seeds: every random number comes from a seed that is folded from counters.

A seed is an int32 tensor of shape (2,), and gives the same numbers on every device and inside and outside XLA. Of
TensorFlow's generators only the integers do that, and only if the algorithm is named; floats are made from them here.
"""

import contextlib
import random

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as eager

from keras_ganaug import _compat

_PHILOX_KEY = np.array([0x02461E293EC8F720], np.uint64)
_LOW = np.zeros([1], np.uint64)  # half of the counter, which the generator counts up


def as_seed(seed):
    """An int32 seed pair from a Python integer of up to 64 bits, or from a pair of integers."""
    if isinstance(seed, (int, np.integer)):
        seed = int(seed) % 2**64
        seed = (seed & 0xFFFFFFFF, seed >> 32)
    return np.array([int(part) % 2**32 for part in seed], np.uint32).astype(np.int32)


def derived(seed, *numbers):
    """A Python integer below 2³¹, a seed for other libraries, that follows from a seed and other non-negative numbers."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0] >> 1)


def entropy():
    """A fresh seed as a Python integer, for a user who gave none."""
    return int(np.random.SeedSequence().generate_state(1)[0])


@contextlib.contextmanager
def preserved():
    """Leaves the random state of Python, NumPy, TensorFlow and Keras as it was, also after an error.

    Eager operations that are given a seed of their own are the exception: TensorFlow starts their numbers anew, as it does
    whenever a seed is set.
    """
    of_python, of_numpy, of_keras = random.getstate(), np.random.get_state(), _compat.keras_random_state()
    of_eager = eager.context()  # whose seed and generator have no public name
    seed = getattr(of_eager, "_seed", None)
    position = None if seed is None else of_eager._rng.getstate()
    try:
        yield
    finally:
        tf.random.set_seed(seed)
        if position is not None:
            of_eager._rng.setstate(position)
        of_keras()
        np.random.set_state(of_numpy)
        random.setstate(of_python)


def fold(seed, *numbers):
    """A new seed from a seed and any integers: different numbers, or different seeds, give independent ones."""
    for number in numbers:
        # The seed is hashed before the number comes in: neighbouring seeds must not give each other's series.
        seed = uniform_ints([2], seed) + (as_seed(number) if isinstance(number, (int, np.integer)) else _halves(number))
    return seed


def _halves(number):
    """Low and high 32 bits of an integer tensor, as `as_seed` gives them of a Python integer."""
    number = tf.cast(number, tf.int64)
    high = tf.bitwise.right_shift(number, tf.constant(32, tf.int64))
    return tf.stack([tf.cast(number, tf.int32), tf.cast(high, tf.int32)])


def uniform_ints(shape, seed):
    """Full-range int32 numbers.

    They are those of `tf.random.stateless_uniform` with `alg="philox"`, which takes several times as many operations to make
    the same key and counter: where networks are small, a large part of what a training step would have.
    """
    mixed = _philox([4], _PHILOX_KEY, tf.cast(seed, tf.uint64), tf.uint32)
    key, high = tf.split(tf.bitcast(tf.reshape(mixed, [2, 2]), tf.uint64), 2)
    return _philox(shape, key, tf.concat([_LOW, high], 0), tf.int32)


def _philox(shape, key, counter, dtype):
    return tf.raw_ops.StatelessRandomUniformFullIntV2(shape=shape, key=key, counter=counter, alg=1, dtype=dtype)


def replica_seed(seed):
    """The seed with the replica's number folded in, so that no two replicas draw the same numbers."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return fold(seed, context.replica_id_in_sync_group)


def uniform(shape, seed, minval=0.0, maxval=1.0):
    """Uniform float32 numbers: 2²³ equally spaced ones, symmetric about the middle of (minval, maxval)."""
    high_bits = tf.bitwise.right_shift(tf.bitcast(uniform_ints(shape, seed), tf.uint32), tf.constant(9, tf.uint32))
    return minval + (tf.cast(tf.bitcast(high_bits, tf.int32), tf.float32) + 0.5) * ((maxval - minval) * 2.0**-23)


def integers(shape, seed, low, high):
    """Uniform int32 numbers from `low` to `high - 1`, for ranges far below 2³²."""
    return low + tf.math.floormod(uniform_ints(shape, seed), high - low)


def normal(shape, seed):
    """Standard normal float32 numbers."""
    return np.float32(np.sqrt(2.0)) * tf.math.erfinv(uniform(shape, seed, -1.0, 1.0))


def beta(shape, alpha, seed, tries=8):
    """Beta(α, α) float32 numbers, also under XLA, which `tf.random.stateless_gamma` does not compile with.

    They are X / (X + Y) of two gamma variables (Marsaglia and Tsang 2000: of α + 1, which takes α to 0 too, by U^(1/α)),
    each the first of several candidates that is accepted, as 95% of them are at least.
    """
    d = alpha + 2 / 3
    logs = []
    for part in (0, 1):
        x = normal([tries, *shape], fold(seed, part, 0))
        v = (1 + x / np.float32(np.sqrt(9 * d))) ** 3
        log_v = tf.math.log(tf.maximum(v, 1e-30))
        accepted = (v > 0) & (tf.math.log(uniform([tries, *shape], fold(seed, part, 1))) < x**2 / 2 + d * (1 - v + log_v))
        first = tf.one_hot(tf.argmax(accepted, axis=0), tries, axis=0)
        logs.append(tf.reduce_sum(log_v * first, 0) + tf.math.log(uniform(shape, fold(seed, part, 2))) / alpha)
    return tf.sigmoid(logs[0] - logs[1])


def permutation(size, seed):
    """A random order of `range(size)`, int32; `size` may be a tensor. Ties are broken by position."""
    return tf.argsort(uniform([size], seed), stable=True)


def normal_rows(seeds, size, stream=0):
    """Standard normal float32 numbers of shape (n, size): each row from its own int32 seed, whatever the other rows are.

    A counter-based generator in the manner of Salmon et al. 2011: the seed and the position, mixed until no bit of the
    output tells them (the finaliser of MurmurHash3, twice).

    Args:
        seeds: int32 tensor of shape (n,).
        size: Numbers in a row, a Python integer.
        stream: Integer; each stream is a series of its own.
    """
    position = tf.range(size, dtype=tf.int64) + 0x9E3779B9 * (int(stream) + 1)
    x = _mixed(tf.cast(tf.bitcast(seeds, tf.uint32), tf.int64)[:, None] + 0x85EBCA6B)
    x = _mixed(x ^ _mixed(position & 0xFFFFFFFF)[None])
    position_in_unit = (tf.cast(_shifted(x, 9), tf.float32) + 0.5) * 2.0**-22 - 1.0
    return np.float32(np.sqrt(2.0)) * tf.math.erfinv(position_in_unit)


def _mixed(x):
    """The 32-bit finaliser of MurmurHash3, on int64 numbers below 2³²: XLA and plain TensorFlow agree on them."""
    x &= 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ _shifted(x, shift)) * factor) & 0xFFFFFFFF
    return x ^ _shifted(x, 16)


def _shifted(x, bits):
    return tf.bitwise.right_shift(x, tf.constant(bits, x.dtype))
