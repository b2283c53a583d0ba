"""The study: nothing that it trains sees the test images, it goes on where it was killed, and it reports."""

import json

import numpy as np
import pytest
from tools import StudyRecorder, eagerly, study_data

from keras_ganaug import study
from keras_ganaug.study import arms, keys, statistics, tables, training

pytestmark = pytest.mark.usefixtures("eager")


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def study_of_two_seeds():
    recorder = StudyRecorder()
    with eagerly():
        return recorder, recorder.study(study_data(100), held_out=study_data(101)).run()


@pytest.mark.slow
def test_nothing_that_is_trained_sees_the_test_images(study_of_two_seeds):
    """Other test images and other held-out ones: the generators get the same, and all classifiers are the same."""
    first, report = study_of_two_seeds
    second = StudyRecorder()
    second.study(study_data(200), held_out=study_data(201), seeds=[3]).run()
    assert [given[2] for given in first.given] == [3, 4]
    for given in (first.given[0], *second.given):
        np.testing.assert_array_equal(given[0], study_data(3)[0])
        np.testing.assert_array_equal(given[1], study_data(3)[1])
        assert given[2] == 3
    assert len(first.models) == 2 * len(report.arms) == 2 * len(second.models)
    for name, one, another in zip(report.arms, first.models, second.models):
        same = all(np.array_equal(a, b) for a, b in zip(one.get_weights(), another.get_weights()))
        assert same != name.startswith("oracle")  # which alone uses what was held out


@pytest.mark.slow
def test_a_study_that_was_killed_goes_on(tmp_path, monkeypatch):
    options = {
        "arms": {"nothing": study.Arm(), "gan": study.Arm(synthetic=study.Synthetic(bank_size=12))},
        "on_top_of": None,
    }
    whole = StudyRecorder().study(study_data(9), **options).run()
    recorder, train = StudyRecorder(), training.train

    def killed(*args, **kwargs):
        if len(recorder.models) == 3:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training, "train", killed)
        recorder.study(study_data(9), tmp_path, **options).run()
    assert (len(recorder.given), len(recorder.models)) == (2, 3)
    assert recorder.study(study_data(9), tmp_path, **options).run().arms == whole.arms
    assert (len(recorder.given), len(recorder.models)) == (2, 4)  # the second generator was kept
    assert recorder.study(study_data(9), tmp_path, **options).run().arms == whole.arms
    assert len(recorder.models) == 4
    several = (recorder.study(study_data(9), tmp_path, **each, **options) for each in ({"steps": 5}, {}))
    settings, other = (keys.settings_of(each, "nothing") for each in several)  # other settings, other results
    assert settings != other
    smote = recorder.study(study_data(9), arms={"smote": study.Arm(resample=arms.smote)}, on_top_of=None)
    described = keys.settings_of(smote, "smote")
    assert "keras_ganaug.smote" in described
    assert " at 0x" not in described


def test_the_report(study_of_two_seeds, tmp_path):
    pytest.importorskip("matplotlib")
    _, report = study_of_two_seeds
    content = json.loads(json.dumps(report.to_dict(setting="x")))
    results = {"seeds", "arms", "kinds", "best_without_gan", "best_with_gan", "about", "recalls"}
    assert set(content) == {"setting", *results}
    assert content["best_with_gan"] in ("gan", "gan + balanced_softmax")
    assert content["best_without_gan"] in ("nothing", "balanced_softmax")
    assert {"balanced_accuracy", "macro_f1", "tail_recall", "head_recall"} <= set(content["arms"]["gan"])
    assert all(len(values) == 2 for values in content["arms"]["gan"].values())
    report.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "gan + balanced_softmax" in page
    assert "http" not in page.replace("<!doctype html>", "")
    report.to_json(tmp_path / "report.json", setting="x")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == content
    gain = report.compare("gan", "nothing")
    expected = np.subtract(report.arms["gan"]["balanced_accuracy"], report.arms["nothing"]["balanced_accuracy"])
    assert gain["difference"] == pytest.approx(expected.mean())


def test_a_report_is_read_back(study_of_two_seeds, tmp_path):
    _, report = study_of_two_seeds
    assert report.kinds == {
        "nothing": "none",
        "balanced_softmax": "none",
        "gan": "gan",
        "gan + balanced_softmax": "gan",
        "shuffled + balanced_softmax": "shuffled",
        "oracle + balanced_softmax": "oracle",
    }
    report.to_json(tmp_path / "report.json", setting="x")
    read = study.Report.from_json(tmp_path / "report.json")
    assert (read.arms, read.seeds, read.kinds) == (report.arms, report.seeds, report.kinds)
    assert (read.about, read.recalls) == (report.about, report.recalls)
    assert (read.verdict(), read.table()) == (report.verdict(), report.table())
    assert (read.best_with_gan, read.best_without_gan) == (report.best_with_gan, report.best_without_gan)


@pytest.mark.parametrize("text", ["{", "[1]", "{}", '{"arms": {"a": {"log_loss": [1]}}, "seeds": [0], "kinds": {}}'])
def test_what_is_no_report(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match=r"`path` must be a file that `Report.to_json` wrote. Received:.*other\.json"):
        study.Report.from_json(tmp_path / "other.json")


def test_what_was_not_measured_is_nan_again(tmp_path):
    runs = {
        "plain, not a GAN": [{"balanced_accuracy": 0.5, "tail_recall": np.nan}] * 2,
        "b": [{"balanced_accuracy": 0.6}] * 2,
    }
    report = study.Report(runs, [0, 1], {"plain, not a GAN": "none", "b": "gan"})
    report.to_json(tmp_path / "report.json")
    read = study.Report.from_json(tmp_path / "report.json")
    np.testing.assert_equal(read.arms, report.arms)
    assert read.best_with_gan == "b"


def test_tables():
    assert tables.markdown(["", "a"], [["b", "1"], ["", "2"]]) == "| | a |\n|-|-|\n| b | 1 |\n| | 2 |"
    table = "<table><thead><tr><th>&lt;</th></tr>\n</thead><tbody><tr><td>b</td></tr>\n</tbody></table>"
    assert tables.html(["<"], [["b"]]) == f'<div class="scroll">{table}</div>'
    assert [tables.spread(values) for values in ([0.5], [0.5, 0.7], [np.nan])] == ["50.0", "60.0 ± 14.1", "-"]
    assert tables.spread([1, 3], scale=1) == "2.0 ± 1.4"


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ([2, 3, 2, 1, 2], "helps"),
        ([2, 3, 2], "may help, but that could be chance"),
        ([-2, -3, -2, -1, -2], "does harm"),
        ([-2, -3, -2], "may do harm, but that could be chance"),
        ([-2, 3, 0, 1, -1], "No clear"),
        ([2, 3], "Too few seeds"),
    ],
)
def test_the_verdict(gains, word):
    def figures(values):
        return [dict.fromkeys(statistics.METRICS, value / 100) for value in values]

    both = {"plain": figures([80] * len(gains)), "gan": figures(np.add(80, gains))}
    assert word in study.Report(both, range(len(gains)), {"gan": "gan", "plain": "none"}).verdict()


@pytest.mark.slow
def test_a_filtered_arm_works_with_the_default_classifier():
    banded = {"gan": study.Arm(synthetic=study.Synthetic(0.25, band=(0.2, 0.9), bank_size=12))}
    options = {"build": None, "arms": banded, "on_top_of": None, "seeds": [3]}
    assert len(StudyRecorder().study(study_data(9), **options).run().arms["gan"]["balanced_accuracy"]) == 1


def test_a_filtered_arm_takes_samples_within_the_band():
    recorder = StudyRecorder()
    banded = {"gan": study.Arm(synthetic=study.Synthetic(0.25, band=(0.2, 0.9), bank_size=12))}
    recorder.study(study_data(9), arms=banded, on_top_of=None, seeds=[3]).run()
    assert len(recorder.models) == 3  # two of the filter, one judged
    images, labels = study_data(3)

    def train_on(images, labels, seed):
        seen.append((images, labels))
        return recorder.build(seed)

    seen = []
    model = training.cross_fitted_classifier(train_on, images, labels, seed=3)
    assert sum(len(part[0]) for part in seen) == len(images)  # two folds: each image in one of the trainings
    each = [softmax(recorder.models[-n](images[:5].astype("float32")).numpy()) for n in (1, 2)]
    np.testing.assert_allclose(softmax(model(images[:5].astype("float32")).numpy()), np.mean(each, 0), rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"seeds": [1, 1]},
        {"seeds": []},
        {"arms": {"a": "nothing"}},
        {"arms": {"a": study.Arm(loss="hinge")}},
        {"arms": {"a": study.Arm(sampling="all")}},
        {"arms": {"a": study.Arm(transforms=("turn",))}},
        {"arms": {"a": study.Arm(synthetic=study.Synthetic(1.5))}},
        {"arms": {"a": study.Arm(synthetic=study.Synthetic(source="oracle"))}},
        {"on_top_of": ["unknown"]},
        {"build": "model"},
        {"num_classes": 2},
    ],
)
def test_bad_arguments_are_refused_before_anything_is_trained(options):
    recorder = StudyRecorder()
    with pytest.raises((ValueError, TypeError), match=r"`.+`.*Received"):
        recorder.study(study_data(9), **options).run()
    assert not recorder.given
    assert not recorder.models


def test_the_verdict_says_of_how_many_arms_it_took_the_best():
    figures = {name: [dict.fromkeys(statistics.METRICS, 0.5)] * 3 for name in ("gan", "a", "b")}
    report = study.Report(figures, range(3), {"gan": "gan", "a": "none", "b": "none"})
    assert "(1 with the GAN, 2 without)" in report.verdict()
    assert "lucky" not in study.Report(figures, range(3), {"gan": "gan", "a": "none", "b": "oracle"}).verdict()


def test_a_plot_leaves_matplotlib_as_it_is():
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    matplotlib.use("svg")
    try:
        figures = {"a": [dict.fromkeys(statistics.METRICS, 0.5)] * 2}
        assert study.Report(figures, [0, 1], {"a": "none"}).plot()[1:4] == b"PNG"
        assert matplotlib.get_backend() == "svg"
    finally:
        matplotlib.use(before)


def test_a_gan_on_top_of_nothing_is_one_arm():
    plain = {"nothing": study.Arm(), "focal": study.Arm(loss="focal")}
    made = arms.with_generator(plain, ["nothing", "focal"], study.Synthetic(), held_out=False)
    assert [*made] == [*plain, "gan", "shuffled + nothing", "gan + focal", "shuffled + focal"]
