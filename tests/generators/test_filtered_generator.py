"""A generator of which a classifier picks the samples."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import STUDY_SHAPE, small_gan

import keras_ganaug as kga
from keras_ganaug import conditions
from keras_ganaug.generators import Generator


class _Known(Generator):
    """Images of one value, uniform from 0 to 1 and known from the seed."""

    condition, image_shape, value_range = conditions.of(2), (1, 1, 1), (0.0, 1.0)

    def sample(self, labels, seed, truncation=1.0):
        return kga._random.uniform([tf.shape(labels)[0], 1, 1, 1], seed)


def _classifier():
    """The probability of class 1 is the pixel's value."""
    images = keras.Input((1, 1, 1))
    value = keras.layers.Flatten()(images)
    logits = keras.layers.Concatenate()([keras.layers.Rescaling(-1.0, 1.0)(value), value])
    return keras.Model(images, keras.layers.Activation(tf.math.log)(logits))


LABELS, SEED = np.resize([0, 1], 400).astype("int32"), np.array([3, 4], "int32")


def test_samples_are_the_first_within_the_band_or_the_nearest_to_it():
    picked = kga.FilteredGenerator(_Known(), _classifier(), band=(0.6, 0.8), candidates=3)
    values = picked.sample(LABELS, SEED).numpy().ravel()
    drawn = np.stack([_Known().sample(LABELS, kga._random.fold(SEED, n)).numpy().ravel() for n in range(3)])
    p = np.where(LABELS == 1, drawn, 1 - drawn)
    inside = (p >= 0.6) & (p <= 0.8)
    expected = []
    for column in range(400):
        rows = np.flatnonzero(inside[:, column])
        off = np.maximum(0.6 - p[:, column], p[:, column] - 0.8)
        expected.append(drawn[rows[0] if len(rows) else off.argmin(), column])
    np.testing.assert_array_equal(values, np.array(expected, np.float32))
    p_picked = np.where(LABELS == 1, values, 1 - values)
    share = ((p_picked >= 0.6) & (p_picked <= 0.8)).mean()
    assert share == pytest.approx(1 - 0.8**3, abs=0.07)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"band": (0.5, 0.5)}, "band"),
        ({"band": 0.5}, "band"),
        ({"band": (0.5, 1.5)}, "band"),
        ({"candidates": 0}, "candidates"),
        ({"classifier": "model"}, "classifier"),
        ({"classifier": keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten()])}, "classifier"),
        ({"generator": kga.SNGAN((8, 8, 1), latent_dim=4, seed=1)}, "generator"),
    ],
)
def test_bad_arguments(options, name):
    good = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    given = {"generator": kga.SNGAN((8, 8, 1), 2, latent_dim=4, seed=1), "classifier": good, **options}
    with pytest.raises((ValueError, TypeError), match=rf"`{name}`.*Received"):
        kga.FilteredGenerator(**given)


def test_probabilities_in_place_of_logits_are_warned_of():
    layers = [keras.Input(STUDY_SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)]
    kga.FilteredGenerator(small_gan(STUDY_SHAPE), keras.Sequential(layers))
    with pytest.warns(UserWarning, match="`classifier` must give logits"):
        kga.FilteredGenerator(small_gan(STUDY_SHAPE), keras.Sequential([*layers, keras.layers.Softmax()]))


def _names_by_brightness(low, high):
    """A classifier of three classes by brightness, made for images from `low` to `high`."""
    images = keras.Input(STUDY_SHAPE)
    brightness = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / (high - low), -low / (high - low))(images))
    logits = [keras.layers.Rescaling(-1.0, place)(brightness) for place in (0.1, 0.5, 0.9)]
    near = keras.layers.Concatenate()([keras.layers.Multiply()([logit, logit]) for logit in logits])
    return keras.Model(images, keras.layers.Rescaling(-100.0)(near))


class _Bright(Generator):
    """Images as bright as their class, from 0 to 255."""

    condition, image_shape, value_range = conditions.of(3), STUDY_SHAPE, (0.0, 255.0)

    def sample(self, labels, seed, truncation=1.0):
        places = tf.gather(tf.constant([0.1, 0.5, 0.9]) * 255, labels)
        return tf.broadcast_to(places[:, None, None, None], [tf.shape(labels)[0], *STUDY_SHAPE])


@pytest.mark.parametrize("made_for", [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)])
def test_a_classifier_made_for_another_scale_is_warned_of(made_for):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kga.FilteredGenerator(_Bright(), _names_by_brightness(*made_for))
    told = [str(warning.message) for warning in caught if "`classifier`" in str(warning.message)]
    if made_for == (0.0, 255.0):
        assert not told
    else:
        assert len(told) == 1
        assert f"seems to be made for {made_for}" in told[0]


def test_a_classifier_at_chance_is_warned_of():
    class Wrong(_Bright):
        def sample(self, labels, seed, truncation=1.0):
            return super().sample(tf.zeros_like(labels), seed)

    with pytest.warns(UserWarning, match="`classifier` must know the classes.*34% of 64"):
        kga.FilteredGenerator(Wrong(), _names_by_brightness(0.0, 255.0))


def test_a_classifier_that_gives_nan_is_refused():
    classifier = keras.Sequential([keras.layers.Input(STUDY_SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)])
    classifier.set_weights([np.full_like(weight, np.nan) for weight in classifier.get_weights()])
    with pytest.raises(ValueError, match="`classifier` must give numbers"):
        kga.FilteredGenerator(_Bright(), classifier)
