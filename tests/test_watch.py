"""What is legal but surely not meant is told once, in graphs too."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug import _compat, _watch
from keras_ganaug.augmentation.replacement import Replacement
from keras_ganaug.generators import as_generator

RANDOM = np.random.default_rng(0).uniform(size=[4, 2, 2, 1]).astype("float32")


@pytest.mark.parametrize(
    ("images", "value_range", "told"),
    [
        (255 * RANDOM, (0, 255), False),
        (RANDOM, (0, 255), True),
        (2 * RANDOM - 1, (0, 255), True),
        (2 * RANDOM - 1, (0, 1), True),
        (1.4 * RANDOM - 0.2, (0, 1), False),
        (2 * RANDOM - 1, (-1, 1), False),
        (RANDOM, (-1, 1), True),
        (255 * RANDOM, (-1, 1), True),
        (255 * RANDOM, (0, 1), True),
        (np.where(RANDOM > 0.5, np.nan, RANDOM), (0, 1), True),
        (np.zeros([4, 2, 2, 1]), (0, 255), False),
        (np.round(3 * RANDOM).astype("uint8"), (0, 255), False),  # dark
        (2 * RANDOM + 128, (0, 255), False),  # grey
        (0.01 * RANDOM - 1, (-1, 1), False),
        (0.02 * RANDOM - 0.01, (-1, 1), False),
        ((RANDOM > 0.5).astype("uint8"), (0, 255), True),
        (255 * RANDOM, (0, 65535), True),
        (RANDOM / 255, (0, 1), True),
        (10 * RANDOM - 4, (0, 255), True),  # standardised
        (255 * RANDOM - 110, (0, 255), True),  # a mean taken away
        (RANDOM - 0.5, (0, 1), True),
        (6 * RANDOM - 3, (-3, 3), False),
        (np.zeros([0, 2, 2, 1]), (0, 255), False),
    ],
)
def test_which_scales_are_told(images, value_range, told):
    assert (_watch.other_scale(np.asarray(images), value_range) is not None) == told


def test_a_pipeline_is_looked_at_in_its_first_batch():
    seen, data = [], tf.data.Dataset.from_tensor_slices(np.zeros([600, 2, 2, 1], "float32")).batch(2).enumerate()
    for _ in data.map(lambda number, images: _watch.in_first(lambda batch: seen.append(batch.shape), images, number)):
        pass
    assert seen == [(2, 2, 2, 1)] * 2  # batches 0 and 256


def test_a_graph_warns_once_and_xla_is_left_alone():
    generator = as_generator(kga.SNGAN(image_shape=(2, 2, 1), width=4, seed=1))
    replacement = Replacement(generator, 0.25, "keep", None, (0, 255), 1.0)

    def step(images, number):
        inside.append(_compat.in_xla())
        return tf.cond(number >= 0, lambda: replacement.checked(images, None, lambda: number)[0], lambda: images)

    for jit_compile in (True, False):
        inside, function = [], tf.function(step, jit_compile=jit_compile, autograph=False)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(3):
                function(tf.constant(RANDOM), tf.constant(0))
        assert inside == [jit_compile]
        assert [str(w.message)[:15] for w in caught] == ([] if jit_compile else ["The images span"])


def test_probabilities():
    assert _watch.look_like_probabilities([[0.2, 0.8], [1.0, 0.0]])
    assert not _watch.look_like_probabilities([[0.2, 0.8], [1.5, 0.0]])
    with pytest.warns(UserWarning, match="`build` must give logits"):
        assert _watch.warn_of_probabilities(np.array([[0.2, 0.8]]), "build")


def test_images_that_are_not_finite():
    _watch.not_finite(RANDOM, "generator")
    with pytest.raises(ValueError, match=r"`generator` must give finite images.*Received: 1 of 4"):
        _watch.not_finite(np.where(np.arange(4)[:, None, None, None] == 2, np.inf, RANDOM), "generator")


def test_images_with_nan_have_advice_of_their_own():
    with pytest.warns(UserWarning, match=r"some are not finite numbers\. Remove such images"):
        _watch.ScaleWatch((0, 1), "do it").look(np.where(RANDOM > 0.5, np.nan, RANDOM))
