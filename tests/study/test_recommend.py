"""The guard: from the training set alone, on images that nothing was trained on, with reasons."""

import json
import time

import keras
import numpy as np
import pytest
from tools import STUDY_SHAPE, StudyRecorder, max_difference, small_gan, study_data

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.study import candidates, cross_validation, progress, recommendation, streams, training
from keras_ganaug.study.arms import all_arms

stats = pytest.importorskip("scipy.stats")
pytestmark = pytest.mark.usefixtures("eager")
RNG = np.random.default_rng(0)


def test_folds_are_even_in_each_class():
    labels = np.array([0] * 9 + [1] * 4)
    place = training.folds_of(labels, 3, seed=1)
    np.testing.assert_array_equal(place, training.repeated_folds(labels, 3, 2, seed=1)[0])
    np.testing.assert_array_equal(np.bincount(place[:9]), [3, 3, 3])
    assert sorted(np.bincount(place[9:], minlength=3)) == [1, 1, 2]
    assert (training.folds_of(labels, 3, seed=2) != place).any()
    alone = training.folds_of(np.array([0, 0, 1]), 2, seed=1)  # a class of one image
    assert sorted(alone[:2]) == [0, 1]
    with pytest.raises(ValueError, match=r"`labels` must have a class of at least 3 images, for 3 folds\. Received: 2"):
        training.folds_of(np.array([0, 0, 1]), 3, seed=1)


def test_two_seeds_share_nothing(scripted):
    """Folds, and the seeds of GANs and classifiers; all of them follow from the seed."""
    images, labels = np.arange(92)[:, None, None, None] + np.zeros(STUDY_SHAPE), np.resize([0, 0, 1], 92)

    def of(seed):
        given = []

        def make(images, labels, seed):
            given.append((seed, frozenset(images[:, 0, 0, 0].astype(int))))

        trials = cross_validation.CrossValidation(images, labels, make, 3, 2, seed, num_classes=2, verbose=False)
        for run in range(6):
            trials._generator_of(*trials._part(run, held_out=False), trials.seeds[run])
            held_out, of_held_out = trials._part(run, held_out=True)
            assert not given[-1][1] & {*held_out[:, 0, 0, 0]}
            assert np.bincount(of_held_out) == pytest.approx([62 / 3, 10], abs=1)  # each class is spread evenly
        for repeat in range(2):  # each image is held out once
            seen = [image for _, train in given[3 * repeat : 3 * repeat + 3] for image in train]
            assert sorted(seen) == sorted([*range(92)] * 2)
        return given

    first, second, third = of(0), of(1), of(2)
    assert first == of(0)
    assert len({seed for seed, _ in first + second + third}) == len({train for _, train in first + second + third}) == 18
    of(2**40)  # which is more than Keras's own seeds may be


def test_the_classifiers_of_two_filters_have_other_seeds_and_folds():
    images, labels = np.arange(30)[:, None, None, None] + np.zeros(STUDY_SHAPE), np.resize([0, 1], 30)
    given = []

    def train_on(images, labels, seed):
        given.append((seed, frozenset(images[:, 0, 0, 0].astype(int))))
        assert np.bincount(labels) == pytest.approx([7.5, 7.5], abs=1)
        return StudyRecorder().build(seed)

    for seed in (0, 1, 2, 0, 2**40):
        study.cross_fitted_classifier(train_on, images, labels, seed=seed)
    assert given[:2] == given[6:8]
    assert len({seed for seed, _ in given}) == len({train for _, train in given}) == 8
    assert all(one[1] | other[1] == {*range(30)} for one, other in zip(given[::2], given[1::2]))


def test_of_five_ways_that_are_worth_nothing_one_in_seven_is_recommended():
    """What the documentation says of the best of several, which share the folds and the arm that they are compared with."""
    rng, trials = np.random.default_rng(1), 4000

    def noise(*shape):
        return np.sqrt(1 / 3) * rng.normal(size=[*shape, 1]) + np.sqrt(2 / 3) * rng.normal(size=[*shape, 6])

    gains = noise(trials, 5) - noise(trials, 1)
    best = gains[np.arange(trials), gains.mean(-1).argmax(1)]
    low = best.mean(1) - stats.t.ppf(0.95, 5) * best.std(1, ddof=1) * np.sqrt(1 / 6 + 1 / 2)
    assert np.mean(low > 0) == pytest.approx(1 / 7, abs=0.02)


@pytest.mark.slow
def test_the_guard_judges_on_images_that_nothing_was_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr(cross_validation.CrossValidation, "is_hopeless", lambda *_: False)
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
    spared = set(advice.figures) - {"nothing", "some"}
    assert all(name.startswith("some, none for the ") for name in spared)
    assert len(recorder.models) == 4 + 2 * len(spared)
    advice.to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json") == advice
    layer = kga.GANAugmentation.from_recommendation(recorder.generator(None, None, 1), advice, seed=3)
    assert layer.fraction == advice.fraction
    assert str(advice).startswith("Use the GAN" if advice.fraction else "Do without the GAN")


def _measured(accuracies, head=0.9, middle=0.8, tail=0.7):
    recalls = {"head_recall": head, "middle_recall": middle, "tail_recall": tail}
    figures = {name: [value] * len(accuracies) for name, value in recalls.items()}
    figures["unseen_cells"] = [1 - accuracy for accuracy in accuracies]
    return {"balanced_accuracy": list(accuracies), "log_loss": [1 - accuracy for accuracy in accuracies], **figures}


class Scripted:
    """In place of `AugmentationStudy`: accuracies that are given, by arm and fold."""

    accuracies, trained = {}, []

    def __init__(self, train, test, make_generator, arms, on_top_of, seeds, **options):
        self.arms, self.seeds, self.make_generator = arms, list(seeds), make_generator

    def results(self, generator_first, told, executor=None):
        [seed] = self.seeds
        if any(arm.synthetic for arm in self.arms.values()):
            self.make_generator(None, None, seed)
        measured = {name: _measured([self.accuracies[name][seed]]) for name in self.arms}
        for name, metrics in measured.items():
            told(name, {metric: values[0] for metric, values in metrics.items() if metric != "unseen_cells"})
        return {(seed, name): {metric: values[0] for metric, values in each.items()} for name, each in measured.items()}


@pytest.fixture
def scripted(monkeypatch):
    """A function that calls `recommend` with accuracies that are given. Returns the advice and the folds that had a GAN."""
    monkeypatch.setattr(cross_validation, "AugmentationStudy", Scripted)

    def recommend(accuracies, data, **options):
        trained = []
        monkeypatch.setattr(Scripted, "accuracies", accuracies)
        advice = kga.recommend(data, lambda images, labels, run: trained.append(run), **options)
        return advice, trained

    return recommend


@pytest.mark.parametrize(("gain", "folds", "words"), [(-0.05, 2, "does not help"), (0.05, 6, "helps")])
def test_what_is_eliminated_is_measured_no_more(scripted, gain, folds, words):
    """How often each arm is measured, and how many GANs are trained."""
    base = np.resize([0.5, 0.6, 0.55], 6)
    accuracies = {"plain": base, "worse": base - 0.1, "some": base + gain + [0.01, 0, -0.01] * 2, "bad": base - 0.1}
    advice, trained = scripted(
        accuracies,
        study_data(5, n=90),
        arms={"worse": study.Arm(transforms=("shift",)), "plain": study.Arm()},
        candidates={"some": study.Synthetic(0.25, "keep"), "bad": study.Synthetic(0.5, "keep")},
    )
    assert trained == list(range(folds))
    measured = {name: len(values) for name, values in advice.figures.items()}
    assert measured == {"plain": folds, "worse": 2, "some": folds, "bad": 2}
    assert advice.base == "plain"
    assert f"{words}: some" in str(advice)
    assert "Without the GAN 'plain' is chosen of 2, by balanced accuracy and log loss: 55.0% and 0.450 in" in str(advice)
    assert advice.arm == study.Arm(synthetic=study.Synthetic(0.25, "keep") if gain > 0 else None)
    assert advice.settings == {"num_classes": 3}
    assert advice.log_losses["worse"] == [0.6, 0.5]
    assert f"{100 * (gain + 0.005 * (folds == 2)):+.1f} points" in str(advice)
    assert f"{folds} folds" in str(advice)


def test_lines_tell_the_phase_and_the_fold(scripted, capsys):
    accuracies = {"plain": np.full(6, 0.5), "worse": np.full(6, 0.4), "some": np.full(6, 0.45)}
    arms = {"worse": study.Arm(transforms=("shift",)), "plain": study.Arm()}
    some = {"some": study.Synthetic(0.25, "keep")}
    scripted(accuracies, study_data(5, n=90), arms=arms, candidates=some)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("without the GAN, fold 1 of at most 6, worse: balanced accuracy 40.0%, at most ")
    assert any(line.startswith("with the GAN, fold 1 of at most 6, some: balanced accuracy 45.0%") for line in lines)
    assert not [line for line in lines if "seed" in line]


def test_the_time_that_is_left_is_that_of_all_folds(monkeypatch, capsys):
    clock = iter([0.0, 0.0, 110.0, 120.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    shown = progress.Progress(folds=3, verbose=True)
    shown.to_come = 6
    shown.begin("without the GAN", 0, 2, 2)
    shown.made_gan(100)
    shown.trained("a", {"balanced_accuracy": 0.5})
    assert shown.most_left == (1 + 2 * 2 + 6) * 10 + 2 * 100  # one here, two in each of two folds, six later, and two GANs
    shown.trained("b", {"balanced_accuracy": 0.5})
    assert shown.most_left == 10 * 10 + 2 * 100
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .endswith("fold 1 of at most 3, b: balanced accuracy 50.0%, at most 5 min left")
    )


def _why(metrics, names):
    trials = cross_validation.CrossValidation(None, np.repeat(range(3), 30), None, 3, 2, 1, num_classes=3, verbose=False)
    trials.metrics = {
        name: {"balanced_accuracy": accuracies, "log_loss": losses} for name, (accuracies, losses) in metrics.items()
    }
    return trials.why(trials.preferred(names), names)


def test_the_choice_without_the_gan_is_explained_with_its_figures():
    first, other = ([0.80, 0.81, 0.79], [0.50, 0.52, 0.48]), ([0.82, 0.83, 0.81], [0.52, 0.50, 0.51])
    text = _why({"first": first, "other": other}, ["first", "other"])
    assert text.startswith(
        "Without the GAN 'first' is chosen of 2, by balanced accuracy and log loss: 80.0% and 0.500 in 3 folds. 'other' has "
        "the highest accuracy: 82.0% and 0.510 in the first 3 folds, against 80.0% and 0.500."
    )
    roots = np.sqrt([(0.001 + 0.18) * 0.51, (0.001 + 0.2) * 0.5])
    assert f"is {roots[0]:.3f} against {roots[1]:.3f}. Within 15% of the smallest" in text
    text = _why({"first": first, "other": other}, ["other", "first"])
    assert text.endswith("by balanced accuracy and log loss: 82.0% and 0.510 in 3 folds. No other has a higher accuracy.")
    worse = ([0.82, 0.83], [0.9, 0.9])
    assert _why({"first": first, "worse": worse}, ["worse", "first"]).endswith(
        "82.5% and 0.900 in the first 2 folds, against 80.5% and 0.510. But its log loss is higher beyond chance."
    )


def test_advice_trains_as_the_arm_of_a_study_does(tmp_path):
    recorder, settings = StudyRecorder(), {"num_classes": 3, "steps": 4, "batch_size": 8}
    arm = study.Arm(loss="balanced_softmax", synthetic=study.Synthetic(0.25, "keep", bank_size=12))
    recorder.study(study_data(9), arms={"gan": arm}, on_top_of=None, seeds=[3]).run()
    [expected] = recorder.models
    advice = study.Recommendation(0.25, "keep", None, 1.0, "balanced", [], {}, arm=arm, settings=settings)
    advice.to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json") == advice
    with pytest.raises(ValueError, match=r"`make_generator` must be given.*Received"):
        advice.fit(study_data(3), recorder.build)
    classifier = advice.fit(study_data(3), recorder.build, recorder.generator, seed=3)
    assert max_difference(classifier, expected) == 0
    images, labels = study_data(9)
    _, accuracy = classifier.evaluate(images.astype("float32"), labels, verbose=0)
    assert accuracy == pytest.approx(np.mean(np.argmax(classifier(images.astype("float32")), 1) == labels))
    without = advice._replace(arm=arm._replace(synthetic=None, resample=lambda images, labels, seed: (images, labels)))
    assert max_difference(without.fit(study_data(3), recorder.build, seed=3), expected) > 0
    without.to_json(tmp_path / "advice.json")
    read = study.Recommendation.from_json(tmp_path / "advice.json")
    assert read == without._replace(arm=None)
    with pytest.raises(
        ValueError, match=r"`arm` of the advice must be .*'balanced', whose functions a file cannot store.*Received"
    ):
        read.fit(study_data(3))
    with pytest.raises(TypeError, match=r"`fit` takes of the settings.*Received: \['directory'\]"):
        advice.fit(study_data(3), directory=tmp_path, make_generator=recorder.generator)


@pytest.mark.parametrize(("images", "loss", "folds"), [(9000, 0.01, 1), (9000, -0.01, 3), (900, 0.03, 2)])
def test_one_fold_is_enough_where_two_more_can_change_nothing(scripted, images, loss, folds):
    """One cross-validation of three folds: after -1, 100 and 100 the ratio is 66.3 / (58.3 √(1/3 + 1/2)) < 2.92."""
    accuracies = {"plain": np.full(6, 0.8), "some": np.full(6, 0.8 - loss)}
    data = np.zeros([images, *STUDY_SHAPE], "uint8"), np.arange(images) % 3
    candidates = {"some": study.Synthetic(0.25, "keep")}
    advice, trained = scripted(accuracies, data, arms={"plain": study.Arm()}, candidates=candidates)
    assert trained == list(range(folds))
    assert bool(advice.fraction) == (folds == 3)
    left = {1: "1 fold, and no result of the other 2 could", 2: "2 folds, and no result of the other 4 could", 3: ""}
    assert left[folds] in str(advice)
    assert "inf" not in str(advice)


@pytest.mark.parametrize(
    ("gains", "folds"),
    [
        ((0.04, -0.02), 2),  # four more of Q / S = 0.1: 0.07 ± 2.015 · 0.0506 · sqrt(1/6 + 1/2) = 0.07 ± 0.083
        ((0.05, 0.01, -0.06), 3),  # after two more of 0.043: 0.039 ± 0.025; after three S = 0
        ((0.05, 0.01, 0.05, 0.04, 0.05, 0.01), 6),
    ],
)
def test_what_cannot_convince_any_more_is_given_up(scripted, gains, folds):
    base = np.resize([0.5, 0.6], 6)
    accuracies = {"plain": base, "some": base + np.resize(gains, 6)}
    candidates = {"some": study.Synthetic(0.25, "keep")}
    advice, trained = scripted(accuracies, study_data(5, n=90), arms={"plain": study.Arm()}, candidates=candidates)
    assert trained == list(range(folds))
    assert bool(advice.fraction) == (folds == 6)
    assert ("It helps" if folds == 6 else "that could be chance" if folds == 2 else "does not help") in str(advice)
    why = "90% interval" if folds == 6 else f"no result of the other {6 - folds} could change the advice"
    assert f"{folds} folds" in str(advice)
    assert why in str(advice)


def _simulated(rng, means, folds, repeats, deviation):
    """Trials whose figures are normal, and any two folds of which are as alike as Nadeau and Bengio assume: by 1 / folds."""
    trials = cross_validation.CrossValidation(
        None, np.repeat(range(2), folds), None, folds=folds, repeats=repeats, seed=1, num_classes=2
    )
    shared, own = rng.normal(size=[len(means), 1]), rng.normal(size=[len(means), folds * repeats])
    noise = deviation * (np.sqrt(1 / folds) * shared + np.sqrt(1 - 1 / folds) * own)
    values = dict(zip("abcde", np.asarray(means)[:, None] + noise))

    def measure(names, run):
        for name in names:
            figures = trials.metrics.setdefault(name, {"balanced_accuracy": [], "log_loss": []})
            figures["balanced_accuracy"].append(values[name][run])
            figures["log_loss"].append(values[name][run])

    trials._measure = measure
    trials.options["verbose"] = False
    return trials, values


@pytest.mark.parametrize(("folds", "repeats"), [(3, 2), (5, 1)])
def test_the_best_arm_is_hardly_ever_given_up(folds, repeats):
    """In at most 5% of all cross-validations; those that are far behind are given up."""
    rng, trials, lost, far = np.random.default_rng(folds), 120, 0, 0
    for _ in range(trials):
        for means, deviation in (([0.5] * 5, 0.05), ([0.5] + [0.9] * 4, 0.02)):
            simulated, _ = _simulated(rng, means, folds, repeats, deviation)
            left = simulated.eliminate(dict.fromkeys("abcde"), simulated.is_surely_worse)
            if means[1] == 0.5:
                lost += "a" not in left  # any of them may be called the best
            else:
                assert "a" in left
                far += len(left) == 1
    assert lost <= 0.05 * trials
    assert far > 0.9 * trials


@pytest.mark.parametrize(("folds", "repeats"), [(3, 1), (3, 2), (2, 3)])
@pytest.mark.parametrize("gain", [-0.02, 0.0, 0.02, 0.06])
def test_no_gan_is_given_up_that_would_convince(folds, repeats, gain):
    rng, margin, spared, helpful = np.random.default_rng(folds), 0.003, 0, 0
    for _ in range(100):
        trials, values = _simulated(rng, [0.6, 0.6 + gain], folds, repeats, 0.02)
        trials.eliminate({"a": None}, lambda *_: False)
        left = trials.eliminate({"b": None}, lambda name, *_: trials.is_hopeless(name, "a", margin), "a")
        convinces = trials.is_convincing(values["b"] - values["a"], margin)
        assert ("b" in left) == convinces
        spared += folds * repeats - len(trials.metrics["b"]["log_loss"])
        helpful += convinces
    if gain <= 0:
        assert helpful <= 15
        assert spared > 30 * folds * repeats  # most are given up early


def test_whatever_may_come_is_less_than_what_convinces_most():
    """The rule that gives arms up against 2,000 ways in which the other folds could turn out."""
    rng, cases = np.random.default_rng(4), 0
    for _ in range(60):
        trials, values = _simulated(rng, [0.5, 0.5], 3, 2, 0.1)
        count = int(rng.integers(1, 6))
        for name in "ab":
            trials.metrics[name] = {"balanced_accuracy": list(values[name][:count])}
        differences = trials.differences("b", "a")
        scale = 10.0 ** rng.uniform(-3, 0, [2000, 1])
        rest = np.minimum(scale * rng.uniform(-0.2, 1, [2000, 6 - count]), 1)
        rows = np.concatenate([np.tile(differences, [2000, 1]), rest], 1)
        low = rows.mean(1) - stats.t.ppf(0.95, 5) * rows.std(1, ddof=1) * np.sqrt(1 / 6 + 1 / 2)
        if ((low > 0) & (rows.mean(1) > 0.003)).any():
            cases += 1
            assert not trials.is_hopeless("b", "a", 0.003)
    assert cases > 10


def test_arms_that_are_level_are_measured_in_all_folds(scripted):
    noise = np.resize([0.01, -0.01], 6)
    accuracies = {"one": 0.5 + noise, "other": 0.5 - noise, "some": 0.4 + noise}
    arms = {"one": study.Arm(), "other": study.Arm(transforms=("shift",))}
    advice, trained = scripted(accuracies, study_data(5, n=90), arms=arms, candidates={"some": study.Synthetic(0.25)})
    assert {name: len(values) for name, values in advice.figures.items()} == {"one": 6, "other": 6, "some": 2}
    assert trained == [0, 1]


def test_with_many_images_one_cross_validation_is_enough(scripted, monkeypatch):
    accuracies = {"one": np.resize([0.5, 0.6], 6), "some": np.resize([0.6, 0.7], 6)}
    for many, folds in [(90, 3), (91, 6)]:
        monkeypatch.setattr(recommendation, "MANY", many)
        candidates = {"some": study.Synthetic(0.25, "keep")}
        _, trained = scripted(accuracies, study_data(5, n=90), arms={"one": study.Arm()}, candidates=candidates)
        assert trained == list(range(folds))


@pytest.mark.parametrize(
    ("ahead", "noise", "base"),
    [
        (0.07, 0.08, "promising"),  # 0.07 ± 2.015 · 0.0876 · sqrt(1/6 + 1/2) has 0 within, and 0.57 is below 1.15 · 0.5
        (0.08, 0.04, "best"),  # surely worse: 0.08 ± 0.072
        (0.09, 0.12, "best"),  # perhaps not worse, but by more than 15%
    ],
)
def test_the_first_arm_is_taken_that_is_near_the_best(scripted, ahead, noise, base):
    noise = np.resize([noise, -noise], 6)
    accuracies = {"promising": 0.5 - ahead + noise, "best": np.full(6, 0.5), "bad": np.full(6, 0.2), "some": np.full(6, 0.4)}
    arms = {
        "bad": study.Arm(sampling="balanced"),
        "promising": study.Arm(transforms=("flip",)),
        "best": study.Arm(transforms=("shift",)),
    }
    candidates = {"some": study.Synthetic(0.25)}
    advice, _ = scripted(accuracies, study_data(5, n=90), arms=arms, candidates=candidates)
    assert advice.base == base
    assert len(advice.figures["bad"]) == 2


def test_what_is_the_same_with_these_data_is_tried_once(scripted):
    images = study_data(5, n=90)[0]
    same = {"balanced_softmax", "oversampling"}
    arms = {name: all_arms()[name] for name in ("shift_flip", "balanced_softmax", "oversampling", "nothing")}
    names = {*arms, *study.CANDIDATES}
    for_the_rare = {"a quarter of each batch, to the rare classes"}
    accuracies = {name: np.full(6, 0.4 + 0.1 * (name != "shift_flip")) for name in names}
    advice, _ = scripted(accuracies, (images, np.arange(90) % 3), arms=arms)
    assert set(advice.figures) == names - same - for_the_rare
    unequal = np.minimum(np.arange(90) // 20, 2)
    advice, _ = scripted({**accuracies, "nothing": np.full(6, 0.6)}, (images, unequal), arms=arms)
    assert set(advice.figures) == names - for_the_rare  # on top of "nothing" all of them are for the rare classes
    advice, _ = scripted({**accuracies, "balanced_softmax": np.full(6, 0.6)}, (images, unequal), arms=arms)
    assert advice.base == "balanced_softmax"
    assert set(advice.figures) == names


def test_what_evens_the_classes_out_has_its_plain_name_where_they_are_even():
    arms = {name: all_arms()[name] for name in ("balanced_softmax + cutmix", "balanced_softmax", "cutmix", "nothing")}
    assert list(candidates.distinct(arms, np.array([5, 5]))) == ["cutmix", "nothing"]
    assert list(candidates.distinct(arms, np.array([5, 6]))) == list(arms)


def test_the_arms_to_choose_from_by_default():
    names = list(candidates.preferred_arms())
    assert names[-1] == "nothing"
    assert (names[0] == "balanced_softmax + cutmix") == hasattr(keras.layers, "CutMix")


def test_candidates_that_differ_in_one_of_very_many_classes_are_two():
    weights = np.ones(2000)
    other = weights.copy()
    other[1000] = 0
    strategies = {"all": weights, "same": weights, "not one": other}
    tried = {name: study.Synthetic(0.5, strategy / strategy.sum()) for name, strategy in strategies.items()}
    assert list(candidates.on_top_of(study.Arm(), tried, np.full(2000, 1 / 2000))) == ["all", "not one"]


COUNTS, NAMES = np.array([1000, 100, 12]), ["cat", "dog", "owl"]


def _advice(gains, strategy=(0.0, 0.2, 0.8), band=None):
    labels = np.repeat(range(3), COUNTS)
    trials = cross_validation.CrossValidation(None, labels, None, folds=3, repeats=2, seed=1, num_classes=3)
    trials.metrics = {
        "plain": _measured([0.8] * len(gains)),
        "other": _measured([0.1] * len(gains)),
        "some": _measured(0.8 + np.array(gains), head=0.89, tail=0.75),
    }
    some = study.Synthetic(0.5, strategy, weight=0.5, truncation=0.9, band=band)
    return recommendation._decide(trials, "plain", {"other": study.Synthetic(0.1), "some": some}, NAMES, margin=0.003)


def _layer(advice, **options):
    return kga.GANAugmentation.from_recommendation(kga.SNGAN(STUDY_SHAPE, 3, latent_dim=4, seed=1), advice, **options)


def test_the_guard_recommends_what_is_surely_better():
    advice = _advice([0.02, 0.03, 0.02, 0.04])
    assert (advice.fraction, advice.synthetic_weight, advice.truncation, advice.base) == (0.5, 0.5, 0.9, "plain")
    assert "+2.8 points" in str(advice)
    assert "head -1.0, middle +0.0, tail +5.0" in str(advice)
    replacement = _layer(advice).replacement
    np.testing.assert_allclose(replacement.class_weights, [0.0, 0.2, 0.8], rtol=1e-6)
    assert replacement.synthetic_weight == 0.5
    assert _advice([0.02, 0.03, 0.02, 0.04], strategy="keep").sampling_strategy == "keep"


def test_a_filter_that_is_recommended_needs_its_classifier(tmp_path):
    advice = _advice([0.02, 0.03, 0.02, 0.04], band=(0.3, 0.9))
    advice.to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json").band == (0.3, 0.9)
    with pytest.raises(ValueError, match=r"`classifier` must be given.*Received"):
        _layer(advice)
    classifier = kga.networks.classifier.classifier(STUDY_SHAPE, 3, width=4, seed=1)
    source = _layer(advice, classifier=classifier).replacement.generator
    assert (type(source), source.band) == (kga.FilteredGenerator, (0.3, 0.9))


def test_strategies_become_weights_that_a_layer_has_too():
    prior = COUNTS / COUNTS.sum()
    tried = {strategy: study.Synthetic(0.5, strategy) for strategy in ("fill", "keep")}
    arms = candidates.on_top_of(study.Arm(), tried, prior)
    np.testing.assert_allclose(arms["fill"].synthetic.strategy, streams.fill_up(prior, 0.5))
    assert arms["keep"].synthetic.strategy == "keep"


@pytest.mark.parametrize(
    ("strategy", "gains", "names", "weights"),
    [
        ("keep", {"head": -0.1, "middle": 0.0, "tail": 0.1}, ["head"], [0, 100 / 112, 12 / 112]),
        ((0.5, 0.25, 0.25), {"head": -0.1, "middle": -0.1}, ["head", "middle"], [0, 0, 1]),
        ({1: 1.0, 2: 3.0}, {"middle": -0.1}, ["middle"], [0, 0, 1]),
    ],
)
def test_classes_that_the_gan_harms_are_excluded(strategy, gains, names, weights):
    synthetic = study.Synthetic(0.5, strategy)
    harmed, spared = candidates.without_the_harmed(synthetic, gains, COUNTS, COUNTS / COUNTS.sum())
    assert harmed == names
    np.testing.assert_allclose(spared.strategy, weights)


@pytest.mark.parametrize(
    ("strategy", "gains", "counts"),
    [
        ("keep", {"tail": 0.1}, COUNTS),  # none is harmed
        ("keep", {"head": -0.8, "middle": -0.7, "tail": -0.6}, COUNTS),  # all are
        ((0, 0, 1), {"head": -0.8}, COUNTS),  # those that are get no samples
        ("keep", {"head": -0.8}, np.array([5, 5, 5])),  # there are no rare ones
    ],
)
def test_there_is_nothing_to_exclude(strategy, gains, counts):
    synthetic = study.Synthetic(0.5, strategy)
    assert candidates.without_the_harmed(synthetic, gains, counts, counts / counts.sum()) is None


def test_gains_of_recall_by_bucket_of_classes():
    trials = cross_validation.CrossValidation(None, np.zeros(4, int), None, folds=2, repeats=1, seed=1, num_classes=1)
    trials.metrics = {
        "one": _measured([0.8, 0.8], head=0.8, middle=np.nan, tail=0.8),
        "other": _measured([0.8, 0.8], head=0.9, middle=np.nan, tail=0.7),
    }
    gains = trials.gains_of_recall("one", "other")
    assert gains == {"head": pytest.approx(-0.1), "tail": pytest.approx(0.1)}  # no class is in the middle


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ([-0.02, -0.01, 0.0, -0.03], "does not help"),
        ([0.001, 0.002, 0.001, 0.001], "does not help"),
        ([0.1, -0.06, 0.05, -0.05], "could be chance"),
        ([0.02, 0.005, 0.03, 0.01], "could be chance"),  # all are positive, but the folds share their images
    ],
)
def test_the_guard_says_0_and_why(gains, words):
    advice = _advice(gains)
    assert advice.fraction == 0
    assert words in str(advice)
    assert "12 images in class owl" in str(advice)
    augment = _layer(advice)
    images = RNG.integers(0, 256, [4, *STUDY_SHAPE], "uint8")
    np.testing.assert_array_equal(augment(images, np.zeros(4, int), training=True)[0], images)


def test_the_guard_trains_nothing_where_a_class_cannot_be_judged():
    recorder = StudyRecorder()
    images, labels = study_data(5, n=20)  # two images of class 2
    advice = kga.recommend((images, labels), recorder.generator, build=recorder.build, class_names=["cat", "dog", "owl"])
    assert advice.fraction == 0
    assert "2 images in class owl" in str(advice)
    assert advice.base == next(iter(candidates.preferred_arms()))
    assert not recorder.given
    assert not recorder.models


@pytest.mark.parametrize(
    "options",
    [{"folds": 1}, {"repeats": 0}, {"margin": 2}, {"arms": {}}, {"candidates": {"x": None}}],
)
def test_bad_arguments_of_the_guard(options):
    with pytest.raises((ValueError, TypeError), match=r"`.+`.*Received"):
        kga.recommend(study_data(5), StudyRecorder().generator, **options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"candidates": {"x": study.Synthetic(weight=-1)}}, "weight of candidate 'x'"),
        ({"candidates": {"x": study.Synthetic(source="oracle")}}, "source of candidate 'x'"),
        ({"candidates": {"x": study.Synthetic(strategy="fil")}}, "strategy of candidate 'x'"),
        ({"candidates": {"x": 0.5}}, "synthetic"),
        ({"candidates": 0.5}, "candidates"),
        ({"arms": {"x": study.Arm(synthetic=study.Synthetic())}}, "arms"),
        ({"arms": ["nothing"]}, "arms"),
        ({"class_names": np.array(["a"])}, "class_names"),
        ({"train": (study_data(9)[0], study_data(9)[1][:5])}, "train"),
        ({"train": (study_data(9)[0][0], study_data(9)[1])}, "train"),
        ({"train": (np.zeros([0, 8, 8, 1]), np.zeros([0], int))}, "train"),
        ({"on_top_of": None}, "recommend"),
    ],
)
def test_the_guard_refuses_what_cannot_work_before_anything_is_trained(options, named):
    recorder = StudyRecorder()
    with pytest.raises((ValueError, TypeError), match=rf"`{named}.*Received"):
        kga.recommend(options.pop("train", study_data(9)), recorder.generator, build=recorder.build, **options)
    assert not recorder.given
    assert not recorder.models


def test_class_names_may_be_an_array():
    images, labels = study_data(9, n=7)
    advice = kga.recommend((images, labels), lambda *_: None, class_names=np.array(["a", "b", "c"]))
    assert "1 images in class c" in str(advice)


def test_what_is_not_a_number_is_null_in_the_file(tmp_path):
    figures = {"nothing": [0.5, np.nan], "some": np.array([0.5, np.inf])}
    study.Recommendation(0.0, "keep", None, 1.0, "nothing", ["Because."], figures).to_json(tmp_path / "advice.json")
    written = json.loads((tmp_path / "advice.json").read_text(), parse_constant=pytest.fail)
    assert written["figures"] == {"nothing": [0.5, None], "some": [0.5, None]}
    read = study.Recommendation.from_json(tmp_path / "advice.json")
    np.testing.assert_array_equal(read.figures["nothing"], [0.5, np.nan])
    with pytest.raises(TypeError, match=r"plain values\. Received: <object"):
        read._replace(figures={"nothing": [object()]}).to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json").base == "nothing"  # the old file is whole
    assert [file.name for file in tmp_path.iterdir()] == ["advice.json"]


def test_what_is_no_recommendation(tmp_path):
    (tmp_path / "other.json").write_text('{"fraction": 0.5}')
    with pytest.raises(ValueError, match=r"`path`.*Received.*other.json"):
        study.Recommendation.from_json(tmp_path / "other.json")
    with pytest.raises(TypeError, match=r"`recommendation` must be what `recommend` returns\. Received: 0\.5"):
        kga.GANAugmentation.from_recommendation(small_gan(), 0.5)
    advice = study.Recommendation(np.float32(0.5), np.array([0.5, 0.5]), None, 1.0, "nothing", ["It helps."], {}, (0.3, 0.9))
    advice.to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json").sampling_strategy == [0.5, 0.5]


SIZES = {"kind": 3, "style": 4}
SEEN = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 2], [2, 3], [2, 0]])


def _of_cells(n=84):
    """Images of `study_data` in seven of twelve cells, `n` in all, told apart by a pixel."""
    images = RNG.integers(0, 256, [n, *STUDY_SHAPE], "uint8")
    images[:, 0, 0, 0] = np.arange(n)
    return images, np.resize(SEEN, [n, 2]).astype("int32")


@pytest.mark.parametrize(("sizes", "share"), [((10, 4), 0.5), ((3, 4), 0.6), ((3, 2, 4), 0.5), ((5, 2), 1.0)])
def test_cells_are_held_out_where_each_value_stays(sizes, share):
    """Checked fold by fold; a cell that is in no fold could be in none of them."""
    rng = np.random.default_rng(len(sizes))

    def stays(place, fold, counts):
        left = (place != fold) & (counts >= 4)
        others = [axes for axes in np.ndindex(*sizes) if place[axes] == fold]
        return all(np.take(left, value, axis).any() for cell in others for axis, value in enumerate(cell))

    for folds in (2, 3):
        for _ in range(10):
            counts = np.where(rng.uniform(size=sizes) < share, rng.integers(1, 40, sizes), 0)
            place = cross_validation.folds_of_cells(counts, folds, rng)
            assert (place[counts < 4] == -1).all()
            assert all(stays(place, fold, counts) for fold in range(folds))
            for cell in np.argwhere((place == -1) & (counts >= 4)):
                for fold in range(folds):
                    tried = place.copy()
                    tried[tuple(cell)] = fold
                    assert not stays(tried, fold, counts)
    whole = cross_validation.folds_of_cells(np.full([10, 4], 9), 4, rng)
    np.testing.assert_array_equal(np.bincount(whole.ravel()), 10)


def test_folds_of_cells_follow_from_the_seed():
    images, labels = _of_cells()
    options = {"num_classes": SIZES, "verbose": False}
    places = [cross_validation.CrossValidation(images, labels, None, 3, 2, seed, **options).place for seed in (1, 1, 2)]
    np.testing.assert_array_equal(places[0], places[1])
    assert (places[0] != places[2]).any()
    assert (places[0][0] != places[0][1]).any()
    full = np.stack(np.meshgrid(range(3), range(4)), -1).reshape(-1, 2).repeat(5, 0)
    trials = cross_validation.CrossValidation(None, full, None, 3, 1, 1, **options)
    np.testing.assert_array_equal(trials.place, training.repeated_folds(full[:, 0], 3, 1, 1))
    assert (trials.by_cells, trials.metric) == (False, "balanced_accuracy")


@pytest.mark.parametrize(("gain", "words"), [(0.1, "Use the GAN: fraction=0.5"), (-0.1, "Do without the GAN")])
def test_advice_for_empty_cells_is_about_cells_held_out(scripted, gain, words):
    """Accuracies are those of all classes, and cells do the better the worse these are."""
    noise = np.resize([0.0, 0.01], 6)
    accuracies = {"plain": np.full(6, 0.6), "some": 0.6 - gain + noise}
    data, some = _of_cells(), {"some": study.Synthetic(0.5, "keep")}
    advice, _ = scripted(accuracies, data, arms={"plain": study.Arm()}, candidates=some, num_classes=SIZES)
    assert str(advice).startswith(words)
    np.testing.assert_allclose(advice.figures["plain"], 0.4)
    assert "points of mean accuracy of combinations held out of the training set" in str(advice)
    assert "5 of the 12 combinations of kind and style have no training images (kind 0, style 2; kind 0" in str(advice)
    assert "Recall" not in str(advice)
    assert _layer(advice).replacement.fraction == advice.fraction


def test_where_no_cell_can_be_held_out_nothing_is_trained(scripted):
    images, _ = _of_cells()
    labels = {"kind": np.arange(84) % 2, "style": np.arange(84) % 2}
    advice, trained = scripted({}, (images, labels), num_classes={"kind": 2, "style": 2})
    assert not advice.fraction
    assert "2 of the 4 combinations of kind and style" in str(advice)
    assert "too few can be held out" in str(advice)
    assert not trained


@pytest.mark.slow
def test_the_guard_measures_cells_that_nothing_was_trained_on(monkeypatch):
    monkeypatch.setattr(cross_validation.CrossValidation, "is_hopeless", lambda *_: False)
    recorder, (images, labels) = StudyRecorder(), _of_cells()
    advice = kga.recommend(
        (images, {"kind": labels[:, 0], "style": labels[:, 1]}),
        recorder.generator,
        arms={"nothing": study.Arm()},
        candidates={"some": study.Synthetic(0.25, "keep", bank_size=12)},
        folds=2,
        repeats=1,
        num_classes=SIZES,
        build=recorder.build,
        steps=4,
        batch_size=8,
        verbose=False,
    )
    assert (len(recorder.given), len(recorder.models)) == (2, 4)  # in the second fold "some" comes first
    for n, (given, its_labels, _) in enumerate(recorder.given):
        np.testing.assert_array_equal(its_labels, labels[given[:, 0, 0, 0]])
        cells = {*map(tuple, its_labels.tolist())}
        assert {kind for kind, _ in cells} == {0, 1, 2} and {style for _, style in cells} == {0, 1, 2, 3}
        held_out = [row for row, label in enumerate(labels.tolist()) if tuple(label) not in cells]
        assert sorted([*given[:, 0, 0, 0], *held_out]) == [*range(84)]
        right = np.argmax(recorder.models[3 * n](images[held_out].astype("float32")), 1) == labels[held_out, 0]
        expected = [right[np.all(labels[held_out] == cell, 1)].mean() for cell in {*map(tuple, labels[held_out].tolist())}]
        assert advice.figures["nothing"][n] == pytest.approx(np.mean(expected))


def test_what_is_tried_with_several_attributes(scripted):
    arms = candidates.preferred_arms(several=True)
    assert next(iter(arms)) == "balanced_softmax_by_style + fourier"
    names = {*arms, *candidates.OF_CELLS}
    advice, _ = scripted({name: np.full(6, 0.5) for name in names}, _of_cells(), num_classes=SIZES)
    assert {*advice.figures} == names
    assert advice.base == next(iter(arms))


def test_how_attributes_are_drawn_is_advised_too(tmp_path):
    drawn = {"style": [0.0, 1.0]}
    synthetic = study.Synthetic(0.5, "keep", attributes=drawn)
    labels = np.repeat(range(3), COUNTS)
    trials = cross_validation.CrossValidation(None, labels, None, folds=3, repeats=2, seed=1, num_classes=3)
    trials.metrics = {"plain": _measured([0.8] * 4), "some": _measured([0.82, 0.83, 0.82, 0.84])}
    advice = recommendation._decide(trials, "plain", {"some": synthetic}, NAMES, margin=0.003)
    advice.to_json(tmp_path / "advice.json")
    assert study.Recommendation.from_json(tmp_path / "advice.json").attributes == advice.attributes == drawn
    gan = kga.SNGAN(STUDY_SHAPE, {"kind": 3, "style": 2}, latent_dim=4, width=4, seed=1)
    layer = kga.GANAugmentation.from_recommendation(gan, advice)
    np.testing.assert_array_equal(layer.replacement.generator.drawn.weights["style"], drawn["style"])
