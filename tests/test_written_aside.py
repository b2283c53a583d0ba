"""Each file that the package writes is written beside its place and renamed: a kill leaves the old one, whole."""

import hashlib
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import STUDY_SHAPE, small_gan

import keras_ganaug as kga
from keras_ganaug.study.results import Results

pytestmark = pytest.mark.usefixtures("eager")


class Cut(BaseException):
    """As a kill: nothing catches it."""


def _report(value):
    runs = {"nothing": [{"balanced_accuracy": value}] * 3}
    return kga.study.Report(runs, [0, 1, 2], {"nothing": "none"})


def _recommendation(value):
    return kga.study.Recommendation(value, "keep", None, 1.0, "nothing", [], {})


def _gan(value):
    gan = small_gan(STUDY_SHAPE, seed=round(100 * value))
    gan.compile()
    gan.generator.set_weights([weight + value for weight in gan.generator.get_weights()])
    return gan


def _augmented(value):
    classifier = keras.Sequential([keras.Input(STUDY_SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)])
    return kga.AugmentedModel(classifier, kga.GANAugmentation(_gan(value)))


def _fitted(value, callback):
    images = np.random.default_rng(round(100 * value)).integers(0, 255, [8, *STUDY_SHAPE])
    _gan(value).fit(images, np.arange(8) % 3, batch_size=8, verbose=0, callbacks=[callback])


def _study(value, folder):
    images = np.random.default_rng(0).integers(0, 255, [12, *STUDY_SHAPE]).astype("uint8")
    data = (images, np.arange(12) % 3)
    test = (255 - images, np.arange(12) % 3)
    arms = {"gan": kga.study.Arm(synthetic=kga.study.Synthetic(bank_size=6))}
    options = {"steps": round(10 * value), "batch_size": 6, "seeds": [0], "verbose": False, "directory": folder}
    kga.AugmentationStudy(data, test, lambda *_: _gan(0.5), arms=arms, on_top_of=None, **options).run()


# `KeepBest`, whose new training replaces what another has left, has its own kills in test_callbacks.py.
WRITERS = {
    "gan.save": lambda value, folder: _gan(value).save(folder / "gan.keras"),
    "gan.save_weights": lambda value, folder: _gan(value).save_weights(folder / "gan.weights.h5"),
    "gan.export": lambda value, folder: _gan(value).export(folder / "gan"),
    "GANAugmentation.export": lambda value, folder: kga.GANAugmentation(_gan(value)).export(folder / "augmentation"),
    "AugmentedModel.save": lambda value, folder: _augmented(value).save(folder / "augmented.keras"),
    "SampleGrid": lambda value, folder: _fitted(value, kga.callbacks.SampleGrid(folder / "grid.png")),
    "Report.to_json": lambda value, folder: _report(value).to_json(folder / "report.json"),
    "Report.to_html": lambda value, folder: _report(value).to_html(folder / "report.html"),
    "Report.plot": lambda value, folder: _report(value).plot(folder / "report.png"),
    "Recommendation.to_json": lambda value, folder: _recommendation(value).to_json(folder / "advice.json"),
    "results": lambda value, folder: Results(str(folder / "results.json")).record(
        str(value), "", {"balanced_accuracy": value}
    ),
    "a study": _study,
}


def _contents(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("writer", list(WRITERS))
def test_a_kill_leaves_the_old_file(writer, tmp_path, monkeypatch):
    WRITERS[writer](0.2, tmp_path)
    before = _contents(tmp_path)
    assert before

    def cut(*args, **kwargs):
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(tf.io.gfile, "rename", cut)
        with pytest.raises(Cut):
            WRITERS[writer](0.4, tmp_path)
    assert _contents(tmp_path) == before
    WRITERS[writer](0.4, tmp_path)
    assert _contents(tmp_path) != before


def test_results_are_json(tmp_path):
    WRITERS["results"](float("nan"), tmp_path)
    text = (tmp_path / "results.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["nan"]["results"] == {"balanced_accuracy": None}
