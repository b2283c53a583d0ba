"""The batches of a study: which images, how often, and what is done to them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import study_data

from keras_ganaug import conditions, study
from keras_ganaug.generators import controls
from keras_ganaug.generators.generator import Generator
from keras_ganaug.study import arms, streams, transforms

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_fill_up_levels_the_rarest_classes(fraction):
    prior = np.array([0.5, 0.25, 0.15, 0.1])
    q = streams.fill_up(prior, fraction)
    mixed = (1 - fraction) * prior + fraction * q
    assert q.sum() == pytest.approx(1)
    assert (q >= 0).all()
    if fraction:
        given = q > 1e-12
        assert np.ptp(mixed[given]) < 1e-12  # those that got some are at one level
        assert mixed[given].max() <= mixed[~given].min() + 1e-12 if (~given).any() else True
    np.testing.assert_allclose(streams.fill_up(prior, 1.0), 0.25)


def test_order_of_images():
    labels = np.array([0] * 6 + [1] * 2 + [3] * 2)
    natural = streams.order_of_images(labels, 4, "natural", steps=5, batch_size=4, seed=1)
    assert (np.bincount(natural.ravel()) == 2).all()  # two epochs
    balanced = streams.order_of_images(labels, 4, "balanced", steps=9, batch_size=4, seed=1)
    np.testing.assert_array_equal(np.bincount(labels[balanced.ravel()]), [12, 12, 0, 12])
    assert np.ptp(np.bincount(balanced.ravel(), minlength=10)[:6]) == 0
    assert (streams.order_of_images(labels, 4, "natural", 5, 4, seed=2) != natural).any()


def test_shift_and_flip_move_pixels_and_no_more():
    images = RNG.integers(0, 256, [20, 16, 9, 2]).astype("float32")
    flipped, _ = transforms.flip(images, None, [1, 2])
    mirrored = [np.array_equal(after, before[:, ::-1]) for after, before in zip(flipped.numpy(), images)]
    same = [np.array_equal(after, before) for after, before in zip(flipped.numpy(), images)]
    assert 3 < sum(mirrored) < 17
    assert sum(mirrored) + sum(same) == 20
    shifted, _ = transforms.shift(images, None, [1, 2])
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
    pool = controls.Pool(images, labels, 3, (0, 255))
    wanted = np.array([1, 0, 1, 1, 2, 1, 0, 0], "int32")
    drawn = pool.sample(wanted, np.array([3, 4], "int32")).numpy().ravel().astype(int)
    np.testing.assert_array_equal(labels[drawn], wanted)
    assert len(set(drawn)) == 8
    with pytest.raises(ValueError, match=r"`labels`.*\[3\]"):
        controls.Pool(images, labels, 4, (0, 255))


class _Constant(Generator):
    """Images that show their class as pixel value 100 + class."""

    condition, image_shape, value_range = conditions.of(3), (4, 4, 1), (0.0, 255.0)

    def sample(self, labels, seed, truncation=1.0):
        return tf.cast(100 + labels, tf.float32)[:, None, None, None] * tf.ones([1, 4, 4, 1])


@pytest.mark.parametrize(
    ("strategy", "fraction"), [("fill", 0.5), ("keep", 0.25), ("balance", 0.25), ([0, 0, 1], 0.25), ({1: 3.0}, 0.25)]
)
def test_the_stream_has_the_frequencies_that_it_tells_the_loss(strategy, fraction):
    labels = np.array([0] * 80 + [1] * 16 + [2] * 4)
    images = np.repeat(labels, 16).reshape(-1, 4, 4, 1).astype("uint8")
    arm = study.Arm(synthetic=study.Synthetic(fraction, strategy, real_only_end=0.2, weight=0.5, bank_size=12))
    data, prior = streams.make_stream(arm, images, labels, 3, _Constant(), 50, 32, (0, 255), seed=1)
    batches = [[part.numpy() for part in batch] for batch in data]
    assert len(batches) == 50
    values = np.stack([x[:, 0, 0, 0] for x, _, _ in batches])
    classes = np.stack([y.argmax(1) for _, y, _ in batches])
    weights = np.stack([w for _, _, w in batches])
    synthetic = values >= 100
    np.testing.assert_array_equal(values - 100 * synthetic, classes)  # labels are those of the images
    np.testing.assert_array_equal(synthetic.sum(1), [round(32 * fraction)] * 40 + [0] * 10)
    np.testing.assert_array_equal(weights, np.where(synthetic, 0.5, 1.0))
    for phase in (classes[:40], classes[40:]):  # also where real images are alone
        seen = np.bincount(phase.ravel(), minlength=3) / phase.size
        np.testing.assert_allclose(seen, prior, atol=0.03 if len(phase) == 40 else 0.06)


def test_synthetic_images_even_out_the_classes_only_where_nothing_else_does():
    strategies = {
        name: arms.with_strategy(arm._replace(synthetic=study.Synthetic())).synthetic.strategy
        for name, arm in arms.all_arms().items()
    }
    evened = {name for name, strategy in strategies.items() if strategy == "keep"}
    assert evened == {
        "class_weights",
        "balanced_softmax",
        "logit_adjustment",
        "balanced_softmax + shift_flip",
        "balanced_softmax + rand_augment",
        "balanced_softmax + mixup",
        "balanced_softmax + cutmix",
    }
    assert {strategies[name] for name in strategies.keys() - evened} == {"fill"}
    chosen = study.Arm(loss="balanced_softmax", synthetic=study.Synthetic(strategy="fill"))
    assert arms.with_strategy(chosen) == chosen
    assert arms.with_strategy(study.Arm()) == study.Arm()
    labels = np.array([0] * 9 + [1])
    options = {"arms": {"balanced_softmax": study.Arm(loss="balanced_softmax")}, "steps": 2}
    data = (np.zeros([10, 8, 8, 1], "uint8"), labels)
    whole = study.AugmentationStudy(data, data, lambda *_: None, **options)
    assert whole.arms["gan + balanced_softmax"].synthetic.strategy == "keep"
    assert whole.arms["gan"].synthetic.strategy == "fill"


def test_no_thread_of_the_stream_keeps_the_end_of_training_waiting():
    labels = np.array([0, 1])
    images = np.zeros([2, 4, 4, 1], "uint8")
    for arm in (study.Arm(), study.Arm(synthetic=study.Synthetic(bank_size=12))):
        data, _ = streams.make_stream(arms.with_strategy(arm), images, labels, 3, _Constant(), 4, 2, (0, 255), seed=1)
        assert data.options().autotune.enabled is False


def test_shuffled_samples_are_of_another_class():
    source = controls.Shuffled(_Constant())
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
        arms.check("mine", study.Arm(transforms=("cutmix",)), 3)


@pytest.mark.parametrize("name", ["rand_augment", "mixup", "cutmix"])
def test_keras_transforms_change_images_alike_for_a_seed(name):
    if arms.missing_for(study.Arm(transforms=(name,))):
        pytest.skip("a Keras without this layer")
    images = RNG.integers(0, 256, [40, 8, 8, 1], "uint8")
    labels = np.resize([0, 1, 2], 40)
    runs = []
    for seed in (1, 1, 2):
        arm = study.Arm(transforms=(name,))
        data, _ = streams.make_stream(arm, images, labels, 3, None, 2, 16, (0, 255), seed)
        runs.append([tuple(part.numpy() for part in batch) for batch in data])
    for one, same in zip(runs[0], runs[1]):
        for a, b in zip(one, same):
            np.testing.assert_array_equal(a, b)
    assert (runs[0][0][0] != runs[0][1][0]).any()  # each batch is drawn anew
    plain, _ = streams.make_stream(study.Arm(), images, labels, 3, None, 2, 16, (0, 255), 1)
    before = next(iter(plain))
    assert (runs[0][0][0] != before[0].numpy()).any()
    np.testing.assert_allclose(runs[0][0][1].sum(1), 1, rtol=1e-5)
    assert ((runs[0][0][1] != before[1].numpy()).any()) == (name != "rand_augment")


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_an_image_takes_its_weight_along_when_it_is_mixed(name):
    if arms.missing_for(study.Arm(transforms=(name,))):
        pytest.skip("a Keras without this layer")
    images = RNG.integers(0, 256, [8, 12, 12, 1]).astype("float32")
    identity = tf.eye(8)  # each image of a class of its own: the labels say how much of each is in a row
    weights = tf.constant([1, 1, 1, 1, 0.5, 0.5, 0, 0], tf.float32)

    def mixed(weights):
        return streams._transformer(study.Arm(transforms=(name,)), (0, 255), seed=3)(0, (images, identity, weights))

    plain, shares, ones = mixed(tf.ones(8))
    np.testing.assert_allclose(ones, 1, rtol=1e-6)
    assert np.max(np.abs(shares - identity)) > 0.01
    weighted, labels, new = mixed(weights)
    np.testing.assert_array_equal(weighted, plain)
    np.testing.assert_allclose(new, shares.numpy() @ weights.numpy(), rtol=1e-5)
    np.testing.assert_allclose(labels * new[:, None], shares * weights, atol=1e-6)


@pytest.mark.parametrize(("counts", "dtype"), [((24, 7, 6), "uint8"), ((9, 6, 3, 2, 1), "float32"), ((8, 2, 8), "uint8")])
def test_smote_takes_the_neighbours_of_each_class(counts, dtype):
    """Class by class it is imbalanced-learn's, with five neighbours or as many others as the class has."""
    over_sampling = pytest.importorskip("imblearn.over_sampling")
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(range(len(counts)), counts))
    images = rng.integers(0, 256, [len(labels), 4, 4, 1]).astype(dtype)
    new, new_labels = arms.smote(images, labels, seed=1)
    flat, most = images.reshape(len(images), -1).astype("float32"), max(counts)
    np.testing.assert_array_equal(new[: len(images)], images)
    np.testing.assert_array_equal(np.bincount(new_labels), most)
    for c, count in enumerate(counts):
        made = new[len(images) :][new_labels[len(images) :] == c].reshape(-1, 16)
        if 1 < count < most:
            maker = over_sampling.SMOTE(sampling_strategy={c: most}, k_neighbors=min(5, count - 1), random_state=1)
            expected = maker.fit_resample(flat, labels)[0][len(images) :]
            np.testing.assert_array_equal(made, (np.rint(expected) if dtype == "uint8" else expected).astype(dtype))


def test_smote_of_classes_of_six_or_more_is_one_call():
    over_sampling = pytest.importorskip("imblearn.over_sampling")
    labels = np.resize([0, 0, 0, 0, 1, 2, 2, 3], 90)
    images = np.random.default_rng(3).uniform(0, 255, [90, 4, 4, 1]).astype("float32")
    new, new_labels = arms.smote(images, labels, seed=1)
    expected, its_labels = over_sampling.SMOTE(random_state=1, k_neighbors=5).fit_resample(images.reshape(90, -1), labels)
    np.testing.assert_array_equal(new.reshape(-1, 16), expected)
    np.testing.assert_array_equal(new_labels, its_labels)


def test_smote_copies_a_class_of_one_image():
    pytest.importorskip("imblearn")
    images = np.random.default_rng(1).integers(0, 256, [10, 4, 4, 1], "uint8")
    labels = np.array([0] * 6 + [1] * 3 + [2])
    new, new_labels = arms.smote(images, labels, seed=1)
    assert np.bincount(new_labels).tolist() == [6, 6, 6]
    assert (new[new_labels == 2] == images[9]).all()
    alone, alone_labels = arms.smote(images[[0, 9]], np.array([0, 2]), seed=1)
    np.testing.assert_array_equal(alone, images[[0, 9]])
    assert alone_labels.tolist() == [0, 2]


@pytest.mark.parametrize("name", ["rand_augment", "mixup", "cutmix"])
def test_keras_transforms_work_under_any_policy(name):
    if arms.missing_for(study.Arm(transforms=(name,))):
        pytest.skip("a Keras without this layer")
    before = keras.config.dtype_policy()
    transform = transforms.TRANSFORMS[name].prepare(1, (0, 255))
    images, labels = study_data(1, n=16)
    given = images.astype("float32"), np.eye(3, dtype="float32")[labels]
    plain = transform(*given, None)
    try:
        keras.config.set_dtype_policy("mixed_float16")
        half = transforms.TRANSFORMS[name].prepare(1, (0, 255))(*given, None)
    finally:
        keras.config.set_dtype_policy(before)
    for one, another in zip(plain, half):
        np.testing.assert_array_equal(one, another)
