"""The study: its losses and statistics against references, its streams, and that nothing sees the test images."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.study import arms, losses, recommendation, statistics, training

RNG = np.random.default_rng(0)


# Losses.


def _softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_losses_written_out():
    prior = np.array([0.7, 0.2, 0.1])
    logits, labels = RNG.normal(size=[5, 3]), np.array([0, 1, 2, 1, 0])
    one_hot, p = np.eye(3)[labels], _softmax(logits)
    p_y = p[range(5), labels]
    weighted = prior * np.exp(logits)  # balanced softmax: n_y exp(η_y) / Σ n_j exp(η_j)
    expected = {
        "cross_entropy": -np.log(p_y),
        "class_weights": -np.log(p_y) / (3 * prior[labels]),
        "balanced_softmax": -np.log(weighted[range(5), labels] / weighted.sum(1)),
        "focal": -((1 - p_y) ** 2) * np.log(p_y),
    }
    assert set(expected) == set(losses.NAMES)
    for name, values in expected.items():
        np.testing.assert_allclose(losses.make(name, prior)(one_hot, logits), values, rtol=1e-5)


def test_balanced_softmax_and_logit_adjustment_undo_the_prior():
    """The best logits for a prior p, told of it, are those for equal classes."""
    prior, likelihood = np.array([0.9, 0.1]), np.array([[0.3, 0.6]])  # p(x | y)
    posterior = prior * likelihood / (prior * likelihood).sum()
    balanced = likelihood / likelihood.sum()
    np.testing.assert_allclose(_softmax(losses.adjusted(np.log(posterior), prior)), balanced, rtol=1e-5)
    risk = [
        float((posterior[0] * losses.make("balanced_softmax", prior)(np.eye(2), np.log(q))).numpy().sum())
        for q in (np.repeat(balanced, 2, 0), np.repeat(posterior, 2, 0))
    ]
    assert risk[0] < risk[1]


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_fill_up_levels_the_rarest_classes(fraction):
    prior = np.array([0.5, 0.25, 0.15, 0.1])
    q = losses.fill_up(prior, fraction)
    mixed = (1 - fraction) * prior + fraction * q
    assert q.sum() == pytest.approx(1)
    assert (q >= 0).all()
    if fraction:
        given = q > 1e-12
        assert np.ptp(mixed[given]) < 1e-12  # those that got some are at one level
        assert mixed[given].max() <= mixed[~given].min() + 1e-12 if (~given).any() else True
    np.testing.assert_allclose(losses.fill_up(prior, 1.0), 0.25)


# Statistics.


def test_measures_against_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    logits, labels = RNG.normal(size=[200, 4]), RNG.integers(0, 4, 200)
    logits[range(200), labels] += 1
    figures = statistics.measure(logits, labels, counts=[1000, 100, 10, 10])
    named = logits.argmax(1)
    assert figures["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(labels, named))
    assert figures["macro_f1"] == pytest.approx(sklearn.f1_score(labels, named, average="macro"))
    recalls = sklearn.recall_score(labels, named, average=None)
    np.testing.assert_allclose(figures["recalls"], recalls)
    assert figures["head_recall"] == pytest.approx(recalls[0])
    assert figures["tail_recall"] == pytest.approx(recalls[2:].mean())


def test_calibration_error_written_out():
    logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.81, 0.19], [0.6, 0.4]])
    labels = [0, 0, 1, 1]  # right, right, wrong, wrong
    # five bins: [0.6, 0.8) holds the last, [0.8, 1] the others
    expected = 0.25 * abs(0 - 0.6) + 0.75 * abs(2 / 3 - (0.9 + 0.8 + 0.81) / 3)
    assert statistics.measure(logits, labels, [1, 1], bins=5)["calibration_error"] == pytest.approx(expected)


def test_buckets():
    groups = statistics.buckets([500] * 5 + [20] * 5)
    assert groups["head"].tolist() == [True] * 5 + [False] * 5
    assert groups["tail"].tolist() == [False] * 5 + [True] * 5
    assert all(group.all() for group in statistics.buckets([7, 7]).values())
    logits = np.eye(3)[[0, 1, 2]]
    assert np.isnan(statistics.measure(logits, [0, 1, 2], [100, 10, 100])["middle_recall"])


@pytest.mark.parametrize("n", [3, 6, 10, 40])
def test_wilcoxon_against_scipy(n):
    stats = pytest.importorskip("scipy.stats")
    differences = RNG.normal(size=n) + 0.3
    expected = stats.wilcoxon(differences, method="exact" if n <= 16 else "asymptotic", correction=True).pvalue
    assert statistics.wilcoxon(differences) == pytest.approx(expected, rel=1e-6)


def test_wilcoxon_with_ties_and_zeros():
    assert statistics.wilcoxon([0.0, 0.0]) == 1
    # ranks 1.5, 1.5, 3: of 8 signs, two are as extreme as all positive
    assert statistics.wilcoxon([0.1, 0.1, 0.5, 0.0]) == pytest.approx(2 / 8)


def test_bootstrap_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    differences = RNG.normal(size=12) + 1
    options = {"n_resamples": 10_000, "method": "percentile", "rng": np.random.default_rng(1)}
    expected = stats.bootstrap([differences], np.mean, **options).confidence_interval
    np.testing.assert_allclose(statistics.paired_bootstrap(differences), expected, atol=0.03)


# Streams.


def test_order_of_images():
    labels = np.array([0] * 6 + [1] * 2 + [3] * 2)
    natural = training.order_of_images(labels, 4, "natural", steps=5, batch_size=4, seed=1)
    assert (np.bincount(natural.ravel()) == 2).all()  # two epochs
    balanced = training.order_of_images(labels, 4, "balanced", steps=9, batch_size=4, seed=1)
    np.testing.assert_array_equal(np.bincount(labels[balanced.ravel()]), [12, 12, 0, 12])
    assert np.ptp(np.bincount(balanced.ravel(), minlength=10)[:6]) == 0
    assert (training.order_of_images(labels, 4, "natural", 5, 4, seed=2) != natural).any()


def test_shift_and_flip_move_pixels_and_no_more():
    images = RNG.integers(0, 256, [20, 16, 9, 2]).astype("float32")
    flipped, _ = arms.flip(images, None, [1, 2])
    mirrored = [np.array_equal(after, before[:, ::-1]) for after, before in zip(flipped.numpy(), images)]
    same = [np.array_equal(after, before) for after, before in zip(flipped.numpy(), images)]
    assert 3 < sum(mirrored) < 17
    assert sum(mirrored) + sum(same) == 20
    shifted, _ = arms.shift(images, None, [1, 2])
    found = set()
    for after, before in zip(shifted.numpy(), images):
        padded = np.pad(before, [(2, 2), (1, 1), (0, 0)], mode="edge")
        places = [(y, x) for y in range(5) for x in range(3) if np.array_equal(padded[y : y + 16, x : x + 9], after)]
        assert len(places) == 1
        found.add(places[0])
    assert len(found) > 5


def test_a_pool_gives_images_of_the_class_and_all_of_them():
    images = np.arange(10).reshape(10, 1, 1, 1).astype("uint8")
    labels = np.array([0, 1, 0, 1, 1, 2, 0, 1, 2, 2])
    pool = training.Pool(images, labels, 3, (0, 255))
    wanted = np.array([1, 0, 1, 1, 2, 1, 0, 0], "int32")
    drawn = pool.sample(wanted, np.array([3, 4], "int32")).numpy().ravel().astype(int)
    np.testing.assert_array_equal(labels[drawn], wanted)
    assert len(set(drawn)) == 8
    with pytest.raises(ValueError, match=r"`labels`.*\[3\]"):
        training.Pool(images, labels, 4, (0, 255))


class _Constant(training.Source):
    """Images that show their class as pixel value 100 + class."""

    conditional, num_classes, image_shape, value_range, state = True, 3, (4, 4, 1), (0.0, 255.0), None

    def sample(self, labels, seed, truncation=1.0):
        return tf.cast(100 + labels, tf.float32)[:, None, None, None] * tf.ones([1, 4, 4, 1])


@pytest.mark.parametrize(("strategy", "fraction"), [("fill", 0.5), ("keep", 0.25), ([0, 0, 1], 0.25)])
def test_the_stream_has_the_frequencies_that_it_tells_the_loss(strategy, fraction):
    labels = np.array([0] * 80 + [1] * 16 + [2] * 4)
    images = np.repeat(labels, 16).reshape(-1, 4, 4, 1).astype("uint8")
    arm = study.Arm(synthetic=study.Synthetic(fraction, strategy, real_only_end=0.2, weight=0.5, bank_size=12))
    data, prior = training.make_stream(arm, images, labels, 3, _Constant(), 50, 32, (0, 255), seed=1)
    batches = [[part.numpy() for part in batch] for batch in data]
    assert len(batches) == 50
    values = np.stack([x[:, 0, 0, 0] for x, _, _ in batches])
    classes = np.stack([y.argmax(1) for _, y, _ in batches])
    weights = np.stack([w for _, _, w in batches])
    synthetic = values >= 100
    np.testing.assert_array_equal(values - 100 * synthetic, classes)  # labels are those of the images
    np.testing.assert_array_equal(synthetic.sum(1), [round(32 * fraction)] * 40 + [0] * 10)
    np.testing.assert_array_equal(weights, np.where(synthetic, 0.5, 1.0))
    seen = np.bincount(classes[:40].ravel(), minlength=3) / classes[:40].size
    np.testing.assert_allclose(seen, prior, atol=0.03)


def test_shuffled_samples_are_of_another_class():
    source = training.Shuffled(_Constant())
    labels = np.resize([0, 1, 2], 300).astype("int32")
    shown = source.sample(labels, np.array([1, 2], "int32")).numpy()[:, 0, 0, 0].astype(int) - 100
    assert (shown != labels).all()
    assert len(set(zip(labels, shown))) == 6


def test_smote_balances_and_interpolates():
    pytest.importorskip("imblearn")
    images = RNG.integers(0, 256, [30, 4, 4, 1], "uint8")
    labels = np.array([0] * 24 + [1] * 6)
    new, new_labels = arms.smote(images, labels, seed=1)
    assert np.bincount(new_labels).tolist() == [24, 24]
    np.testing.assert_array_equal(new[:30], images)
    made = new[30:].astype(int)
    rare = images[24:].astype(int)
    assert (made >= rare.min(0) - 1).all()
    assert (made <= rare.max(0) + 1).all()


def test_arms_that_cannot_be_run_are_left_out_or_refused_at_once(monkeypatch):
    monkeypatch.delattr(keras.layers, "CutMix", raising=False)
    with pytest.warns(UserWarning, match=r"'cutmix' is left out.*CutMix"):
        assert "cutmix" not in study.default_arms()
    with pytest.raises(ImportError, match="'mine' needs"):
        arms.check("mine", study.Arm(transforms=("cutmix",)))


@pytest.mark.parametrize("name", ["rand_augment", "mixup", "cutmix"])
def test_keras_transforms_change_images_alike_for_a_seed(name):
    if arms.missing_for(study.Arm(transforms=(name,))):
        pytest.skip("a Keras without this layer")
    images = RNG.integers(0, 256, [40, 8, 8, 1], "uint8")
    labels = np.resize([0, 1, 2], 40)
    runs = []
    for seed in (1, 1, 2):
        arm = study.Arm(transforms=(name,))
        data, _ = training.make_stream(arm, images, labels, 3, None, 2, 16, (0, 255), seed)
        runs.append([tuple(part.numpy() for part in batch) for batch in data])
    for one, same in zip(runs[0], runs[1]):
        for a, b in zip(one, same):
            np.testing.assert_array_equal(a, b)
    assert (runs[0][0][0] != runs[0][1][0]).any()  # each batch is drawn anew
    plain, _ = training.make_stream(study.Arm(), images, labels, 3, None, 2, 16, (0, 255), 1)
    before = next(iter(plain))
    assert (runs[0][0][0] != before[0].numpy()).any()
    np.testing.assert_allclose(runs[0][0][1].sum(1), 1, rtol=1e-5)
    assert ((runs[0][0][1] != before[1].numpy()).any()) == (name != "rand_augment")


# The study.

SHAPE = (8, 8, 1)


def _data(seed, n=60, num_classes=3):
    rng = np.random.default_rng([seed, 1])
    labels = np.resize([0, 0, 0, 0, 1, 1, 2], n)
    images = np.clip(rng.normal(size=[n, *SHAPE]) * 30 + 60 * labels[:, None, None, None] + 40, 0, 255)
    return images.astype("uint8"), labels


class _Recorder:
    """Builds classifiers and generators, and remembers what they were given."""

    def __init__(self):
        self.models, self.given = [], []

    def build(self, seed):
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Input(SHAPE), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(3)]
        self.models.append(keras.Sequential(layers))
        return self.models[-1]

    def generator(self, images, labels, seed):
        self.given.append((images, labels, seed))
        return kga.SNGAN(SHAPE, 3, latent_dim=4, seed=seed)

    def study(self, test, directory=None, **options):
        options = {"arms": {"nothing": study.Arm(), "balanced_softmax": study.Arm(loss="balanced_softmax")}, **options}
        settings = {"steps": 4, "batch_size": 8, "seeds": [3, 4], "verbose": False, "directory": directory}
        settings.update(build=self.build, synthetic=study.Synthetic(bank_size=12))
        return kga.AugmentationStudy(_data, test, self.generator, **{**settings, **options})


def test_nothing_that_is_trained_sees_the_test_images():
    """Other test images and other held-out ones: the generators get the same, and all classifiers are the same."""
    runs = []
    for part in (100, 200):
        recorder = _Recorder()
        report = recorder.study(_data(part), held_out=_data(part + 1), seeds=[3]).run()
        runs.append((recorder, report))
    (first, report), (second, _) = runs
    assert len(first.given) == len(second.given) == 1
    for given in (*first.given, *second.given):
        np.testing.assert_array_equal(given[0], _data(3)[0])
        np.testing.assert_array_equal(given[1], _data(3)[1])
        assert given[2] == 3
    assert len(first.models) == len(report.arms)
    for name, one, another in zip(report.arms, first.models, second.models):
        same = all(np.array_equal(a, b) for a, b in zip(one.get_weights(), another.get_weights()))
        assert same != name.startswith("oracle")  # which alone uses what was held out


def test_a_study_that_was_killed_goes_on(tmp_path):
    options = {
        "arms": {"nothing": study.Arm(), "gan": study.Arm(synthetic=study.Synthetic(bank_size=12))},
        "on_top_of": None,
    }
    whole = _Recorder().study(_data(9), **options).run()
    recorder, count = _Recorder(), 0

    def build(seed):
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return recorder.build(seed)

    with pytest.raises(KeyboardInterrupt):
        recorder.study(_data(9), tmp_path, build=build, **options).run()
    assert (len(recorder.given), len(recorder.models)) == (2, 3)
    assert recorder.study(_data(9), tmp_path, **options).run().arms == whole.arms
    assert (len(recorder.given), len(recorder.models)) == (2, 4)  # the second generator was kept
    assert recorder.study(_data(9), tmp_path, **options).run().arms == whole.arms
    assert len(recorder.models) == 4
    assert not recorder.study(_data(9), tmp_path, steps=5, **options)._kept()  # other settings are other results
    described = recorder.study(_data(9), arms={"smote": study.Arm(resample=arms.smote)}, on_top_of=None)._settings("smote")
    assert "study.arms.smote" in described
    assert " at 0x" not in described


def test_the_report(tmp_path):
    pytest.importorskip("matplotlib")
    report = _Recorder().study(_data(9)).run()
    content = json.loads(json.dumps(report.to_dict(setting="x")))
    assert set(content) == {"setting", "seeds", "arms", "best_without_gan", "best_with_gan"}
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


@pytest.mark.parametrize(("gains", "word"), [([2, 3, 2], "helps"), ([-2, -3, -2], "harm"), ([-2, 3, 0], "No clear")])
def test_the_verdict(gains, word):
    def figures(values):
        return [dict.fromkeys(statistics.METRICS, value / 100) for value in values]

    report = study.Report({"plain": figures([80] * 3), "gan": figures(np.add(80, gains))}, [0, 1, 2], ["gan"], ["plain"])
    assert word in report.verdict()


def test_a_filtered_arm_takes_samples_within_the_band():
    recorder = _Recorder()
    banded = {"gan": study.Arm(synthetic=study.Synthetic(0.25, band=(0.2, 0.9), bank_size=12))}
    recorder.study(_data(9), arms=banded, on_top_of=None, seeds=[3]).run()
    assert len(recorder.models) == 3  # two of the filter, one judged
    images, labels = _data(3)

    def train_on(images, labels, seed):
        seen.append((images, labels))
        return recorder.build(seed)

    seen = []
    model = training.cross_fitted_classifier(train_on, images, labels, seed=3)
    assert sum(len(part[0]) for part in seen) == len(images)  # two folds: each image in one of the trainings
    each = [_softmax(recorder.models[-n](images[:5].astype("float32")).numpy()) for n in (1, 2)]
    np.testing.assert_allclose(_softmax(model(images[:5].astype("float32")).numpy()), np.mean(each, 0), rtol=1e-4)


# The guard.


def test_folds_are_even_in_each_class():
    labels = np.array([0] * 9 + [1] * 4)
    place = training.folds_of(labels, 3, seed=1)
    np.testing.assert_array_equal(np.bincount(place[:9]), [3, 3, 3])
    assert sorted(np.bincount(place[9:], minlength=3)) == [1, 1, 2]
    assert (training.folds_of(labels, 3, seed=2) != place).any()


def test_the_guard_judges_on_images_that_nothing_was_trained_on(tmp_path):
    recorder = _Recorder()
    images, labels = _data(5, n=70)
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
    np.testing.assert_allclose(advice.sampling_strategy, losses.fill_up(np.array([100, 50, 12]) / 162, 0.5))
    assert "+2.8 points" in str(advice)
    layer = kga.GANAugmentation.from_recommendation(kga.SNGAN(SHAPE, 3, latent_dim=4, seed=1), advice)
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
    augment = kga.GANAugmentation.from_recommendation(kga.SNGAN(SHAPE, 3, latent_dim=4, seed=1), advice)
    images = RNG.integers(0, 256, [4, *SHAPE], "uint8")
    np.testing.assert_array_equal(augment(images, np.zeros(4, int), training=True)[0], images)


def test_the_guard_trains_nothing_where_a_class_cannot_be_judged():
    recorder = _Recorder()
    images, labels = _data(5, n=20)  # two images of class 2
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
        kga.recommend(_data(5), _Recorder().generator, **options)


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
    recorder = _Recorder()
    with pytest.raises((ValueError, TypeError), match=r"`.+`.*Received"):
        recorder.study(_data(9), **options).run()
    assert not recorder.given
    assert not recorder.models
