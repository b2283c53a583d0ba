"""Stateless random numbers: every seed is derived from a seed and counters.

A seed is an int32 tensor of shape (2,). It gives the same numbers on every device, inside and outside XLA. TensorFlow
guarantees this only for integers from a named algorithm, so this module makes floats from them.
"""

import contextlib
import random

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as eager

from keras_ganaug import _compat, _replicas

_PHILOX_KEY = np.array([0x02461E293EC8F720], np.uint64)
_LOW = np.zeros([1], np.uint64)  # the half of the counter that the generator increments


def as_seed(seed):
    """Makes an int32 seed pair from a Python integer of up to 64 bits, or from a pair of integers."""
    if isinstance(seed, (int, np.integer)):
        seed = int(seed) % 2**64
        seed = (seed & 0xFFFFFFFF, seed >> 32)
    return np.array([int(part) % 2**32 for part in seed], np.uint32).astype(np.int32)


def derived(seed, *numbers):
    """Derives a seed for other libraries, a Python integer below 2³¹, from a seed and other non-negative numbers."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0] >> 1)


def entropy():
    """A fresh seed as a Python integer, for users who gave none."""
    return int(np.random.SeedSequence().generate_state(1)[0])


@contextlib.contextmanager
def preserved():
    """Restores the random state of Python, NumPy, TensorFlow and Keras on exit, also after an error.

    Eager operations with an op-level seed are the exception: TensorFlow restarts their numbers, as it does whenever a global
    seed is set.
    """
    of_python, of_numpy, of_keras = random.getstate(), np.random.get_state(), _compat.keras_random_state()
    of_eager = eager.context()  # its seed and generator have no public name
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
    """Derives a new seed from a seed and integers. Different seeds or integers give independent seeds."""
    for number in numbers:
        # The seed is hashed before the number is added, so that neighbouring seeds do not share their series.
        seed = _ints([2], seed) + (as_seed(number) if isinstance(number, (int, np.integer)) else _halves(number))
    return seed


def _halves(number):
    """Low and high 32 bits of an integer tensor, as `as_seed` splits a Python integer."""
    number = tf.cast(number, tf.int64)
    high = tf.bitwise.right_shift(number, tf.constant(32, tf.int64))
    return tf.stack([tf.cast(number, tf.int32), tf.cast(high, tf.int32)])


def uniform_ints(shape, seed):
    """Full-range int32 numbers, one row for each image.

    Within `_replicas.whole_batch` they are the replica's rows of the numbers that one device would draw for the whole batch.
    """
    replicas = _replicas.batch_replicas()
    if replicas == 1:
        return _ints(shape, seed)
    shape = tf.convert_to_tensor(shape, tf.int32)
    return _replicas.own_rows(_ints(tf.concat([replicas * shape[:1], shape[1:]], 0), seed))


def _ints(shape, seed):
    """Full-range int32 numbers.

    They equal those of `tf.random.stateless_uniform` with `alg="philox"`, which needs several times as many operations to
    derive the key and the counter. With small networks these would be a large part of the training step.
    """
    mixed = _philox([4], _PHILOX_KEY, tf.cast(seed, tf.uint64), tf.uint32)
    key, high = tf.split(tf.bitcast(tf.reshape(mixed, [2, 2]), tf.uint64), 2)
    return _philox(shape, key, tf.concat([_LOW, high], 0), tf.int32)


def _philox(shape, key, counter, dtype):
    return tf.raw_ops.StatelessRandomUniformFullIntV2(shape=shape, key=key, counter=counter, alg=1, dtype=dtype)


def replica_seed(seed):
    """The seed with the replica's number folded in, so that no two replicas draw the same numbers."""
    context = _replicas.several()
    return seed if context is None else fold(seed, context.replica_id_in_sync_group)


def uniform(shape, seed, minval=0.0, maxval=1.0):
    """Uniform float32 numbers: one of 2²³ equally spaced values, symmetric about the middle of (minval, maxval)."""
    return minval + (_high_bits(uniform_ints(shape, seed)) + 0.5) * ((maxval - minval) * 2.0**-23)


def _high_bits(ints):
    """The 23 highest bits of int32 numbers, as float32."""
    return tf.cast(
        tf.bitcast(tf.bitwise.right_shift(tf.bitcast(ints, tf.uint32), tf.constant(9, tf.uint32)), tf.int32), tf.float32
    )


def integers(shape, seed, low, high):
    """Uniform int32 numbers from `low` to `high - 1`, for ranges well below 2³²."""
    return low + tf.math.floormod(uniform_ints(shape, seed), high - low)


def normal(shape, seed):
    """Standard normal float32 numbers."""
    return np.float32(np.sqrt(2.0)) * tf.math.erfinv(uniform(shape, seed, -1.0, 1.0))


def beta(shape, alpha, seed, tries=8):
    """Beta(α, α) float32 numbers. Works under XLA, which cannot compile `tf.random.stateless_gamma`.

    They are X / (X + Y) of two gamma variables (Marsaglia and Tsang 2000, for α + 1, scaled by U^(1/α) so that α may be near
    0). Each is the first accepted one of several candidates; at least 95% of candidates are accepted.
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
    return tf.argsort(_high_bits(_ints([size], seed)), stable=True)


def normal_rows(seeds, size, stream=0):
    """Standard normal float32 numbers of shape (n, size). Each row depends only on its own int32 seed, not on other rows.

    A counter-based generator as in Salmon et al. 2011: it hashes the seed and the position by applying the finaliser of
    MurmurHash3 twice.

    Args:
        seeds: int32 tensor of shape (n,).
        size: Number of columns, a Python integer.
        stream: Integer; different streams give independent numbers.
    """
    position = tf.range(size, dtype=tf.int64) + 0x9E3779B9 * (int(stream) + 1)
    x = _mixed(tf.cast(tf.bitcast(seeds, tf.uint32), tf.int64)[:, None] + 0x85EBCA6B)
    x = _mixed(x ^ _mixed(position & 0xFFFFFFFF)[None])
    position_in_unit = (tf.cast(_shifted(x, 9), tf.float32) + 0.5) * 2.0**-22 - 1.0
    return np.float32(np.sqrt(2.0)) * tf.math.erfinv(position_in_unit)


def _mixed(x):
    """The 32-bit finaliser of MurmurHash3 on int64 numbers below 2³², the same in XLA and in plain TensorFlow."""
    x &= 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ _shifted(x, shift)) * factor) & 0xFFFFFFFF
    return x ^ _shifted(x, 16)


def _shifted(x, bits):
    return tf.bitwise.right_shift(x, tf.constant(bits, x.dtype))
