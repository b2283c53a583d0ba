"""The page of a report, and what it tells and draws."""

import base64
import html.parser
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import STUDY_SHAPE, StudyRecorder, max_difference, study_data

from keras_ganaug import _random, fitting, study
from keras_ganaug.generators.generator import seed_of
from keras_ganaug.study import arms, losses, report_data, streams, words

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("eager")
NAMES = ["ant <1>", "bee", "cat"]
ABOUT = {
    "arms": {"plain": "As they are.", "gan": "Samples."},
    "class_names": NAMES,
    "train_images": [100, 30, 8],
    "test_images": [5, 6, 7],
    "image_shape": [8, 8, 1],
    "steps": 1500,
    "batch_size": 1,
}


class Page(html.parser.HTMLParser):
    """The texts of a page by tag, its tables row by row, and its pictures."""

    def __init__(self, text):
        super().__init__()
        self.text, self.texts, self.tables, self.pictures, self._open = text, {}, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.pictures.append(dict(attributes))
        elif tag not in ("meta", "br"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag][-1] += data
        if self._open and self._open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def report_of(gains, counts=ABOUT["train_images"], samples=None, **more):
    def run(value):
        recalls = [value, value - 0.1, value - 0.2]
        parts = dict(zip(("head_recall", "middle_recall", "tail_recall"), recalls))
        return {"balanced_accuracy": value, "macro_f1": value, "recalls": recalls, **parts}

    runs = {"plain": [run(0.8 + 0.01 * n) for n in range(len(gains))]}
    runs["gan"] = [run(0.8 + 0.01 * n + gain) for n, gain in enumerate(gains)]
    about = {**ABOUT, "train_images": counts, **more}
    return study.Report(runs, range(len(gains)), {"plain": "none", "gan": "gan"}, about, samples)


def page_of(report, tmp_path):
    report.to_html(tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def samples_of(translates=False):
    rng = np.random.default_rng(0)
    images, labels = study_data(3)
    made = rng.uniform(0, 255, [12, *STUDY_SHAPE])
    made[5] = images[17]  # a copy
    quality = None if translates else fitting.Quality(0.5, {"bee": 0.4, "cat": 0.6}, 0.9, 0.8, {"bee": 0.8}, 0.55, 0.2)
    arrays = images, labels, study_data(4)[0], made, np.repeat([0, 1, 2], 4)
    return report_data.Samples(*arrays, (0, 255), translates, quality, (100, len(images) * 7))


def test_a_page_tells_what_was_done_and_found(tmp_path):
    page = page_of(report_of([0.03, 0.02, 0.03, 0.04, 0.02]), tmp_path)
    assert page.texts["strong"] == ["The GAN helps."]
    assert page.texts["p"][0].startswith("The GAN helps. +2.8 points of balanced accuracy for 'gan' over 'plain' (95%")
    assert page.texts["p"][1] == (
        "138 training images and 18 test images of 3 classes, 8 × 8 × 1. Each classifier was trained for 1,500 steps of 1 "
        "image, under 2 arms, in 5 seeds (0, 1, 2, 3, 4). The numbers of images are those of seed 0."
    )
    assert (page.texts["dt"], page.texts["dd"]) == (["plain", "gan"], ["As they are.", "Samples."])
    assert "head: ant <1> (100 images); middle: bee (30 images); tail: cat (8 images)." in page.text.replace(
        "&lt;", "<"
    ).replace("&gt;", ">")
    all_arms, by_class = page.tables
    assert all_arms[0][:4] == ["arm", "balanced accuracy", "difference from plain", "GAN"]
    assert [row[0] for row in all_arms[1:]] == ["gan", "plain"]
    assert re.fullmatch(r"\+2\.8 \(\+1\.\d to \+3\.\d\)", all_arms[1][2])
    assert all_arms[2][2:4] == ["-", "without"]
    assert by_class[0] == ["class", "training images", "test images", "part", "plain", "gan", "difference"]
    assert by_class[1] == ["ant <1>", "100", "5", "head", "82.0", "84.8", "+2.8"]
    assert by_class[3] == ["cat", "8", "7", "tail", "62.0", "64.8", "+2.8"]
    assert page.texts["p"][-1].startswith("Train with the best arm with the GAN, 'gan': classifier = study.fit('gan').")


@pytest.mark.parametrize(
    ("gains", "arm", "more"),
    [([-0.03, -0.02, -0.03, -0.04, -0.02], "plain", False), ([0.01, -0.01, 0.0], "plain", True), ([0.03], "plain", True)],
)
def test_the_next_step_is_the_arm_that_is_surely_best(gains, arm, more, tmp_path):
    report = report_of(gains)
    first, *rest = report.next_step()
    assert f"study.fit('{arm}')" in first
    assert bool(rest) == more
    assert all("seeds=range(10)" in step for step in rest)
    assert ("too few seeds here" in page_of(report, tmp_path).text) == (len(gains) < 3)


def test_a_page_is_one_file_for_every_screen(tmp_path):
    page = page_of(report_of([0.01, 0.0, 0.02], samples=samples_of), tmp_path)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page.text
    assert not re.search(r"(src|href)=(?!.data:)|https?:|@import|url\(", page.text.split("<script>")[0])
    assert page.text.count('<div class="scroll"><table>') == page.text.count("<table>") == 2
    contents = [base64.b64decode(picture["src"].partition("base64,")[2]) for picture in page.pictures]
    assert len(contents) == 4
    assert all(tf.io.decode_png(content).shape[0] > 50 for content in contents)
    assert all(picture["alt"] for picture in page.pictures)
    assert page.texts["h2"] == [
        "All arms",
        "What the arms are",
        "Class by class",
        "Samples",
        "Nearest to training images",
        "Frequencies",
        "Next step",
    ]
    assert "The GAN was trained for 100 steps and saw each of its 60 training images about 7 times." in page.texts["p"]
    assert [line in page.texts["p"] for line in str(samples_of().quality).split("\n")] == [True] * 4
    page = page_of(report_of([0.01, 0.0, 0.02], samples=lambda: samples_of(translates=True)), tmp_path)
    assert "Each sample is the translation of the image in its place." in page.text
    assert "copies" not in page.text  # of which all are, in part


def test_where_all_classes_are_even_there_are_no_parts(tmp_path):
    page = page_of(report_of([0.01, 0.0, 0.02], counts=[9, 9, 9]), tmp_path)
    assert "All classes have 9 training images" in page.text
    assert page.tables[1][0] == ["class", "training images", "test images", "plain", "gan", "difference"]


def test_a_third_arm_is_folded_away(tmp_path):
    report = report_of([0.01, 0.0, 0.02])
    runs = {arm: [{m: each[m][n] for m in each} for n in range(3)] for arm, each in report.arms.items()}
    for arm, each in runs.items():
        for run, recalls in zip(each, report.recalls[arm], strict=True):
            run["recalls"] = recalls
    runs["other"] = [{**run, "balanced_accuracy": 0.1} for run in runs["plain"]]
    page = page_of(study.Report(runs, range(3), {**report.kinds, "other": "none"}, report.about), tmp_path)
    assert page.tables[1][0][-3:] == ["plain", "gan", "difference"]
    assert page.tables[2][0][-3:] == ["plain", "gan", "other"]
    assert page.texts["summary"] == ["The same for all arms"]


def test_a_page_tells_how_to_train_where_the_study_was_not_made_in_python():
    report = report_of([0.03, 0.02, 0.03, 0.04, 0.02], train_with="run it with --classifier FILE")
    assert report.next_step() == ["Train with the best arm with the GAN, 'gan': run it with --classifier FILE."]
    report = report_of([0.03, -0.02, 0.03], train_with="run it", add_seeds="`--seeds 10`")
    assert report.next_step()[1:] == ["For a firmer answer add seeds, such as `--seeds 10`."]


def test_a_report_without_more_has_a_page_too(tmp_path):
    runs = {"a": [{"balanced_accuracy": 0.5}] * 2}
    page = page_of(study.Report(runs, [0, 1]), tmp_path)
    assert [row[0] for row in page.tables[0]] == ["arm", "a"]


def test_each_arm_is_told_in_words():
    several = {**arms.all_arms(), **arms.group_arms(channels=1)}
    told = {name: words.in_words(arm) for name, arm in several.items()}
    assert told.pop("nothing") == "The images are used as they are."
    assert len({*told.values()}) == len(told)
    assert all(text.endswith(".") and "as they are" not in text for text in told.values())
    synthetic = study.Synthetic(0.5, "keep", 0.25, 0.7, real_only_end=0.1, band=(0.3, 1.0))
    assert words.in_words(study.Arm(synthetic=synthetic)) == (
        "50% of each batch are samples of the GAN, each of the class of the image it replaces, at 0.25 times the "
        "weight of a real image, with truncation 0.7; a classifier accepts those whose class it gives a probability of 30% "
        "to 100%; the last 10% of the training uses only real images."
    )
    assert words.in_words(study.Arm(transforms=(losses.adjusted,))) == "Images are given to `adjusted`."


def test_a_study_tells_its_report_what_it_did(tmp_path):
    """With samples of the GAN of the first seed, and none where it is gone; `fit` gives the classifiers of `run`."""
    recorder, test = StudyRecorder(), study_data(100)
    of = {
        "logits": study.Arm(adjust_logits=True),
        "gan": study.Arm(synthetic=study.Synthetic(0.25, "keep", bank_size=12)),
    }
    whole = recorder.study(test, arms=of, on_top_of=None, seeds=[3], class_names=NAMES)
    report = whole.run()
    images, labels = study_data(3)
    assert report.about == {
        "arms": {name: words.in_words(arm) for name, arm in of.items()},
        "class_names": NAMES,
        "train_images": np.bincount(labels).tolist(),
        "test_images": np.bincount(test[1]).tolist(),
        "image_shape": [8, 8, 1],
        "steps": 4,
        "batch_size": 8,
    }
    found = [recall for recall in report.recalls["gan"][0] if np.isfinite(recall)]
    assert report.arms["gan"]["balanced_accuracy"] == [pytest.approx(np.mean(found))]
    samples = report.samples()
    np.testing.assert_array_equal(samples.training, images)
    np.testing.assert_array_equal(samples.test, test[0])
    np.testing.assert_array_equal(samples.synthetic_classes, np.repeat([0, 1, 2], 24))
    of_gan = whole._first.generator.sample(tf.constant(samples.synthetic_classes), _random.fold(seed_of(3), 0))
    np.testing.assert_allclose(samples.synthetic, of_gan, atol=1e-3)
    assert samples.quality.real_test is not None
    assert set(samples.quality.gan_test_by_class) == {*NAMES}
    assert samples.trained == (0, 0)
    assert whole.fit("gan", seed=3).name
    assert max_difference(recorder.models[2], recorder.models[1]) == 0
    adjusted = whole.fit("logits")
    prior = streams.prior_of(labels, 3, "natural")
    some = images[:9].astype("float32")
    np.testing.assert_allclose(adjusted(some), losses.adjusted(recorder.models[0](some), prior), rtol=1e-4, atol=1e-4)
    adjusted.save(tmp_path / "adjusted.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "adjusted.keras")(some), adjusted(some))
    for wrong in ({"arm": "other"}, {"arm": "gan", "seed": 4}):
        with pytest.raises(ValueError, match=r"`(arm|seed)` must be one of.*Received"):
            whole.fit(**wrong)
    assert recorder.study(test, arms=of, on_top_of=None, seeds=[3]).samples() is None  # nothing was run


def test_of_very_many_classes_some_are_drawn_from_the_most_to_the_least_frequent():
    counts = np.random.default_rng(0).permutation(np.arange(1, 101))
    drawn = report_data.drawn_classes(counts)
    assert len(drawn) == 20
    assert {100, 1} <= {*counts[drawn].tolist()}
    assert np.diff(np.sort(counts[drawn])).max() <= 6
    np.testing.assert_array_equal(report_data.drawn_classes(np.array([5, 1, 3])), [0, 1, 2])


def test_names_of_classes():
    data = tf.data.Dataset.range(3)
    data.class_names = ["a", "b", "c", "d"]
    assert report_data.names_of(None, 3, (1, 2), data) == ["a", "b", "c"]
    assert report_data.names_of({"kind": ["x", "y"]}, 2) == ["x", "y"]
    assert report_data.names_of(None, 2, (1, 2)) == ["0", "1"]
    with pytest.raises(ValueError, match=r"`class_names` must be one name for each of 3 classes\. Received: \['a'\]"):
        report_data.names_of(["a"], 3)
