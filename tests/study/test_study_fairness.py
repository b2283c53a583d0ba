"""What makes the arms of a study comparable, and what is kept of it trustworthy."""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import STUDY_SHAPE, StudyRecorder, small_gan, study_data

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.study import arms, keys, results, statistics, streams, transforms

pytestmark = pytest.mark.usefixtures("eager")
SOME = study.Synthetic(0.25, bank_size=12)


def same_weights(one, another):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), another.get_weights(), strict=True))


class Fair(StudyRecorder):
    """Also remembers the initial weights, and the optimizers that were asked for."""

    def __init__(self):
        super().__init__()
        self.initial, self.asked = [], []

    def build(self, seed):
        model = super().build(seed)
        self.initial.append(model.get_weights())
        return model

    def optimizer(self, steps):
        self.asked.append(steps)
        return keras.optimizers.SGD(0.01, momentum=0.5)


@pytest.mark.slow
def test_all_arms_make_the_same_steps_from_the_same_weights_on_the_same_images():
    recorder = Fair()
    plain = {name: study.Arm(loss=name) for name in ("cross_entropy", "focal", "class_weights")}
    options = {"arms": plain, "on_top_of": ["focal"], "synthetic": SOME, "optimizer": recorder.optimizer, "steps": 5}
    recorder.study(study_data(9), seeds=[3, 4], **options).run()
    half = len(recorder.models) // 2
    assert half == 6  # three, the GAN alone, on top of one, and its control
    assert [int(model.optimizer.iterations.numpy()) for model in recorder.models] == [5] * (2 * half)
    assert recorder.asked == [5] * (2 * half)
    configs = [{**model.optimizer.get_config(), "name": None} for model in recorder.models]
    assert all(config == configs[0] for config in configs)
    for number, initial in enumerate(recorder.initial):
        equal = [np.array_equal(a, b) for a, b in zip(initial, recorder.initial[0], strict=True) if a.any()]
        assert all(equal) == (number < half)


def test_the_order_of_the_images_is_that_of_the_seed():
    images, labels = study_data(3)
    orders = []
    for arm, seed in [(study.Arm(), 3), (study.Arm(loss="focal"), 3), (study.Arm(), 4)]:
        data, _ = streams.make_stream(arm, images, labels, 3, None, 4, 8, (0, 255), seed)
        orders.append([batch[0].numpy() for batch in data])
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (np.array(orders[0]) != orders[2]).any()


@pytest.mark.slow
def test_a_filter_never_sees_the_test_images():
    banded = {"gan": study.Arm(synthetic=SOME._replace(band=(0.2, 0.9)))}
    recorders = [StudyRecorder(), StudyRecorder()]
    for recorder, test in zip(recorders, (100, 200)):
        recorder.study(study_data(test), arms=banded, on_top_of=None, seeds=[3]).run()
    first, second = (recorder.models for recorder in recorders)
    assert len(first) == len(second) == 3  # two of the filter, one judged
    assert all(map(same_weights, first, second))


def test_logits_are_adjusted_by_the_frequencies_of_the_training_images():
    recorder, (images, labels) = StudyRecorder(), study_data(9)
    adjusted = {"nothing": study.Arm(), "adjusted": study.Arm(adjust_logits=True)}
    report = recorder.study((images, labels), arms=adjusted, on_top_of=None, seeds=[3]).run()
    assert same_weights(*recorder.models)  # in training they are one
    logits = recorder.models[0](images.astype("float32")).numpy()
    frequencies = np.bincount(study_data(3)[1]) / 60
    for name, shift in (("nothing", 0.0), ("adjusted", np.log(frequencies))):
        expected = statistics.measure(logits - shift, labels, np.ones(3))
        assert report.arms[name]["balanced_accuracy"] == [expected["balanced_accuracy"]]
        assert report.arms[name]["calibration_error"] == pytest.approx([expected["calibration_error"]])


def test_an_arm_that_resamples_is_trained_on_what_it_made():
    recorder, given = StudyRecorder(), []

    def resample(images, labels, seed):
        given.append((images, labels, seed))
        return study_data(11, n=80)

    recorder.study(study_data(9), arms={"mine": study.Arm(resample=resample)}, on_top_of=None, seeds=[3]).run()
    assert len(given) == 1
    np.testing.assert_array_equal(given[0][0], study_data(3)[0])
    other = StudyRecorder()
    options = {"arms": {"plain": study.Arm()}, "on_top_of": None, "seeds": [3]}
    kga.AugmentationStudy(
        study_data(11, n=80), study_data(9), build=other.build, steps=4, batch_size=8, verbose=False, **options
    ).run()
    assert same_weights(recorder.models[0], other.models[0])


@pytest.mark.slow
def test_what_is_kept_of_other_data_is_not_taken(tmp_path):
    options = {"arms": {"nothing": study.Arm(), "gan": study.Arm(synthetic=SOME)}, "on_top_of": None, "seeds": [3]}
    recorder = StudyRecorder()
    first = recorder.study(study_data(9), tmp_path, **options).run()
    assert (len(recorder.given), len(recorder.models)) == (1, 2)
    recorder.study(study_data(10), tmp_path, **options).run()  # other test images: the GAN may stay
    assert (len(recorder.given), len(recorder.models)) == (1, 4)
    study_of_others = {**options, "build": recorder.build, "steps": 4, "batch_size": 8, "verbose": False}
    kga.AugmentationStudy(study_data(7), study_data(9), recorder.generator, directory=tmp_path, **study_of_others).run()
    assert (len(recorder.given), len(recorder.models)) == (2, 6)
    assert recorder.study(study_data(9), tmp_path, **options).run().arms == first.arms  # and all of it is still there
    assert (len(recorder.given), len(recorder.models)) == (2, 6)


@pytest.mark.slow
def test_the_guard_takes_nothing_from_a_study_in_the_same_folder(tmp_path):
    options = {"arms": {"nothing": study.Arm()}, "on_top_of": None, "seeds": [0, 1]}
    recorder = StudyRecorder()
    recorder.study(
        study_data(9), tmp_path, **{**options, "arms": {**options["arms"], "some": study.Arm(synthetic=SOME)}}
    ).run()
    assert len(recorder.given) == 2

    def advice(directory, seed, folds=2):
        fresh = StudyRecorder()
        result = kga.recommend(
            study_data(3),
            fresh.generator,
            arms=options["arms"],
            candidates={"some": SOME},
            folds=folds,
            repeats=1,
            seed=seed,
            build=fresh.build,
            steps=4,
            batch_size=8,
            verbose=False,
            directory=directory,
        )
        return result, len(fresh.given)

    for seed, folds in ((0, 2), (7, 3)):
        (shared, trained), (alone, as_many) = advice(tmp_path, seed, folds), advice(tmp_path / f"{seed}{folds}", seed, folds)
        assert shared == alone
        assert trained == as_many > 0
    assert advice(tmp_path, 0)[1] == 0  # its own are still there


def test_results_are_known_by_what_made_them(tmp_path):
    def settings(**options):
        arm = study.Arm(transforms=options.pop("transforms", ()))
        return keys.settings_of(StudyRecorder().study(study_data(9), arms={"a": arm}, on_top_of=None, **options), "a")

    def shift_by(share):
        return lambda images, labels, seed: transforms.shift(images, labels, seed, share)

    def part(share):
        return functools.partial(transforms.shift, share=share)

    assert settings() != settings(optimizer=lambda steps: keras.optimizers.SGD(0.1))
    sgd = [settings(optimizer=lambda steps, rate=rate: keras.optimizers.SGD(rate)) for rate in (0.1, 0.2, 0.1)]
    assert sgd[0] == sgd[2] != sgd[1]
    assert settings() != settings(value_range=(0, 1))
    for make in (shift_by, part):
        texts = [settings(transforms=(make(share),)) for share in (0.1, 0.2, 0.1)]
        assert texts[0] == texts[2] != texts[1]
        assert " at 0x" not in texts[0]


def test_half_a_generator_is_no_generator(tmp_path, monkeypatch):
    """A process that is killed while it writes leaves nothing that the next one would load."""
    options = {"arms": {"gan": study.Arm(synthetic=SOME)}, "on_top_of": None, "seeds": [3]}

    def save(self, path, *args, **kwargs):
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(kga.SNGAN, "save", save)
        with pytest.raises(KeyboardInterrupt):
            StudyRecorder().study(study_data(9), tmp_path, **options).run()
    assert len(StudyRecorder().study(study_data(9), tmp_path, **options).run().arms) == 1


class OnlyHere(keras.layers.Layer):
    """A layer that is not registered."""

    def call(self, x):
        return x


def test_a_kept_generator_that_cannot_be_loaded_is_made_anew(tmp_path, recwarn):
    makings = []

    def make(images, labels, seed):
        makings.append(seed)
        inputs = [keras.Input((4,)), keras.Input((), dtype="int32")]
        outputs = keras.layers.Reshape(STUDY_SHAPE)(keras.layers.Dense(int(np.prod(STUDY_SHAPE)), "tanh")(inputs[0]))
        return keras.Model(inputs, OnlyHere()(outputs))

    make.cache_key = "made of layers that are known here alone"
    options = {"arms": {"gan": study.Arm(synthetic=SOME)}, "on_top_of": None, "seeds": [3], "directory": tmp_path}
    options |= {"batch_size": 8, "verbose": False}
    for steps in (2, 3):
        kga.AugmentationStudy(study_data, study_data(9), make, steps=steps, **options).run()
    assert makings == [3, 3]
    told = [str(warning.message) for warning in recwarn if "so a new one is made" in str(warning.message)]
    assert len(told) == 1 and "register_keras_serializable" in told[0]


def test_digests_tell_data_apart():
    zeros = np.zeros([2, 3], "uint8")
    parts = [(zeros,), (zeros.T,), (zeros.astype("int8"),), (zeros + 1,), (np.asfortranarray(zeros),)]
    texts = [results.digests([part])[0] for part in parts]
    assert len(set(texts)) == 4
    assert texts[0] == texts[4]
    assert results.digests([(zeros,), (zeros + 1,)])[0] == texts[0]


@pytest.mark.slow
def test_a_generator_may_be_a_bare_keras_model():
    def generator(images, labels, seed):
        latents, classes = keras.Input([4]), keras.Input([], dtype="int32")
        x = keras.layers.Concatenate()([latents, keras.layers.Embedding(3, 4)(classes)])
        x = keras.layers.Dense(64, activation="tanh")(x)
        return keras.Model([latents, classes], keras.layers.Reshape(STUDY_SHAPE)(x))

    recorder = StudyRecorder()
    recorder.generator = generator
    report = recorder.study(study_data(9), seeds=[3], synthetic=SOME._replace(band=(0.1, 0.9))).run()
    assert "shuffled + balanced_softmax" in report.arms


@pytest.mark.parametrize(("num_classes", "words"), [(None, "with none"), (2, "with 2 classes")])
def test_a_generator_without_the_classes_is_refused(num_classes, words):
    recorder = StudyRecorder()
    recorder.generator = lambda images, labels, seed: small_gan(STUDY_SHAPE, num_classes)
    with pytest.raises(ValueError, match=f"`make_generator` must give a generator with all 3 classes.*{words}"):
        recorder.study(study_data(9), arms={"gan": study.Arm(synthetic=SOME)}, on_top_of=None).run()


def _told(run, *words):
    """How many warnings that a call gives have one of these words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return sum(any(word in str(warning.message) for word in words) for warning in caught)


class _Hidden(keras.Model):
    """Does not tell what its outputs are."""

    def __init__(self, model, sigmoid):
        super().__init__()
        self.model, self.sigmoid = model, sigmoid

    def call(self, images, training=False):
        outputs = self.model(images / 255)
        return tf.nn.sigmoid(outputs) if self.sigmoid else outputs


def _ends_in(how):
    """Makes classifiers that end in an activation, in each way that a user may write it."""

    def build(seed):
        inputs = keras.Input(STUDY_SHAPE)
        x = keras.layers.Flatten()(inputs)
        if how == "of a function":
            outputs = tf.nn.sigmoid(keras.layers.Dense(3)(x)) if not hasattr(keras, "ops") else None
            outputs = keras.ops.sigmoid(keras.layers.Dense(3)(x)) if outputs is None else outputs
        elif how == "of a layer":
            outputs = keras.layers.Activation("sigmoid")(keras.layers.Dense(3)(x))
        elif how == "of a model within":
            outputs = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(3, activation="sigmoid")])(x)
        else:
            outputs = keras.layers.Dense(3, activation=None if how.startswith("hidden") else how)(x)
        model = keras.Model(inputs, outputs)
        return _Hidden(model, how.endswith("sigmoid")) if how.startswith("hidden") else model

    return build


@pytest.mark.parametrize(
    ("how", "times"),
    [
        *((how, 1) for how in ("softmax", "sigmoid", "of a function", "of a layer", "of a model within", "hidden sigmoid")),
        ("linear", 0),
        ("hidden", 0),
    ],
)
def test_a_classifier_that_gives_no_logits_is_told_of_once_and_before_it_is_trained(how, times, monkeypatch):
    trained = []
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **options: trained.append(1))
    options = {"arms": {"a": study.Arm(), "b": study.Arm(loss="focal")}, "on_top_of": None, "build": _ends_in(how)}
    tried = StudyRecorder().study(study_data(9), **options, seeds=[3, 4])
    assert _told(tried.run, "`build` must give logits") == times
    assert len(trained) == 4
    if times:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "`build` must give")
            with pytest.raises(UserWarning, match="`build` must give logits"):
                tried.run()
        assert len(trained) == 4  # before the first of them


def test_a_softmax_is_told_of_once_by_all_that_train_classifiers(monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **options: None)
    images, labels = study_data(5, n=90)
    build, words = _ends_in("softmax"), "must give logits"

    def guard():
        arms = {"plain": study.Arm(), "other": study.Arm(loss="focal")}
        options = {"build": build, "steps": 1, "batch_size": 4, "verbose": False, "repeats": 1}
        candidates = {"some": study.Synthetic(0.25, bank_size=12)}
        kga.recommend((images, labels), StudyRecorder().generator, arms=arms, candidates=candidates, **options)

    def score():
        kga.metrics.classification_accuracy_score(images, labels, images, labels, build=build, steps=1, batch_size=4)

    assert _told(guard, words) == 1
    assert _told(lambda: study.cross_fitted_classifier(lambda x, y, seed: build(seed), images, labels, 1), words) == 1
    assert _told(score, words) == 1


@pytest.mark.parametrize("wrong", ["train", "test", "held_out", None])
def test_images_on_another_scale_are_told_of_before_anything_is_trained(wrong):
    recorder = StudyRecorder()

    def data(name, seed):
        images, labels = study_data(seed + 10 * len(name))  # no image of one is in another
        return (images / 255 if name == wrong else images), labels

    def tried():
        train, test, held_out = (functools.partial(data, name) for name in ("train", "test", "held_out"))
        options = {"arms": {"a": study.Arm()}, "build": recorder.build, "steps": 1, "batch_size": 4, "verbose": False}
        return kga.AugmentationStudy(train, test, held_out=held_out, seeds=[3, 4], **options)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tried().run()
    told = [str(warning.message) for warning in caught if "value_range" in str(warning.message)]
    assert len(told) == (wrong is not None)
    if wrong is None:
        return
    assert f"The images of `{wrong}` span 0 to " in told[0]
    assert "a small part of value_range=(0.0, 255.0)" in told[0]
    before = len(recorder.models)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The images of")
        with pytest.raises(UserWarning, match=f"`{wrong}` span"):
            tried().run()
    assert len(recorder.models) == before


@pytest.mark.parametrize(("scale", "value_range", "times"), [(1 / 255, (0, 255), 1), (1 / 255, (0, 1), 0), (1, (0, 255), 0)])
def test_the_guard_tells_of_another_scale_once(scale, value_range, times, monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **options: None)
    images, labels = study_data(5, n=90)
    options = {"build": StudyRecorder().build, "steps": 1, "batch_size": 4, "verbose": False, "value_range": value_range}
    candidates = {"some": study.Synthetic(0.25, bank_size=12)}

    def make(images, labels, seed):
        return small_gan(STUDY_SHAPE, seed=seed, value_range=value_range)

    def guard():
        kga.recommend((images * scale, labels), make, {"plain": study.Arm()}, candidates, repeats=1, **options)

    assert _told(guard, "The images of `") == times


def with_synthetic(**options):
    return {"arms": {"a": study.Arm(synthetic=study.Synthetic(**options))}}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (with_synthetic(weight=-1), "weight of arm 'a'"),
        (with_synthetic(bank_size=0), "bank_size of arm 'a'"),
        (with_synthetic(strategy="fil"), "strategy of arm 'a'"),
        (with_synthetic(strategy=[1, 1]), "strategy of arm 'a'"),
        (with_synthetic(strategy={7: 1.0}), "strategy of arm 'a'"),
        (with_synthetic(band=0.5), "band of arm 'a'"),
        (with_synthetic(band=(0.9, 0.1)), "band of arm 'a'"),
        ({"arms": {"a": study.Arm(adjust_logits="no")}}, "adjust_logits of arm 'a'"),
        ({"arms": {"a": study.Arm(resample="smote")}}, "resample"),
        ({"arms": {"a": study.Arm(transforms="shift")}}, "transforms"),
        ({"arms": ["nothing"]}, "arms"),
        ({"arms": {}}, "arms"),
        ({"synthetic": 0.5}, "synthetic"),
        ({"seeds": 3}, "seeds"),
        ({"train": (*study_data(9), None)}, "train"),
        ({"train": (np.zeros([6, 9, 9, 1]), np.arange(6) % 3)}, "train"),
        ({"held_out": (study_data(9)[0][:7], study_data(9)[1][:7] * 0)}, "held_out"),
        ({"held_out": (np.zeros([6, 9, 9, 1]), np.arange(6) % 3)}, "held_out"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_trained(options, named):
    recorder = StudyRecorder()
    with pytest.raises((ValueError, TypeError), match=rf"`{named}.*Received"):
        study_with(recorder, **options).run()
    assert not recorder.given
    assert not recorder.models


def study_with(recorder, train=study_data, **options):
    plain = {"arms": {"balanced_softmax": study.Arm(loss="balanced_softmax")}}
    options = {**(plain if "arms" not in options else {"on_top_of": None}), "verbose": False, "steps": 2, **options}
    return kga.AugmentationStudy(train, study_data(9), recorder.generator, build=recorder.build, **options)


def test_images_that_an_arm_does_not_take():
    if arms.missing_for(study.Arm(transforms=("rand_augment",))):
        pytest.skip("a Keras without this layer")
    data = np.zeros([12, 8, 8, 5], "uint8"), np.arange(12) % 3
    with pytest.warns(UserWarning, match="'rand_augment' is left out: it needs images of 1 or 3 channels, not of 5"):
        assert "rand_augment" not in kga.AugmentationStudy(data, data).arms
    with pytest.raises(ValueError, match="`arms` must fit the images: 'mine' needs images of 1 or 3 channels"):
        kga.AugmentationStudy(data, data, arms={"mine": study.Arm(transforms=("rand_augment",))})


@pytest.mark.parametrize(
    "options", [{"folds": 1}, {"train_on": None}, {"train_on": lambda *_: None}, {"labels": np.eye(3)[study_data(9)[1]]}]
)
def test_bad_arguments_of_the_filters_classifier(options):
    images, labels = study_data(9)
    given = {"train_on": lambda *_: keras.Sequential(), "images": images, "labels": labels, "seed": 1}
    with pytest.raises((ValueError, TypeError), match=r"`.+`.*Received"):
        study.cross_fitted_classifier(**{**given, **options})
