"""gan_augment in tf.data pipelines, against a generator whose output is known."""

import itertools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from known_data import GENERATOR, N, X, Y, make, pipeline, rows_of
from tools import KNOWN_SHAPE, label_of, noise_of, small_gan

import keras_ganaug as kga
from keras_ganaug import conditions
from keras_ganaug.generators import Generator, as_generator


@pytest.mark.parametrize("engine", ["bank", "live"])
def test_rows_labels_and_ragged_last_batch(engine):
    seen = 0
    for images, labels in pipeline(make(engine=engine), 16):  # 16, 16, 16, 16, 6
        n = len(labels)
        real = X[seen : seen + n]
        rows = rows_of(real, images.numpy())
        assert len(rows) == round(0.5 * n)
        np.testing.assert_array_equal(labels, Y[seen : seen + n])
        np.testing.assert_array_equal(label_of(images)[rows], labels.numpy()[rows])
        assert len(np.unique(noise_of(images)[rows])) == len(rows)
        seen += n
    assert seen == N


def test_a_batch_too_small_for_a_synthetic_row_is_left_alone(tmp_path):
    # With convolutions: an empty batch comes out of TensorFlow's with another number of channels.
    gan = kga.SNGAN((8, 8, 1), 3, latent_dim=4, seed=1)
    x, y = np.random.default_rng(0).integers(0, 256, [9, 8, 8, 1], "uint8"), np.arange(9) % 3
    kga.GANAugmentation(gan, 0.25, seed=1).export(tmp_path / "exported")
    for generator, engine in itertools.product((gan, tmp_path / "exported"), ("bank", "live")):
        augment = kga.gan_augment(generator, 0.25, engine=engine, bank_size=12, seed=1)
        *_, last = pipeline(augment, 4, data=(x, y))  # 4, 4, 1
        np.testing.assert_array_equal(last[0], x[8:])
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    images, _ = loaded.augment(tf.cast(x[:1], tf.float32), y[:1].astype("int32"), [1, 2])
    np.testing.assert_array_equal(images, x[:1])
    assert loaded.generate(np.zeros([0], "int32"), np.array([1, 2], "int32")).shape == (0, 8, 8, 1)


@pytest.mark.parametrize(("dtype", "num_classes"), [("uint8", 256), ("int8", 128), ("uint8", 300)])
def test_labels_whose_dtype_cannot_hold_the_number_of_classes(dtype, num_classes):
    labels = np.array([0, 1, 127, min(255, np.iinfo(dtype).max)], dtype)
    augment = kga.gan_augment(GENERATOR, 1.0, engine="live", num_classes=num_classes, seed=1)
    ((images, after),) = pipeline(augment, 4, data=(X[:4], labels))
    np.testing.assert_array_equal(after, labels)
    np.testing.assert_array_equal(label_of(images)[:2], labels[:2])  # the known images tell labels up to 100


@pytest.mark.parametrize("engine", ["bank", "live"])
def test_dicts_gain_is_synthetic(engine):
    data = tf.data.Dataset.from_tensor_slices({"images": X, "labels": Y, "id": np.arange(N)}).batch(7)
    for element in data.map(make(engine=engine)):
        assert set(element) == {"images", "labels", "id", "is_synthetic"}
        assert element["is_synthetic"].dtype == tf.bool
        rows = rows_of(X[element["id"]], element["images"].numpy())
        np.testing.assert_array_equal(np.flatnonzero(element["is_synthetic"]), rows)


def test_weights_and_dtypes_survive_the_map():
    weights = np.random.default_rng(1).uniform(size=N)
    labels = Y.astype("int64")
    data = (np.full([N, *KNOWN_SHAPE], 7, "uint8"), labels, weights)
    augment = make(synthetic_weight=0.5, value_range=(0, 255))
    seen = 0
    for images, new_labels, new_weights in pipeline(augment, 8, data=data):
        assert (images.dtype, new_labels.dtype, new_weights.dtype) == (tf.uint8, tf.int64, tf.float64)
        ratio = new_weights.numpy() / weights[seen : seen + len(new_weights)]
        assert sorted(set(ratio)) == [0.5, 1.0]
        rows = np.flatnonzero(ratio == 0.5)
        np.testing.assert_array_equal(label_of(images, (0, 255))[rows], new_labels.numpy()[rows])
        seen += len(new_weights)


def test_large_int64_labels_pass_through_a_live_map():
    labels = np.arange(N, dtype="int64") + 2**24 + 1
    with pytest.warns(UserWarning, match="number of classes"):
        augment = make(num_classes=None)
    assert augment.engine == "live"
    new = np.concatenate([y.numpy() for _, y in pipeline(augment, data=(X, labels))])
    np.testing.assert_array_equal(new, labels)


@pytest.mark.parametrize("strategy", ["balance", {9: 1.0}])
def test_strategies_in_the_map(strategy):
    for images, labels in pipeline(make(sampling_strategy=strategy), 10, data=(X, Y * 0)):
        rows = np.flatnonzero(labels.numpy() != 0)
        assert len(rows) >= 4
        np.testing.assert_array_equal(label_of(images)[rows], labels.numpy()[rows])


def test_the_bank_holds_every_class_and_its_images_come_from_it():
    augment = make(1.0, bank_size=200)
    bank = set(noise_of(augment._bank.images.numpy()))
    assert len(bank) == 200
    assert set(np.bincount(label_of(augment._bank.images))) == {20}
    drawn = np.concatenate([noise_of(x) for x, _ in pipeline(augment, 10)])
    assert set(drawn) <= bank


def test_a_bank_smaller_than_the_batch_still_serves():
    images, labels = make(1.0, bank_size=10)(X, Y)
    np.testing.assert_array_equal(label_of(images), labels)


def test_it_always_augments_and_ignores_the_learning_phase():
    images, _ = make()(X[:8], Y[:8])
    assert len(rows_of(X[:8], images.numpy())) == 4


def test_paths_and_unconditional_generators(tmp_path):
    small_gan().export(tmp_path / "exported")
    data = (np.zeros([12, 8, 8, 1], "uint8"), np.arange(12) % 3)
    for engine in ("bank", "live"):
        augment = kga.gan_augment(str(tmp_path / "exported"), 0.5, engine=engine, bank_size=30, seed=1)
        for images, _ in pipeline(augment, 6, data=data):
            assert (images.numpy() > 0).any((1, 2, 3)).sum() == 3
        augment = kga.gan_augment(small_gan(num_classes=None), 0.5, engine=engine, bank_size=30, seed=1)
        for images in tf.data.Dataset.from_tensor_slices(data[0]).batch(6).map(augment):
            assert (images.numpy() > 0).any((1, 2, 3)).sum() == 3


def test_mixed_precision(mixed_bfloat16):
    images, labels = next(iter(pipeline(make())))
    assert (images.dtype, labels.dtype) == (tf.float32, tf.int64)
    rows = rows_of(X[:8], images.numpy())
    np.testing.assert_array_equal(label_of(images)[rows], labels.numpy()[rows])


def test_two_replicas_train_on_a_mapped_dataset(two_replicas):
    with two_replicas.scope():
        augment = make(bank_size=100)
        model = keras.Sequential([keras.Input(KNOWN_SHAPE), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(pipeline(augment), epochs=2, verbose=0, callbacks=[kga.callbacks.RefreshBank(augment)])
    assert np.isfinite(history.history["loss"]).all()


def messages(call):
    """The result of a call, and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [str(w.message) for w in caught]


@pytest.mark.parametrize(
    ("scale", "told", "engine"), [(255.0, 0, "bank"), (1.0, 1, "bank"), (-1.0, 1, "bank"), (1.0, 1, "live")]
)
def test_another_scale_is_told_once(scale, told, engine):
    x = (X - 2) * scale
    x = 2 * x + 1 if scale < 0 else x
    augment = make(engine=engine, value_range=(0, 255))
    _, texts = messages(lambda: [list(pipeline(augment, data=(x, Y), parallel=2)) for _ in range(2)])
    texts = [text for text in texts if "The images span" in text]
    assert len(texts) == told
    assert all("value_range=(0.0, 255.0)" in text and "make the augmentation" in text for text in texts)


def test_no_batch_that_was_seen_before_is_looked_at(monkeypatch):
    looks = []
    augment = make(value_range=(2, 3))
    monkeypatch.setattr(augment._replacement.watch, "look", lambda images: looks.append(len(images)))
    list(pipeline(augment, 1).repeat(4))  # 280 batches, 70 of them different
    assert looks == [1]


@pytest.mark.parametrize(("batch_size", "fraction"), [(1, 0.5), (2, 0.25), (4, 0.1)])
@pytest.mark.parametrize("known", [True, False])
def test_a_fraction_that_rounds_to_no_row_is_told_once(batch_size, fraction, known):
    augment = make(fraction, value_range=(2, 3))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(batch_size, drop_remainder=known)
    mapped, texts = messages(lambda: data.map(augment))
    _, later = messages(lambda: [list(mapped) for _ in range(2)])
    assert [len(texts), len(later)] == ([1, 0] if known else [0, 1])
    assert f"Received: fraction={fraction:g} for batches of {batch_size}" in (texts + later)[0]
    assert "`fraction` above" in (texts + later)[0]


def test_a_smaller_last_batch_is_no_reason_to_speak():
    augment = make(0.25, value_range=(2, 3))
    _, texts = messages(lambda: list(pipeline(augment, 23)))  # 23, 23, 23, 1
    _, eager = messages(lambda: [augment(X[:n], Y[:n]) for n in (8, 1)])
    _, nothing = messages(lambda: list(pipeline(make(0.0, value_range=(2, 3)), 1)))
    assert texts == eager == nothing == []


class Unseen(Generator):
    """The known generator, which tells that it has seen no image of some classes."""

    image_shape, condition, value_range, unseen_classes = KNOWN_SHAPE, conditions.of(10), (-1.0, 1.0), (3, 9)

    def __init__(self):
        self.sample = as_generator(GENERATOR, 10).sample


@pytest.mark.parametrize("form", ["indices", "one-hot"])
def test_balance_leaves_out_classes_that_were_never_seen(form):
    labels = np.arange(N) % 3 if form == "indices" else np.eye(10, dtype="float32")[np.arange(N) % 3]
    augment, texts = messages(lambda: kga.gan_augment(Unseen(), 0.5, "balance", seed=1, value_range=(2, 3)))
    assert len([text for text in texts if "[3, 9]" in text and "balance" in text]) == 1
    (_, after), texts = messages(lambda: augment(X, labels))
    after = after.numpy() if form == "indices" else after.numpy().argmax(1)
    counts = np.bincount(after, minlength=10)
    assert counts[[3, 9]].tolist() == [0, 0]
    assert counts[[4, 5, 6, 7, 8]].min() >= 6
    assert texts == []


def test_keep_replaces_rows_of_seen_classes_first():
    augment, texts = messages(lambda: kga.gan_augment(Unseen(), 0.5, seed=1, value_range=(-1, 3)))
    assert len([text for text in texts if "[3, 9]" in text]) == 1
    for share, unseen_rows in ((20, 0), (45, 10)):
        labels = np.where(np.arange(N) < share, [3, 9] * (N // 2), np.arange(N) % 3)
        images, after = augment(X, labels)
        np.testing.assert_array_equal(after, labels)
        rows = rows_of(X, images.numpy())
        assert len(rows) == 35
        assert np.isin(labels[rows], [3, 9]).sum() == unseen_rows


@pytest.mark.parametrize("weights", [{3: 1.0, 1: 1.0}, [0.1] * 10])
def test_weights_of_classes_that_were_never_seen_are_refused(weights):
    with pytest.raises(ValueError, match=r"`sampling_strategy` must give weight to classes .* Received: weight for \[3"):
        kga.gan_augment(Unseen(), 0.5, weights, seed=1)
    kga.gan_augment(Unseen(), 0.5, {1: 1.0}, seed=1)


def test_weights_by_class_names():
    gan = small_gan(class_names=["ant", "bee", "cat"])
    weights = [kga.gan_augment(gan, 0.5, each)._replacement.class_weights for each in ({"cat": 3, 0: 1}, [1, 0, 3])]
    np.testing.assert_array_equal(*weights)
    for wrong in ({"dog": 1.0}, {"cat": 1.0, 2: 1.0}, {"cat": -1.0}):
        with pytest.raises(ValueError, match=r"`sampling_strategy` must .*Received"):
            kga.gan_augment(gan, 0.5, wrong)
    with pytest.raises(ValueError, match=r"`sampling_strategy` must be class indices, since the classes have no names"):
        kga.gan_augment(small_gan(), 0.5, {"cat": 1.0})
    of = kga.GAN((8, 8, 1), {"kind": 2, "hue": 3}, width=2, class_names={"kind": ["a", "b"], "hue": ["red", "blue", "grey"]})
    drawn = [kga.gan_augment(of, 0.5, attributes={"hue": each}) for each in ({"grey": 1, "red": 1}, [1, 0, 1])]
    np.testing.assert_array_equal(*(each._replacement.generator.drawn.weights["hue"] for each in drawn))


META = np.arange(N)
INPUTS = {
    "photo": {"photo": X, "meta": META},
    "scan/photo": {"scan": {"photo": X, "depth": META}, "meta": META},
    ("scan", "a/b"): {"scan": {"a/b": X}, "meta": META},
    "a/b": {"a/b": X, "meta": META},
    1: (META, X),
    ("scans", 0): {"meta": META, "scans": (X, META)},
}


@pytest.mark.parametrize("key", INPUTS)
def test_one_of_several_inputs_is_augmented(key):
    augment = make(engine="live" if key == "photo" else "bank", image_key=key, value_range=(2, 3), bank_size=100)
    weights = np.ones(N, "float32")
    before = next(iter(tf.data.Dataset.from_tensor_slices((INPUTS[key], Y, weights)).batch(16)))
    after = next(iter(pipeline(augment, 16, data=(INPUTS[key], Y, weights))))
    tf.nest.assert_same_structure(before, after)
    differ = [not np.array_equal(a, b) for a, b in zip(tf.nest.flatten(before), tf.nest.flatten(after), strict=True)]
    assert sum(differ) == 1
    image = tf.nest.flatten(after)[differ.index(True)].numpy()
    assert image.shape[1:] == KNOWN_SHAPE
    rows = rows_of(X[:16], image)
    assert len(rows) == 8
    np.testing.assert_array_equal(label_of(image, (2, 3))[rows], Y[rows])


def test_several_inputs_in_a_dict_of_images_and_labels_and_without_labels():
    element = {"images": INPUTS["photo"], "labels": Y}
    after = next(iter(tf.data.Dataset.from_tensor_slices(element).batch(8).map(make(image_key="photo"))))
    assert after["is_synthetic"].numpy().sum() == 4
    np.testing.assert_array_equal(
        rows_of(X[:8], after["images"]["photo"].numpy()), np.flatnonzero(after["is_synthetic"].numpy())
    )
    gan = small_gan(KNOWN_SHAPE, num_classes=None)
    augment = kga.gan_augment(gan, 0.5, image_key="photo", bank_size=16, seed=1, value_range=(2, 3))
    after = next(iter(tf.data.Dataset.from_tensor_slices(INPUTS["photo"]).batch(8).map(augment)))
    assert len(rows_of(X[:8], after["photo"].numpy())) == 4
    np.testing.assert_array_equal(after["meta"], META[:8])


@pytest.mark.parametrize(
    ("key", "inputs", "received"),
    [
        (None, {"photo": X, "meta": {"age": META}}, r"image_key=None for inputs with the keys \['photo', 'meta/age'\]"),
        ("image", {"photo": X, "meta": META}, r"image_key='image' for inputs with the keys \['photo', 'meta'\]"),
        ("scan", {"scan": {"photo": X}}, r"image_key='scan', .* the keys \['photo'\]"),
        ("photo/x", {"photo": X}, "image_key='photo/x'"),
        (2, (X, META), "image_key=2"),
        ("photo", X, "image_key='photo' for a"),
    ],
)
def test_an_image_key_that_is_missing_or_wrong_names_the_keys(key, inputs, received):
    data = tf.data.Dataset.from_tensor_slices((inputs, Y)).batch(8)
    with pytest.raises(ValueError, match=f"`image_key` .*Received: {received}"):
        data.map(make(image_key=key))


@pytest.mark.parametrize("key", [b"photo", 1.5, (), ("a", None), "", True])
def test_what_is_no_image_key(key):
    with pytest.raises(ValueError, match="`image_key` must be the key of the image"):
        make(image_key=key)


def test_an_unconditional_gan_over_labelled_data_is_told_the_way_out():
    augment = kga.gan_augment(small_gan(KNOWN_SHAPE, num_classes=None), 0.5, bank_size=16, seed=1)
    with pytest.raises(ValueError, match=r"`labels` must be None .*conditional GAN .*each class.*leave the labels out"):
        pipeline(augment)


def test_bool_labels_in_the_map():
    labels = Y % 2 == 0
    augment = kga.gan_augment(GENERATOR, 0.5, num_classes=2, seed=1, value_range=(2, 3))
    for (images, after), real in zip(pipeline(augment, 35, data=(X, labels)), (X[:35], X[35:]), strict=True):
        rows = rows_of(real, images.numpy())
        assert after.dtype == tf.bool
        np.testing.assert_array_equal(label_of(images, (2, 3))[rows], after.numpy()[rows])
