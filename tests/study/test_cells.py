"""Studies of data with several attributes: their cells, what is measured of them, and what is trained on them."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tools import StudyRecorder, study_data

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.study import statistics

RNG = np.random.default_rng(0)
ATTRIBUTES = {"kind": 3, "style": 2}
SOME = study.Synthetic(0.5, bank_size=12)


def cell_data(seed, n=60, seen=(0, 1, 2, 5)):
    """Images of `study_data` in two styles, the second inverted; only of these cells."""
    images, kinds = study_data(seed, 4 * n)
    styles = np.random.default_rng(seed).integers(0, 2, 4 * n)
    images = np.where(styles[:, None, None, None] == 1, 255 - images, images)
    rows = np.flatnonzero(np.isin(2 * kinds + styles, seen))[:n]
    return images[rows], {"kind": kinds[rows], "style": styles[rows]}


def everywhere(seed):
    return cell_data(seed, 80, range(6))


def cell_study(recorder, **options):
    settings = {"arms": {"nothing": study.Arm()}, "on_top_of": None, "steps": 4, "batch_size": 8, "seeds": [3]}
    settings |= {"num_classes": ATTRIBUTES, "build": recorder.build, "verbose": False, "make_generator": recorder.generator}
    return kga.AugmentationStudy(**{"train": cell_data, "test": everywhere(9), **settings, **options})


def test_accuracies_of_cells_counted_one_by_one():
    logits, labels, cells = RNG.normal(size=[60, 3]), RNG.integers(0, 3, 60), RNG.integers(0, 5, 60)
    seen = np.array([True, False, True, True, False, False])
    measured = statistics.measure(logits, labels, [1, 1, 1], cells=cells, seen=seen)
    right = logits.argmax(1) == labels
    each = [np.mean([r for r, c in zip(right, cells) if c == cell]) for cell in range(5)]
    np.testing.assert_allclose(measured["cells"], [*each, np.nan])
    assert measured["worst_group"] == pytest.approx(min(each))
    assert measured["seen_cells"] == pytest.approx(np.mean([each[0], each[2], each[3]]))
    assert measured["unseen_cells"] == pytest.approx(np.mean([each[1], each[4]]))
    plain = statistics.measure(logits, labels, [1, 1, 1])
    assert {name: value for name, value in measured.items() if name in plain} == plain
    assert not {"worst_group", "seen_cells", "unseen_cells", "cells"} & plain.keys()
    assert np.isnan(statistics.of_cells(right, cells, np.ones(5, bool))["unseen_cells"])


def test_the_classifier_learns_the_first_attribute_as_it_would_alone():
    recorder, (images, labels), (tests, of_tests) = StudyRecorder(), cell_data(3), everywhere(9)
    results = cell_study(recorder).results()[3, "nothing"]
    plain = {"train": (images, labels["kind"]), "test": (tests, of_tests["kind"]), "num_classes": None}
    alone = cell_study(recorder, **plain).results()[3, "nothing"]
    assert {name: results[name] for name in alone} == alone
    logits = np.asarray(recorder.models[0](tests.astype("float32")))
    cells = 2 * of_tests["kind"] + of_tests["style"]
    seen = np.isin(range(6), (0, 1, 2, 5))
    expected = statistics.of_cells(logits.argmax(1) == of_tests["kind"], cells, seen)
    assert {name: results[name] for name in expected} == expected


@pytest.mark.parametrize("form", ["integers", "dataset", "dataset of integers"])
def test_labels_are_those_of_a_gan_of_these_attributes(form):
    images, labels = cell_data(3)
    rows = np.stack([labels["kind"], labels["style"]], 1).astype("int32")
    given = images, rows
    if form != "integers":
        of = labels | {"style": labels["style"].astype("uint8")} if form == "dataset" else rows
        given = tf.data.Dataset.from_tensor_slices((images, of))
    expected, made = cell_study(StudyRecorder()), cell_study(StudyRecorder(), train=given)
    for each in (expected, made):
        each.data.check([3], (0, 255), False)
    assert made.data.digests == expected.data.digests
    np.testing.assert_array_equal(made.data.of("train", 3)[1], rows)
    assert made.data.of("train", 3)[1].dtype == "int32"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"kind": [0] * 4}, "the keys"),
        ({"kind": [0] * 4, "style": [0, 1, 2, 0]}, r"\[2\]"),
        (np.zeros([4], int), "shape"),
        (np.zeros([5, 2], int), "shapes"),
    ],
)
def test_labels_that_do_not_fit_are_refused_at_once(labels, words):
    with pytest.raises(ValueError, match=rf"(?s)`test` must.*Received.*{words}"):
        cell_study(StudyRecorder(), test=(np.zeros([4, 8, 8, 1], "uint8"), labels))


def test_results_of_cells_are_others_than_those_of_classes():
    settings = [cell_study(StudyRecorder())._settings("nothing")]
    settings += [cell_study(StudyRecorder(), num_classes={"kind": 3, "style": n})._settings("nothing") for n in (2, 3)]
    images, labels = everywhere(9)
    settings.append(cell_study(StudyRecorder(), test=(images, labels["kind"]), num_classes=None)._settings("nothing"))
    assert settings[0] == settings[1]
    assert len(set(settings)) == 3


def test_generators_of_all_attributes_of_the_class_or_of_images():
    """Each sees int32 labels (n, 2); a bare one of too few classes is refused before a classifier is trained."""
    given = []

    def maker(make):
        def make_generator(images, labels, seed):
            given.append(labels)
            return make()

        return make_generator

    shape = (8, 8, 1)
    makers = {
        "all": lambda: kga.SNGAN(shape, {"style": 2, "kind": 3}, latent_dim=4, width=4, seed=1),
        "class": lambda: kga.SNGAN(shape, 3, latent_dim=4, width=4, seed=1),
        "images": lambda: kga.models.StarGAN(shape, 2, width=4, seed=1),
    }
    for name, make in makers.items():
        drawn = {"style": [0, 1]} if name == "all" else [0, 1] if name == "images" else None
        synthetic = SOME._replace(attributes=drawn, real_only_end=0.5)
        options = {"arms": {"gan": study.Arm(synthetic=synthetic)}, "make_generator": maker(make)}
        measured = cell_study(StudyRecorder(), **options).results()[3, "gan"]
        assert np.isfinite([measured[metric] for metric in ("balanced_accuracy", "unseen_cells")]).all()
    for labels in given:
        np.testing.assert_array_equal(labels, np.stack([*cell_data(3)[1].values()], 1))
        assert labels.dtype == "int32"
    recorder, few = StudyRecorder(), lambda *_: kga.SNGAN(shape, {"kind": 2, "style": 3}, latent_dim=4, width=4)
    with pytest.raises(ValueError, match=r"`make_generator` must give a generator with all 3 classes.*with 2 classes"):
        cell_study(recorder, arms={"gan": study.Arm(synthetic=SOME)}, make_generator=few).run()
    assert len(recorder.models) == 1  # made and not trained


def test_an_oracle_draws_the_images_of_a_class_from_all_cells():
    held_out = everywhere(20)
    arm = {"oracle": study.Arm(synthetic=SOME._replace(source="oracle"))}
    whole = cell_study(StudyRecorder(), arms=arm, held_out=held_out)
    trainer = kga.study.training.Trainer(whole, 3)
    labels = np.repeat(np.arange(3, dtype="int32"), 40)
    drawn = {image.tobytes() for image in trainer.generator_of(arm["oracle"]).sample(labels, [1, 2]).numpy()}
    images, of = held_out[0].astype("float32"), 2 * held_out[1]["kind"] + held_out[1]["style"]
    assert {cell for image, cell in zip(images, of) if image.tobytes() in drawn} == {*range(6)}
    assert np.isfinite(whole.results()[3, "oracle"]["unseen_cells"])


def _report(**unseen):
    runs = {
        arm: [{"balanced_accuracy": 0.9 - value, "worst_group": 0.1, "seen_cells": 0.9, "unseen_cells": value}] * 3
        for arm, value in unseen.items()
    }
    return study.Report(runs, range(3), {arm: "gan" if "gan" in arm else "none" for arm in unseen})


def test_a_report_of_cells_is_about_those_that_were_not_seen(tmp_path):
    report = _report(plain=0.3, gan=0.5, other=0.2)
    assert (report.metric, report.best_with_gan, report.best_without_gan) == ("unseen_cells", "gan", "plain")
    assert report.gain["difference"] == pytest.approx(0.2)
    assert report.compare("gan", "plain")["difference"] == pytest.approx(-0.2)
    assert report.compare("gan", "plain", "worst_group")["difference"] == 0
    assert "+20.0 points of mean accuracy of unseen cells for 'gan' over 'plain'" in report.verdict()
    head, _, first, *_ = report.table().splitlines()
    assert head.endswith("| worst cell | seen cells | unseen cells |")
    assert first.startswith("| gan |") and first.endswith("| 10.0 ± 0.0 | 90.0 ± 0.0 | 50.0 ± 0.0 |")
    report.to_json(tmp_path / "report.json")
    read = study.Report.from_json(tmp_path / "report.json")
    assert (read.arms, read.metric, read.verdict()) == (report.arms, report.metric, report.verdict())


def test_a_report_without_cells_is_as_it_was(tmp_path):
    """Files of before have neither kinds nor metrics of cells; where all cells were seen the classes are what counts."""
    old = {"arms": {"a": {"balanced_accuracy": [0.5, 0.6]}, "gan": {"balanced_accuracy": [0.4, 0.5]}}, "seeds": [0, 1]}
    (tmp_path / "old.json").write_text(json.dumps(old))
    read = study.Report.from_json(tmp_path / "old.json")
    assert read.kinds == {"a": "none", "gan": "none"}
    assert (read.metric, read.best_without_gan, read.best_with_gan) == ("balanced_accuracy", "a", None)
    assert "cells" not in read.table() and "cell |" not in read.table()
    assert np.isnan(read.compare("a", "gan", "unseen_cells")["difference"])
    seen = study.Report({"a": [{"balanced_accuracy": 0.5, "worst_group": 0.1, "unseen_cells": np.nan}]}, [0])
    assert seen.metric == "balanced_accuracy"
    assert seen.table().splitlines()[0].endswith("calibration error | worst cell |")
