"""What studies keep: nothing is taken for another's, nothing is lost, and what is cut short is told."""

import collections
import functools
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import StudyRecorder, study_data

from keras_ganaug import study
from keras_ganaug.study import fingerprint, recommendation, training, transforms
from keras_ganaug.study.results import Results

pytestmark = pytest.mark.usefixtures("eager")

SCALE = 2.0


def scaled(images):
    return images * SCALE


def uses_a_global(images, labels, seed):
    return scaled(images), labels


def factory(share, *, twice=False):
    def transform(images, labels, seed, share=share):
        return images * share * (2 if twice else 1), labels

    return transform


def lambdas():
    return [lambda images, labels, seed: (images * 0.5, labels), lambda images, labels, seed: (images * 0.25, labels)]


class Brightness:
    """A transform with parameters."""

    def __init__(self, share, inner=None):
        self.share, self.inner = share, inner

    def __repr__(self):
        return "Brightness"

    def __call__(self, images, labels, seed):
        return images * self.share, labels

    def method(self, images, labels, seed):
        return self(images, labels, seed)


class Slotted:
    __slots__ = ("share",)

    def __init__(self, share):
        self.share = share


def class_with(share):
    class Made:
        def __call__(self, images, labels, seed):
            return images * share, labels

    return Made()


class Layer(keras.layers.Layer):
    """One whose config does not tell its parameter."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def get_config(self):
        return {}


def dense(value):
    return keras.Sequential([keras.Input([3]), keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant(value))])


MAKERS = {
    "nested def": factory,
    "default": lambda share: factory(1.0).__get__(share),
    "closure of a closure": lambda share: factory(factory(share)),
    "partial": lambda share: functools.partial(transforms.shift, share=share),
    "object": Brightness,
    "object in an object": lambda share: Brightness(1.0, [Brightness(share)]),
    "bound method": lambda share: Brightness(share).method,
    "slots": Slotted,
    "class": class_with,
    "array": lambda share: Brightness(np.full([2000], share)),
    "tensor": lambda share: factory(tf.constant(share)),
    "generator of random numbers": lambda share: Brightness(np.random.default_rng(int(100 * share))),
    "layer": Layer,
    "weights": lambda share: factory(dense(share)),
    "tf.function": lambda share: tf.function(factory(share)),
    "set": lambda share: Brightness({"a", "b", share}),
    "order of a dict": lambda share: factory({"a": 1, "b": 2} if share < 0.3 else {"b": 2, "a": 1}),
    "dtype": lambda share: Brightness(np.zeros([2], "uint8" if share < 0.3 else "int8")),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_functions_and_objects_are_told_apart(kind):
    texts = [fingerprint.text_of(MAKERS[kind](share)) for share in (0.25, 0.5, 0.25)]
    assert texts[0] == texts[2] != texts[1]
    assert " at 0x" not in texts[0]


def test_code_is_told_apart():
    first, second = lambdas()
    assert fingerprint.text_of(first) != fingerprint.text_of(second)
    assert fingerprint.text_of(first) == fingerprint.text_of(lambdas()[0])
    assert fingerprint.text_of(factory(1.0)) != fingerprint.text_of(factory(1.0, twice=True))


def test_globals_that_a_function_uses_are_part_of_it(monkeypatch):
    before = fingerprint.text_of(uses_a_global)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 3.0)
    changed = fingerprint.text_of(uses_a_global)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 2.0)
    assert before == fingerprint.text_of(uses_a_global) != changed
    monkeypatch.setattr(sys.modules[__name__], "scaled", lambda images: images)
    assert fingerprint.text_of(uses_a_global) != before


def test_code_by_its_source_is_the_same_wherever_it_stands(tmp_path, monkeypatch):
    """Comments, lines above, annotations and the name of the file change nothing; a number does."""
    monkeypatch.syspath_prepend(tmp_path)
    sources = {
        "one_of_four": "def f(x):\n    return x in {'a', 'b', 'c'} and 1\n",
        "two_of_four": "\n# moved\ndef f(x: int) -> int:\n    '''Says so.'''\n    return x in {'a', 'b', 'c'} and 1  # x\n",
        "three_of_four": "def f(x):\n    return x in {'a', 'b', 'c'} and 2\n",
    }
    texts = []
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
        texts.append(fingerprint.text_of(__import__(name).f))
    assert texts[0] == texts[1] != texts[2]
    (tmp_path / "one_of_four.py").write_text(sources["three_of_four"])  # the file is not what was loaded
    changed = fingerprint.text_of(sys.modules["one_of_four"].f)
    assert changed != texts[2]


def test_a_module_of_ones_own_that_a_function_imports_is_part_of_it(tmp_path, monkeypatch):
    def transform(images, labels, seed):
        import own_module_of_this_test

        return own_module_of_this_test.change(images), labels

    monkeypatch.syspath_prepend(tmp_path)
    texts = []
    for source in (
        "def change(x):\n    return x\n",
        "def change(x):\n    return x  # yes\n",
        "def change(x):\n    return -x\n",
    ):
        (tmp_path / "own_module_of_this_test.py").write_text(source)
        importlib.invalidate_caches()
        texts.append(fingerprint.text_of(transform))
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("value", [threading.Lock(), sys.stdout, (n for n in ()), tf.data.Dataset.range(2)])
def test_what_has_no_state_to_be_found_again_is_never_found(value):
    with pytest.raises(fingerprint.Unstable):
        fingerprint.text_of(factory(value))


def test_a_name_of_ones_own_stands_for_the_code():
    def one(images, labels, seed):
        return None

    def two(images, labels, seed):
        return threading.Lock()

    one.cache_key = two.cache_key = "mine, version 1"
    assert fingerprint.text_of(one) == fingerprint.text_of(two)
    two.cache_key = "mine, version 2"
    assert fingerprint.text_of(one) != fingerprint.text_of(two)


def test_a_new_field_with_a_default_changes_no_key():
    def widened(cls):
        defaults = {**cls._field_defaults, "new": 0.5}
        wider = collections.namedtuple(cls.__name__, defaults, defaults=defaults.values())
        wider.__module__, wider.__qualname__ = cls.__module__, cls.__qualname__
        return wider

    wider_arm, wider_synthetic = widened(study.Arm), widened(study.Synthetic)
    synthetic = {"fraction": 0.5, "strategy": [0.5, 0.5]}
    text = fingerprint.text_of(study.Arm(loss="focal", synthetic=study.Synthetic(**synthetic)))
    assert fingerprint.text_of(wider_arm(loss="focal", synthetic=wider_synthetic(**synthetic))) == text
    assert fingerprint.text_of(wider_arm(loss="focal", synthetic=wider_synthetic(**synthetic, new=1.0))) != text
    assert text == "keras_ganaug.Arm(loss='focal', synthetic=keras_ganaug.Synthetic(fraction=0.5, strategy=(0.5, 0.5)))"


# Results of one study are not those of another.


def figures(recorder, directory, transform=None, **options):
    arm = study.Arm() if transform is None else study.Arm(transforms=(transform,))
    options = {"arms": {"mine": arm}, "on_top_of": None, "seeds": [3], "steps": 6, **options}
    return recorder.study(study_data(9), directory, **options).run().arms["mine"]["calibration_error"]


def test_transforms_do_not_take_each_others_results(tmp_path):
    recorder = StudyRecorder()
    found = [figures(recorder, tmp_path, transform) for transform in (factory(0.1), factory(1.0), Brightness(0.5))]
    assert len({str(each) for each in found}) == len(recorder.models) == 3
    assert [figures(recorder, tmp_path, transform) for transform in (factory(0.1), factory(1.0), Brightness(0.5))] == found
    assert len(recorder.models) == 3


def test_classifiers_optimizers_and_gans_do_not_take_each_others_results(tmp_path):
    recorder = StudyRecorder()

    def other(seed):
        return recorder.build(seed + 1)

    figures(recorder, tmp_path)
    figures(recorder, tmp_path, build=other)
    figures(recorder, tmp_path, optimizer=lambda steps: keras.optimizers.SGD(0.1))
    assert len(recorder.models) == 3
    gan = {"arms": {"mine": study.Arm(synthetic=study.Synthetic(bank_size=12))}, "seeds": [3]}
    for width in (1, 2):
        wide = StudyRecorder()
        wide.generator = functools.partial(_generator, width)
        for _ in range(2):
            figures(wide, tmp_path, **gan)
        assert len(wide.models) == 1
    assert len(list(Path(tmp_path).glob("generator_3_*.keras"))) == 2


def _generator(width, images, labels, seed):
    return StudyRecorder().generator(images, labels, seed + width)


def test_results_that_could_not_be_found_again_are_not_kept(tmp_path):
    with pytest.warns(UserWarning, match=r"arms \['mine'\] are not cached in `directory`: .*lock.* `cache_key`"):
        figures(StudyRecorder(), tmp_path, Brightness(0.5, threading.Lock()))
    assert not (tmp_path / "results.json").exists()


def test_nan_is_written_as_null_and_read_again(tmp_path):
    entry = {"settings": "a", "results": {"tail_recall": float("nan"), "recalls": [0.5, float("nan")]}}
    Results(tmp_path / "results.json").add({"a": entry})
    text = (tmp_path / "results.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["a"]["results"] == {"tail_recall": None, "recalls": [0.5, None]}
    np.testing.assert_equal(Results(tmp_path / "results.json").read(), {"a": entry})
    (tmp_path / "results.json").write_text(text.replace("null", "NaN"))  # as it was written before
    np.testing.assert_equal(Results(tmp_path / "results.json").read(), {"a": entry})


@pytest.mark.parametrize("change", [lambda text: text[: len(text) // 2], lambda text: "", lambda text: "[1, 2]"])
def test_results_that_are_cut_short_are_told_and_left_alone(tmp_path, change):
    recorder, file = StudyRecorder(), tmp_path / "results.json"
    Results(file).add({"a": {"settings": "a", "results": {"x": 1.0}}})
    file.write_text(change(file.read_text()))
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"`directory` must hold results.*results\.json"):
        figures(recorder, tmp_path)
    with pytest.raises(ValueError, match=r"results\.json"):
        Results(file).add({"a": {"settings": "a", "results": {}}})
    assert file.read_bytes() == before
    assert not recorder.models


@pytest.mark.parametrize("after", ["write", "rename"])
def test_a_write_that_is_killed_leaves_the_old_results(tmp_path, monkeypatch, after):
    file = tmp_path / "results.json"
    Results(file).add({"a": {"settings": "a", "results": {"x": 1.0}}})
    before = file.read_bytes()

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        if after == "write":
            patched.setattr(tf.io.gfile.GFile, "write", killed)
        else:
            patched.setattr(tf.io.gfile, "rename", killed)
        Results(file).add({"b": {"settings": "b", "results": {}}})
    assert file.read_bytes() == before
    Results(file).add({"b": {"settings": "b", "results": {}}})  # and the lock is free
    assert set(Results(file).read()) == {"a", "b"}


def test_a_directory_needs_filelock_and_a_file_system(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"`directory` must be a folder of this machine.*gs://"):
        StudyRecorder().study(study_data(9), "gs://bucket/study")
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(ImportError, match=r"`directory`.*keras_ganaug\[study\]"):
        StudyRecorder().study(study_data(9), tmp_path)
    StudyRecorder().study(study_data(9))


def test_threads_lose_no_results(tmp_path):
    file = tmp_path / "results.json"

    def add(thread):
        for n in range(10):
            Results(file).add({f"{thread} {n}": {"settings": "a", "results": {"x": n}}})

    threads = [threading.Thread(target=add, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Results(file).read()) == {f"{thread} {n}" for thread in range(4) for n in range(10)}


PROCESS = """
import json, sys
from pathlib import Path
sys.path[:0] = {paths!r}
import test_results as tests
folder = Path({folder!r})
(folder / "texts.json").write_text(json.dumps(tests.texts()))
tests.add(folder, "other")
"""


def texts():
    return {kind: fingerprint.text_of(make(0.5)) for kind, make in MAKERS.items()}


def add(folder, name):
    for n in range(60):
        Results(folder / "results.json").add({f"{name} {n}": {"settings": "a", "results": {"x": n}}})


def test_two_processes_lose_no_results_and_find_each_others(tmp_path):
    code = PROCESS.format(paths=[str(folder) for folder in Path(__file__).parents[:2]], folder=str(tmp_path))
    other = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "7"})
    end = time.monotonic() + 120
    while not (tmp_path / "results.json").exists() and other.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    add(tmp_path, "this")
    assert other.wait(timeout=120) == 0
    assert set(Results(tmp_path / "results.json").read()) == {f"{name} {n}" for name in ("this", "other") for n in range(60)}
    assert json.loads((tmp_path / "texts.json").read_text()) == texts()


# What a study is given.


def test_images_in_train_and_test_are_told_with_their_number():
    (images, labels), (others, other_labels) = study_data(3), study_data(9)
    others = others.astype("float32")
    others[[4, 9, 11]] = images[[0, 1, 1]]
    options = {"arms": {"nothing": study.Arm()}, "on_top_of": None, "seeds": [3]}
    with pytest.warns(UserWarning, match=r"3 of the 60 images of `test` are in `train` too.*seed 3") as told:
        StudyRecorder().study((others, other_labels), **options).run()
    assert __file__ in {warning.filename for warning in told}  # the line that calls `run`
    held_out = images.copy(), labels
    held_out[0][7] = study_data(9)[0][5]
    with pytest.warns(UserWarning, match="pixel for pixel") as told:
        StudyRecorder().study(study_data(9), held_out=held_out, **options).run()
    texts = " ".join(str(warning.message) for warning in told)
    assert "1 of the 60 images of `test` are in `held_out` too" in texts
    assert "59 of the 60 images of `held_out` are in `train` too" in texts


def test_images_that_a_training_set_has_twice_are_told_by_the_guard(monkeypatch):
    images, labels = study_data(3)
    images[[8, 9]] = images[7]
    advice = study.Recommendation(0.0, "keep", None, 1.0, "nothing", [], {})
    monkeypatch.setattr(recommendation, "_tried", lambda *given: advice)  # the trainings
    with pytest.warns(UserWarning, match="2 of the 60 images of `train` are there once more") as told:
        study.recommend((images, labels), StudyRecorder().generator, arms={"nothing": study.Arm()})
    assert told[0].filename == __file__


GAN = study.Arm(synthetic=study.Synthetic(bank_size=12))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"make_generator": "gan"}, r"`make_generator` must be a function of \(images, labels, seed\).*SNGAN.*lambda"),
        ({"make_generator": "class"}, "`make_generator` must be a function"),
        ({"make_generator": lambda images, labels: None}, r"`make_generator` must be.*\(images, labels\)"),
        ({"build": keras.Sequential()}, r"`build` must be a function of \(seed\).*Sequential"),
        ({"build": lambda: None}, "`build` must be a function"),
        ({"optimizer": keras.optimizers.Adam()}, r"`optimizer` must be a function of \(steps\).*Adam"),
        ({"optimizer": keras.optimizers.Adam}, "`optimizer` must be a function"),
        ({"optimizer": "adam"}, "`optimizer` must be a function"),
    ],
)
@pytest.mark.parametrize("of", ["study", "recommend"])
def test_things_in_the_place_of_functions_that_make_them(options, words, of):
    options = {**options}
    if isinstance(options.get("make_generator"), str):
        given = StudyRecorder().generator(*study_data(3), 1)
        options["make_generator"] = given if options["make_generator"] == "gan" else type(given)
    options.setdefault("make_generator", StudyRecorder().generator)
    with pytest.raises(TypeError, match=words):
        if of == "study":
            study.AugmentationStudy(study_data(3), study_data(9), **options)
        else:
            study.recommend(study_data(3), options.pop("make_generator"), **options)


def test_a_model_in_the_place_of_the_filters_training():
    with pytest.raises(TypeError, match=r"`train_on` must be a function of \(images, labels, seed\).*Sequential"):
        study.cross_fitted_classifier(keras.Sequential(), *study_data(3), seed=1)


def run(of, directory=None, make_generator=None, **options):
    options = {"steps": 2, "batch_size": 8, "verbose": False, "directory": directory, **options}
    arms = {"nothing": study.Arm()}
    if of == "study":
        settings = {"arms": {**arms, "gan": GAN}, "on_top_of": None, "seeds": [3], **options}
        study.AugmentationStudy(study_data(3), study_data(9), make_generator, **settings).run()
    else:
        settings = {"arms": arms, "candidates": {"some": GAN.synthetic}, "folds": 2, "repeats": 1, **options}
        study.recommend(study_data(3), make_generator, **settings)


@pytest.mark.parametrize("of", ["study", "recommend"])
def test_what_functions_return_is_looked_at_before_anything_is_trained(of, monkeypatch, tmp_path):
    recorder = StudyRecorder()
    monkeypatch.setattr(training, "train", lambda *args, **kwargs: pytest.fail("trained"))
    with pytest.raises(TypeError, match=r"`make_generator` must return a generator.*None.*return"):
        run(of, tmp_path, lambda images, labels, seed: None, build=recorder.build)
    with pytest.raises(TypeError, match=r"`make_generator` must return a generator.*\(5, None\)"):
        run(of, tmp_path, lambda images, labels, seed: (5, None), build=recorder.build)
    with pytest.raises(TypeError, match=r"`build` must return an uncompiled Keras model.*None.*return"):
        run(of, tmp_path, lambda *given: pytest.fail("a GAN was trained"), build=lambda seed: None)
    with pytest.raises(TypeError, match=r"`optimizer` must return a Keras optimizer.*None"):
        run(of, None, lambda *given: pytest.fail("a GAN was trained"), build=recorder.build, optimizer=lambda steps: None)
    three = keras.Sequential([keras.Input([8, 8, 1]), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"`build` must return a model that gives logits of shape \(batch, 3\).*2, 2"):
        run(of, None, lambda *given: pytest.fail("a GAN was trained"), build=lambda seed: three)
    assert not list(tmp_path.glob("*.keras"))


def test_a_compiled_model_and_probabilities_are_told(recwarn):
    def build(seed):
        layers = [keras.Input([8, 8, 1]), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
        model = keras.Sequential(layers)
        model.compile("sgd", "mse")
        return model

    figures(StudyRecorder(), None, build=build)
    texts = [str(warning.message) for warning in recwarn]
    assert sum("`build` gives a compiled model" in text for text in texts) == 1
    assert sum("`build` must give logits" in text for text in texts) == 1


def test_what_is_made_early_changes_no_result():
    """The first classifier is built before the generator is made: it is the one that would be built then."""

    def build(seed):
        layers = [keras.Input([8, 8, 1]), keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(3)]
        return keras.Sequential(layers)

    arm, (images, labels), test = study.Arm(), study_data(3), study_data(9)
    one = study.AugmentationStudy(
        (images, labels), test, arms={"a": arm, "b": arm}, build=build, steps=4, batch_size=8, seeds=[3], verbose=False
    ).run()
    assert one.arms["a"] == one.arms["b"]
