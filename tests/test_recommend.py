"""The guard: from the training set alone, on images that nothing was trained on, with reasons."""

import numpy as np
import pytest
from tools import STUDY_SHAPE, StudyRecorder, study_data

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.study import recommendation, streams, training

RNG = np.random.default_rng(0)


def test_folds_are_even_in_each_class():
    labels = np.array([0] * 9 + [1] * 4)
    place = training.folds_of(labels, 3, seed=1)
    np.testing.assert_array_equal(np.bincount(place[:9]), [3, 3, 3])
    assert sorted(np.bincount(place[9:], minlength=3)) == [1, 1, 2]
    assert (training.folds_of(labels, 3, seed=2) != place).any()


@pytest.mark.slow
def test_the_guard_judges_on_images_that_nothing_was_trained_on(tmp_path):
    recorder = StudyRecorder()
    images, labels = study_data(5, n=70)
    images[:, 0, 0, 0] = np.arange(70)  # tells the images apart
    advice = kga.recommend(
        (images, labels),
        recorder.generator,
        arms={"nothing": study.Arm()},
        candidates={"some": study.Synthetic(0.25, bank_size=12)},
        folds=2,
        repeats=1,
        build=recorder.build,
        steps=4,
        batch_size=8,
        verbose=False,
        directory=tmp_path,
    )
    seen = [set(given[0][:, 0, 0, 0].tolist()) for given in recorder.given]
    assert len(seen) == 2
    assert seen[0] | seen[1] == set(range(70))
    assert not seen[0] & seen[1]  # with two folds each GAN sees what the other is judged on
    assert set(advice.figures) == {"nothing", "some"}
    assert len(recorder.models) == 4
    advice.to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json") == advice
    layer = kga.GANAugmentation.from_recommendation(recorder.generator(None, None, 1), advice, seed=3)
    assert layer.fraction == advice.fraction
    assert str(advice).startswith("Use the GAN" if advice.fraction else "Do without the GAN")


def _advice(gains, counts=(100, 50, 12), strategy="fill"):
    labels = np.repeat(np.arange(len(counts)), counts)
    figures = {"plain": [0.8] * len(gains), "other": [0.1] * len(gains), "some": list(0.8 + np.array(gains))}
    candidates = {"other": study.Synthetic(0.1), "some": study.Synthetic(0.5, strategy, weight=0.5, truncation=0.9)}
    names = ["cat", "dog", "owl"]
    return recommendation._decide(figures, "plain", study.Arm(), candidates, labels, np.array(counts), names, 0.003)


def test_the_guard_recommends_what_is_surely_better():
    advice = _advice([0.02, 0.03, 0.02, 0.04])
    assert (advice.fraction, advice.synthetic_weight, advice.truncation, advice.base) == (0.5, 0.5, 0.9, "plain")
    np.testing.assert_allclose(advice.sampling_strategy, streams.fill_up(np.array([100, 50, 12]) / 162, 0.5))
    assert "+2.8 points" in str(advice)
    layer = kga.GANAugmentation.from_recommendation(kga.SNGAN(STUDY_SHAPE, 3, latent_dim=4, seed=1), advice)
    np.testing.assert_allclose(layer.replacement.class_weights, advice.sampling_strategy, rtol=1e-6)
    assert layer.replacement.synthetic_weight == 0.5
    assert _advice([0.02, 0.03, 0.02, 0.04], strategy="keep").sampling_strategy == "keep"


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ([-0.02, -0.01, 0.0, -0.03], "does not help"),
        ([0.001, 0.002, 0.001, 0.001], "does not help"),
        ([0.1, -0.06, 0.05, -0.05], "could be chance"),
    ],
)
def test_the_guard_says_0_and_why(gains, words):
    advice = _advice(gains)
    assert advice.fraction == 0
    assert words in str(advice)
    assert "12 images in class owl" in str(advice)
    augment = kga.GANAugmentation.from_recommendation(kga.SNGAN(STUDY_SHAPE, 3, latent_dim=4, seed=1), advice)
    images = RNG.integers(0, 256, [4, *STUDY_SHAPE], "uint8")
    np.testing.assert_array_equal(augment(images, np.zeros(4, int), training=True)[0], images)


def test_the_guard_trains_nothing_where_a_class_cannot_be_judged():
    recorder = StudyRecorder()
    images, labels = study_data(5, n=20)  # two images of class 2
    advice = kga.recommend((images, labels), recorder.generator, build=recorder.build, class_names=["cat", "dog", "owl"])
    assert advice.fraction == 0
    assert "2 images in class owl" in str(advice)
    assert not recorder.given
    assert not recorder.models


@pytest.mark.parametrize(
    "options",
    [{"folds": 1}, {"repeats": 0}, {"margin": 2}, {"arms": {}}, {"candidates": {"x": None}}],
)
def test_bad_arguments_of_the_guard(options):
    with pytest.raises((ValueError, TypeError), match=r"`.+`.*Received"):
        kga.recommend(study_data(5), StudyRecorder().generator, **options)
