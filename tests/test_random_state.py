"""What trains classifiers leaves the random state of the process as it was."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import StudyRecorder, study_data

import keras_ganaug as kga
from keras_ganaug import _random, study
from keras_ganaug.study import cross_validation, statistics

pytest.importorskip("scipy")
pytest.importorskip("sklearn")


def draws():
    """A few numbers of each generator that users draw from without a seed."""
    ones = tf.ones([1, 20])
    return [
        np.array([random.random(), np.random.rand(), np.random.normal()]),
        tf.random.uniform([2]).numpy(),
        tf.random.shuffle(tf.range(20)).numpy(),
        keras.layers.Dense(3)(ones).numpy(),
        keras.layers.Dropout(0.5)(ones, training=True).numpy(),
        next(iter(tf.data.Dataset.range(100).shuffle(100))).numpy(),
        *([keras.random.uniform([2]).numpy()] if hasattr(keras, "random") else []),
    ]


class Stop(Exception):
    pass


def a_study(build=None):
    recorder = StudyRecorder()
    options = {"arms": {"nothing": study.Arm()}, "on_top_of": None, "seeds": [3], "steps": 2}
    recorder.study(study_data(9), **options, **({} if build is None else {"build": build})).run()


def one_that_fails():
    def build(seed):
        keras.utils.set_random_seed(seed)
        draws()
        raise Stop

    with pytest.raises(Stop):
        a_study(build)


def the_guard():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cross_validation, "AugmentationStudy", Drawing)
        kga.recommend(study_data(5, n=90), lambda *_: None, arms={"nothing": study.Arm()}, verbose=False)


class Drawing:
    """In place of `AugmentationStudy`."""

    def __init__(self, *args, arms, seeds, **options):
        self.arms, self.seeds = arms, seeds

    def results(self, generator_first=False, told=None, executor=None):
        keras.utils.set_random_seed(7)
        draws()
        return {(seed, name): dict.fromkeys(statistics.METRICS, 0.5) for seed in self.seeds for name in self.arms}


def a_classifier_for_a_filter():
    study.cross_fitted_classifier(lambda images, labels, seed: StudyRecorder().build(seed), *study_data(3), seed=1)


def a_score():
    images, labels = study_data(3)
    options = {"build": StudyRecorder().build, "steps": 1, "batch_size": 4}
    kga.metrics.classification_accuracy_score(images, labels, images, labels, **options)


@pytest.mark.parametrize("trains", [a_study, one_that_fails, the_guard, a_classifier_for_a_filter, a_score])
def test_draws_are_those_without_it(trains):
    both = []
    for between in (lambda: None, trains):
        keras.utils.set_random_seed(5)
        first = draws()
        between()
        both.append(first + draws())
    for expected, found in zip(*both, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (both[0][0] != both[0][len(both[0]) // 2]).all()


def test_what_was_not_seeded_is_not_seeded_after_it():
    tf.random.set_seed(None)
    drawn = []
    for _ in range(2):
        with _random.preserved():
            keras.utils.set_random_seed(5)
        drawn.append(tf.random.uniform([4]).numpy())
    assert (drawn[0] != drawn[1]).any()
