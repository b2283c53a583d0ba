"""Seeds give the same numbers everywhere, and good ones."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_ganaug import _random

SEED = tf.constant([3, -4])


@pytest.mark.parametrize("shape", [[1], [5], [5, 3], [64, 128], [7, 1, 1, 1]])
def test_xla_draws_the_same_numbers(shape):
    for draw in (_random.uniform, _random.normal, lambda s, seed: _random.integers(s, seed, -2, 5)):
        compiled = tf.function(lambda seed, draw=draw: draw(shape, seed), jit_compile=True)
        np.testing.assert_allclose(draw(shape, SEED), compiled(SEED), atol=1e-5)
    size = int(np.prod(shape))
    compiled = tf.function(lambda seed: _random.permutation(size, seed), jit_compile=True)
    np.testing.assert_array_equal(_random.permutation(size, SEED), compiled(SEED))


@pytest.mark.parametrize("seed", [(3, -4), (0, 0), (-(2**31), 2**31 - 1)])
def test_the_integers_are_those_of_tensorflow(seed):
    for shape in ([], [5, 3], [0, 4]):
        expected = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
        np.testing.assert_array_equal(_random.uniform_ints(shape, seed), expected)


def test_distributions():
    uniform, normal = _random.uniform([10**6], SEED, -1, 3).numpy(), _random.normal([10**6], SEED).numpy()
    assert stats.kstest(uniform, stats.uniform(-1, 4).cdf).pvalue > 1e-3
    assert stats.kstest(normal, stats.norm.cdf).pvalue > 1e-3
    assert np.isfinite(normal).all()
    integers = np.bincount(_random.integers([10**5], SEED, 0, 7))
    assert stats.chisquare(integers).pvalue > 1e-3
    assert sorted(_random.permutation(50, SEED).numpy()) == list(range(50))


def test_the_extreme_integers_give_finite_numbers(monkeypatch):
    ends = tf.constant([0, -1, 2**31 - 1, -(2**31)], tf.int32)
    monkeypatch.setattr(_random, "uniform_ints", lambda shape, seed: ends)
    uniform = _random.uniform([4], SEED).numpy()
    assert ((uniform > 0) & (uniform < 1)).all()
    assert np.isfinite(_random.normal([4], SEED)).all()


def test_folding_any_integer_gives_an_independent_seed():
    numbers = [0, 1, -1, 2**32, 2**40 + 17, -(2**40)]
    seeds = {tuple(_random.fold(SEED, tf.constant(n, tf.int64)).numpy()) for n in numbers}
    assert len(seeds) == len(numbers)
    series = {tuple(_random.fold(tf.constant([s, 0]), n).numpy()) for s in range(20) for n in range(20)}
    assert len(series) == 400  # neighbouring seeds have series of their own
    compiled = tf.function(lambda n: _random.fold(SEED, n), jit_compile=True)
    for n in numbers:
        np.testing.assert_array_equal(_random.fold(SEED, n), compiled(tf.constant(n, tf.int64)))
        np.testing.assert_array_equal(_random.fold(SEED, n), _random.fold(SEED, tf.constant(n, tf.int64)))


@pytest.mark.parametrize(("seed", "pair"), [(7, (7, 0)), (-1, (-1, -1)), (2**33 + 5, (5, 2)), ((1, 2**31), (1, -(2**31)))])
def test_seeds_from_integers(seed, pair):
    np.testing.assert_array_equal(_random.as_seed(seed), np.array(pair, np.int32))
