"""Studies of data with several attributes: their cells, what is measured of them, and what is trained on them."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import StudyRecorder, study_data

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.generators import Generator, for_batches
from keras_ganaug.generators.controls import Shuffled
from keras_ganaug.study import keys, losses, statistics, streams, transforms

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


def test_not_all_attributes_make_cells_that_can_be_counted():
    with pytest.raises(ValueError, match=r"`num_classes` must have at most 1,048,576 combinations.*Received"):
        cell_study(StudyRecorder(), num_classes={str(n): 2 for n in range(40)})


def test_results_of_cells_are_others_than_those_of_classes():
    studies = [cell_study(StudyRecorder())]
    studies += [cell_study(StudyRecorder(), num_classes={"kind": 3, "style": n}) for n in (2, 3)]
    images, labels = everywhere(9)
    studies.append(cell_study(StudyRecorder(), test=(images, labels["kind"]), num_classes=None))
    settings = [keys.settings_of(each, "nothing") for each in studies]
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
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*gone.json'"):
        study.Report.from_json(tmp_path / "gone.json")
    assert "cells" not in read.table() and "cell |" not in read.table()
    assert np.isnan(read.compare("a", "gan", "unseen_cells")["difference"])
    seen = study.Report({"a": [{"balanced_accuracy": 0.5, "worst_group": 0.1, "unseen_cells": np.nan}]}, [0])
    assert seen.metric == "balanced_accuracy"
    assert seen.table().splitlines()[0].endswith("calibration error | worst cell |")


def test_groups_come_equally_often():
    cells = np.repeat([0, 1, 2, 5], [40, 5, 10, 5])
    order = streams.order_of_images(cells, 6, "groups", steps=20, batch_size=8, seed=1)
    np.testing.assert_array_equal(np.bincount(cells[order.ravel()], minlength=6), [40, 40, 40, 0, 0, 40])
    np.testing.assert_allclose(streams.prior_of(cells, 3, "groups", styles=2), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(streams.prior_of(cells, 3, "natural", styles=2), [0.75, 1 / 6, 1 / 12])
    data, prior = streams.make_stream(
        study.Arm(sampling="groups"), np.zeros([60, 4, 4, 1], "uint8"), cells, 3, None, 20, 8, (0, 255), 1, styles=2
    )
    classes = np.concatenate([labels.numpy().argmax(1) for _, labels, _ in data])
    np.testing.assert_allclose(np.bincount(classes) / len(classes), prior)


class _Marked(Generator):
    """Images of 100 + class."""

    condition, image_shape, value_range = kga.conditions.of(3), (4, 4, 1), (0.0, 255.0)

    def sample(self, labels, seed, truncation=1.0):
        return tf.cast(100 + labels, tf.float32)[:, None, None, None] * tf.ones([1, 4, 4, 1])


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_groups_reach_transforms_and_losses(fraction):
    """Pixels are 10 times the cell, or 100 + class of what is synthetic: those are of a style of their own."""
    cells = np.resize([0, 1, 2, 5], 40)
    images = np.broadcast_to(10 * cells[:, None, None, None], [40, 4, 4, 1]).astype("uint8")

    def shown(images, labels, seed, groups):
        return tf.concat([images[:, :1, :2, :], tf.cast(groups, tf.float32)[:, None, :, None]], 1), labels

    synthetic = study.Synthetic(fraction, "fill", bank_size=12) if fraction else None
    arm = study.Arm(transforms=(transforms.Transform(shown, needs_groups=True),), loss="group_dro", synthetic=synthetic)
    data, _ = streams.make_stream(arm, images, cells, 3, _Marked(), 10, 8, (0, 255), 1, styles=2)
    expected = streams.frequencies_of_groups(study.arms.with_strategy(arm), cells, 3, 2)
    counted = np.zeros(9, int)
    for batch in data:
        x, y, _ = (part.numpy() for part in batch)
        values, groups = x[:, 0, 0, 0].astype(int), x[:, 1, :, 0].astype(int)
        made = values >= 100
        assert made.sum() == 8 * fraction
        np.testing.assert_array_equal(groups[:, 0], np.where(made, values - 100, values // 20))
        np.testing.assert_array_equal(groups[:, 1], np.where(made, 2, values // 10 % 2))
        np.testing.assert_array_equal(y[:, :3], np.eye(3)[groups[:, 0]])
        np.testing.assert_array_equal(y[:, 3], 3 * groups[:, 0] + groups[:, 1])
        counted += np.bincount(y[:, 3].astype(int), minlength=9)
    np.testing.assert_array_equal(counted > 0, expected.ravel() > 0)
    assert expected.sum() == pytest.approx(1)
    np.testing.assert_allclose(counted / 80, expected.ravel(), atol=0.06)


def test_translations_count_as_of_the_style_of_the_images_that_they_are_made_of():
    """Pixels are 10 times the cell, of translations 255 less that."""
    cells = np.resize([0, 1, 2, 5], 40)
    images = np.broadcast_to(10 * cells[:, None, None, None], [40, 4, 4, 1]).astype("uint8")
    arm = study.arms.with_strategy(study.Arm(loss="balanced_softmax_by_style", synthetic=study.Synthetic(0.5)))
    data, _ = streams.make_stream(arm, images, cells, 3, for_batches(_Inverting()), 10, 8, (0, 255), 1, styles=2)
    for batch in data:
        x, y, _ = (part.numpy() for part in batch)
        values = x[:, 0, 0, 0].astype(int)
        assert (values > 100).sum() == 4
        shown = np.where(values > 100, 255 - values, values) // 10
        np.testing.assert_array_equal(y[:, 3], 3 * (shown // 2) + shown % 2)
    frequencies = streams.frequencies_of_groups(arm, cells, 3, 2, translates=True)
    np.testing.assert_allclose(frequencies, [[0.25, 0.25, 0], [0.25, 0, 0], [0, 0.25, 0]])


@pytest.mark.parametrize(("sampling", "class_2"), [("natural", 10 / 60), ("balanced", 1 / 3), ("groups", 1 / 4)])
def test_frequencies_of_groups_are_those_of_the_stream(sampling, class_2):
    cells = np.repeat([0, 1, 2, 5], [30, 10, 10, 10])  # of three classes in two styles
    arm = study.Arm(sampling=sampling)
    frequencies = streams.frequencies_of_groups(arm, cells, 3, 2)
    order = cells[streams.order_of_images(*((cells, 6) if sampling == "groups" else (cells // 2, 3)), sampling, 400, 24, 1)]
    counted = np.bincount(order.ravel(), minlength=6) / order.size
    np.testing.assert_allclose(frequencies[:, :2].ravel(), counted, atol=0.01)
    assert frequencies[2].tolist() == pytest.approx([0, class_2, 0])


def test_balanced_softmax_within_styles_written_out():
    """What is rare in its style gets the margin that it needs; a class that a style lacks is left alone by its images."""
    groups = np.array([[0.3, 0.1, 0.1], [0.1, 0.0, 0.1], [0.2, 0.0, 0.1]])
    loss = losses.make("balanced_softmax_by_style", None, groups=groups)
    logits, of, style = RNG.normal(size=[9, 3]), np.resize([0, 0, 2], 9), np.resize([0, 1, 2], 9)
    given = np.concatenate([np.eye(3)[of], (3 * of + style)[:, None]], 1).astype("float32")
    with tf.GradientTape() as tape:
        variable = tf.Variable(logits, dtype="float32")
        values = loss(given, variable)
    prior = np.maximum(groups / groups.sum(0), 1e-6).T[style]
    weighted = prior * np.exp(logits)
    np.testing.assert_allclose(values, -np.log(weighted[range(9), of] / weighted.sum(1)), rtol=1e-4, atol=1e-5)
    assert np.abs(tape.gradient(values, variable).numpy()[style == 1][:, 1:]).max() < 1e-4


def test_group_dro_written_out():
    groups = np.array([True, True, False, True])
    loss, q = losses.make("group_dro", None, groups=groups), np.array([1, 1, 0, 1]) / 3
    for _ in range(3):
        logits, of, group = RNG.normal(size=[12, 3]), RNG.integers(0, 3, 12), RNG.choice([0, 1, 3], 12)
        each = -np.log(np.exp(logits)[range(12), of] / np.exp(logits).sum(1))
        means = np.array([each[group == g].mean() if (group == g).any() else 0 for g in range(4)])
        q = q * np.exp(0.01 * means)
        q /= q.sum()
        given = np.concatenate([np.eye(3)[of], group[:, None]], 1).astype("float32")
        logits = tf.constant(logits, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(given, logits)
        assert float(value) == pytest.approx(q @ means, rel=1e-5)
        np.testing.assert_allclose(loss.q, q, rtol=1e-5)
        p = np.exp(logits - tf.reduce_logsumexp(logits, 1, keepdims=True))
        share = q[group] / np.bincount(group, minlength=4)[group]
        np.testing.assert_allclose(tape.gradient(value, logits), share[:, None] * (p - np.eye(3)[of]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_group_dro_turns_to_the_group_that_fares_worst(jit_compile):
    """Of two groups one has the wrong labels half of the time; a Keras model trains with it, with XLA too."""
    labels = np.array([[1, 0, 0]] * 8 + [[1, 0, 1], [0, 1, 1]] * 4, "float32")
    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(2)])
    loss = losses.GroupDRO([True, True], rate=0.1)
    model.compile(keras.optimizers.SGD(0.5), loss, jit_compile=jit_compile)
    model.fit(np.repeat([[1.0], [-1.0]], 8, 0), labels, batch_size=16, epochs=20, verbose=0)
    q = loss.q.numpy()
    assert q.sum() == pytest.approx(1, rel=1e-5)
    assert q[1] > 0.6


def test_translations_are_not_filtered_and_that_is_told_before_a_classifier_is_trained():
    recorder = StudyRecorder()
    arms = {"plain": study.Arm(), "gan": study.Arm(synthetic=SOME._replace(band=(0.3, 1.0)))}
    translators = cell_study(recorder, arms=arms, make_generator=lambda *_: _Inverting())
    with pytest.raises(ValueError, match=r"`band` of the arm 'gan' must be None.*Received: \(0.3, 1.0\)"):
        translators.results()
    assert len(recorder.models) <= 1  # the one whose shapes were checked


@pytest.mark.parametrize(("options", "metric"), [({}, "unseen cells"), ({"train": everywhere}, "balanced accuracy")])
def test_a_line_tells_what_decides(capsys, options, metric):
    results = cell_study(StudyRecorder(), verbose=True, **options).results()
    value = results[3, "nothing"][metric.replace(" ", "_")]
    assert f"1/1 seed 3, nothing: {metric} {value:.1%}" in capsys.readouterr().out


def test_a_study_of_all_arms_for_groups_by_default():
    names = {"nothing", "oversampling", "group_balancing", "group_dro", "lisa", "mix_style", "fourier", "histogram"}
    names |= {"balanced_softmax_by_style", "balanced_softmax_by_style + fourier"}
    of_keras = {"rand_augment", "cutmix", "aug_mix", "random_erasing", "invert + rand_augment + blur"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what this Keras has not
        whole = cell_study(StudyRecorder(), arms=None, on_top_of="auto", steps=2)
        plain = cell_study(
            StudyRecorder(), arms=None, on_top_of="auto", num_classes=None, test=study_data(9), train=study_data
        )
    base = "balanced_softmax_by_style + fourier"
    added = {"gan", f"gan + {base}", f"shuffled + {base}"}
    assert names | added <= {*whole.arms} <= names | added | of_keras
    assert "gan + balanced_softmax" in plain.arms
    whole.arms = {name: whole.arms[name] for name in ("group_dro", "lisa", "mix_style", base)}
    report = whole.run()
    assert all(np.isfinite(each["unseen_cells"]).all() for each in report.arms.values())


def test_groups_are_for_data_that_have_them():
    data = {"train": study_data(3), "test": study_data(9), "num_classes": None}
    for arm in (study.Arm(sampling="groups"), study.Arm(loss="group_dro"), study.Arm(transforms=("lisa",))):
        with pytest.raises(ValueError, match=r"`num_classes` must be a mapping.*'a'.*Received"):
            cell_study(StudyRecorder(), arms={"a": arm}, **data)
    for other in (
        study.Arm(loss="group_dro", transforms=("lisa",)),
        study.Arm(loss="group_dro", transforms=("shift", "lisa")),
    ):
        with pytest.raises(ValueError, match=r"`transforms` of arm 'a' must not mix.*Received"):
            cell_study(StudyRecorder(), arms={"a": other})
    with pytest.raises(TypeError, match=r"`build` of arm 'a' must be a function.*Received"):
        cell_study(StudyRecorder(), arms={"a": study.Arm(build="mine")})


def test_an_arm_may_have_a_classifier_of_its_own():
    recorder, given = StudyRecorder(), []

    def build(**options):
        given.append(options)
        return recorder.build(options["seed"])

    cell_study(recorder, arms={"nothing": study.Arm(), "own": study.Arm(build=build)}).run()
    assert given == [{"image_shape": (8, 8, 1), "num_classes": 3, "value_range": (0.0, 255.0), "seed": 3}]
    one, other = recorder.models
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])  # the arms differ in nothing else here
    with pytest.raises(ValueError, match=r"`build` must return a model that gives logits of shape"):
        wrong = study.Arm(build=lambda **_: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]))
        cell_study(StudyRecorder(), arms={"wrong": wrong}).run()


def test_mix_style_differs_in_nothing_else():
    make = kga.networks.classifier.classifier
    plain, mixed = (make((8, 8, 1), 3, 4, seed=1, mix_style=mix) for mix in (False, True))
    for one, other in zip(plain.trainable_weights, mixed.trainable_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    images = everywhere(1)[0].astype("float32")
    np.testing.assert_array_equal(plain(images), mixed(images))
    assert [type(layer).__name__ for layer in mixed.layers[2:6]] == ["Conv2D", "BatchNormalization", "ReLU", "MixStyle"]


@pytest.mark.parametrize("kind", ["gan", "shuffled"])
def test_synthetic_first_and_then_real(kind):
    """Translations of real images stay in their rows; of a shuffled translator they are those of other rows."""
    cells = np.resize([0, 1, 2, 5], 40)
    images = np.broadcast_to(np.arange(40)[:, None, None, None], [40, 4, 4, 1]).astype("float32")
    generator = for_batches(_Inverting())
    generator = Shuffled(generator) if kind == "shuffled" else generator
    arm = study.Arm(synthetic=study.Synthetic(1.0, real_only_end=0.5, source=kind))
    arm = kga.study.arms.with_strategy(arm)
    data, prior = streams.make_stream(arm, images, cells, 3, generator, 10, 8, (0, 255), 1, styles=2)
    batches = [[part.numpy() for part in batch] for batch in data]
    np.testing.assert_allclose(prior, [0.5, 0.25, 0.25])
    order = streams.order_of_images(cells // 2, 3, "natural", 10, 8, 1)
    for step, (x, y, _) in enumerate(batches):
        values, rows = x[:, 0, 0, 0], order[step]
        np.testing.assert_array_equal(y.argmax(1), cells[rows] // 2)
        if step >= 5:
            np.testing.assert_array_equal(values, rows)
        elif kind == "gan":
            np.testing.assert_array_equal(values, 255 - rows)
        else:
            assert sorted(values) == sorted(255 - rows) and (values != 255 - rows).all()


class _Inverting(Generator):
    """Translates into one domain: the inverted image."""

    condition, image_shape, value_range, translates = kga.conditions.of(1), (4, 4, 1), (0.0, 255.0), True

    def translate(self, images, labels, seed):
        return 255 - images


def test_synthetic_images_of_lost_classes_first_and_then_real_ones():
    """Class 0 has no image left: at first all classes are synthetic and equal, then the real ones keep their frequencies."""
    classes = np.resize([1, 1, 1, 2], 40)
    arm = study.Arm(synthetic=study.Synthetic(1.0, "fill", real_only_end=0.5, bank_size=12))
    images = np.broadcast_to(classes[:, None, None, None], [40, 4, 4, 1]).astype("uint8")
    data, prior = streams.make_stream(arm, images, classes, 3, _Marked(), 40, 8, (0, 255), 1)
    np.testing.assert_allclose(prior, 1 / 3)
    values = np.stack([batch[0].numpy()[:, 0, 0, 0] for batch in data])
    np.testing.assert_allclose(np.bincount(values[:20].ravel().astype(int) - 100) / 160, 1 / 3, atol=0.05)
    np.testing.assert_allclose(np.bincount(values[20:].ravel().astype(int), minlength=3) / 160, [0, 0.5, 0.5], atol=0.1)
