"""Generators of several attributes, for batches whose labels tell one of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_gan

import keras_ganaug as kga
from keras_ganaug.generators import Generator, OneAttribute, as_generator
from keras_ganaug.generators.generator import checked

SIZES = {"garment": 5, "style": 4, "place": 3}
SHAPE = (2, 2, 4)
N = 4000


@keras.saving.register_keras_serializable(package="tests")
class TellsAll(keras.layers.Layer):
    """Images whose channels tell the attributes, as value / 8, and the first latent."""

    def call(self, inputs):
        latents, labels = inputs
        channels = tf.concat([tf.cast(labels, tf.float32) / 8, tf.math.softsign(latents[:, :1])], 1)
        return tf.tile(channels[:, None, None], [1, 2, 2, 1])

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], *SHAPE)


def known():
    inputs = [keras.Input((3,)), keras.Input((3,), dtype="int32")]
    return keras.Model(inputs, TellsAll(dtype="float32")(inputs))


def attributes_of(images):
    """(n, 3) values that images of the known generator tell, and their latents."""
    pixels = np.asarray(images)[:, 0, 0]
    return np.round(pixels[:, :3] * 8).astype(int), pixels[:, 3]


def one(label=None, attributes="uniform"):
    return OneAttribute(checked(known(), SIZES), label, attributes)


SEED = tf.constant([3, 4])
LABELS = tf.constant(np.arange(N) % 4, tf.int32)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("label", ["style", None])
def test_the_label_is_given_and_the_others_are_drawn(jit, label):
    generator = one(label, {"place": {0: 1.0, 2: 3.0}})
    sample = tf.function(generator.sample, jit_compile=jit)
    values, latents = attributes_of(sample(LABELS, SEED))
    column = list(SIZES).index(label or "garment")
    np.testing.assert_array_equal(values[:, column], LABELS)
    assert generator.num_classes == SIZES[label or "garment"]
    expected = {0: np.full(5, 0.2), 1: np.full(4, 0.25), 2: np.array([0.25, 0, 0.75])}
    for n in {0, 1, 2} - {column}:
        share = np.bincount(values[:, n], minlength=len(expected[n])) / N
        assert np.abs(share - expected[n]).max() < 5 * np.sqrt(0.25 / N)
        assert (share[expected[n] == 0] == 0).all()
    # Nothing that is drawn follows from something else that is.
    drawn = np.c_[values, latents]
    off_diagonal = np.corrcoef(drawn.T) - np.eye(4)
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(N)
    again, _ = attributes_of(sample(LABELS, SEED))
    np.testing.assert_array_equal(again, values)
    other, _ = attributes_of(sample(LABELS, tf.constant([3, 5])))
    assert abs((other[:, 2] == values[:, 2]).mean() - 0.625) < 5 * np.sqrt(0.25 / N)


def test_chunks_of_a_bank_are_independent():
    augment = kga.gan_augment(
        known(), 0.5, bank_size=5 * 512, seed=1, num_classes=SIZES, value_range=(0, 1), label="garment"
    )
    values, latents = attributes_of(augment._bank.images.numpy() * 2 - 1)
    assert len(np.unique(latents)) == len(values) == 2560
    np.testing.assert_array_equal(values[:, 0], np.repeat(np.arange(5), 512))
    chunks = values[:, 1:].reshape(10, 256, 2)
    for n, size in ((0, 4), (1, 3)):
        counts = np.array([np.bincount(chunk[:, n], minlength=size) for chunk in chunks])
        assert np.abs(counts - 256 / size).max() < 5 * np.sqrt(256 / size)
        equal = [(a[:, n] == b[:, n]).mean() for i, a in enumerate(chunks) for b in chunks[:i]]
        assert np.abs(np.array(equal) - 1 / size).max() < 5 * np.sqrt(0.25 / 256)


def batch(n=12, classes=5):
    return np.full([n, *SHAPE], 0.9, "float32"), np.arange(n) % classes


@pytest.mark.parametrize("form", ["indices", "one-hot"])
@pytest.mark.parametrize("use", ["layer", "bank", "live"])
def test_batches_that_know_one_attribute(use, form):
    x, y = batch()
    y = np.eye(5, dtype="float32")[y] if form == "one-hot" else y.astype("uint8")
    options = {
        "label": "garment",
        "attributes": {"style": {3: 1.0}},
        "num_classes": SIZES,
        "value_range": (-1, 1),
        "seed": 1,
    }
    if use == "layer":
        layer = kga.GANAugmentation(known(), 0.5, {4: 1.0, 0: 1.0}, **options)
        images, labels = layer(x, y, training=True)
    else:
        augment = kga.gan_augment(known(), 0.5, {4: 1.0, 0: 1.0}, engine=use, bank_size=50, **options)
        images, labels = next(iter(tf.data.Dataset.from_tensor_slices((x, y)).batch(12).map(augment)))
    assert labels.dtype == y.dtype
    rows = np.flatnonzero((images.numpy() != x).any((1, 2, 3)))
    assert len(rows) == 6
    values, _ = attributes_of(images.numpy()[rows])
    classes = labels.numpy()[rows] if form == "indices" else labels.numpy()[rows].argmax(1)
    np.testing.assert_array_equal(values[:, 0], classes)
    assert set(classes) == {0, 4}
    np.testing.assert_array_equal(values[:, 1], 3)


def test_it_is_saved_loaded_and_exported(tmp_path):
    layer = kga.GANAugmentation(known(), 0.5, num_classes=SIZES, label="style", attributes={"place": [0, 1, 1]}, seed=1)
    x, y = batch(12, 4)
    expected = layer(x, y, training=True)[0].numpy()
    shared = kga.GANAugmentation.from_config(layer.get_config())
    assert shared.replacement.generator is layer.replacement.generator
    np.testing.assert_array_equal(shared(x, y, training=True)[0], expected)
    classifier = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(4)])
    kga.AugmentedModel(classifier, shared).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").augmentation
    generator = loaded.replacement.generator
    assert (type(generator), generator.label, generator.num_classes) == (OneAttribute, "style", 4)
    np.testing.assert_array_equal(generator.sample(LABELS, SEED), layer.replacement.generator.sample(LABELS, SEED))
    layer.export(tmp_path / "export")
    exported = tf.saved_model.load(str(tmp_path / "export"))
    images, labels = exported.augment(x, y.astype("int32"), SEED)
    np.testing.assert_array_equal(labels, y)
    rows = np.flatnonzero((images.numpy() != x).any((1, 2, 3)))
    values, _ = attributes_of(images.numpy()[rows])
    np.testing.assert_array_equal(values[:, 1], y[rows])
    assert (values[:, 2] > 0).all()
    again = as_generator(tmp_path / "export")
    assert again.num_classes == 4
    np.testing.assert_allclose(again.sample(LABELS, SEED), layer.replacement.generator.sample(LABELS, SEED), atol=1e-6)


def test_all_attributes_are_exported(tmp_path):
    checked(known(), SIZES).export(tmp_path / "export")
    generator = as_generator(tmp_path / "export")
    assert list(generator.num_classes.items()) == list(SIZES.items())
    labels = np.stack([np.arange(6) % size for size in SIZES.values()], 1).astype("int32")
    values, _ = attributes_of(generator.generate(labels, seed=3))
    np.testing.assert_array_equal(values, labels)
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    assert loaded.signatures["serving_default"].structured_input_signature[1]["labels"].shape.as_list() == [None, 3]
    latents = np.random.default_rng(0).normal(size=[6, 3]).astype("float32")
    made = loaded.signatures["from_latents"](latents=tf.constant(latents), labels=tf.constant(labels))["images"]
    np.testing.assert_array_equal(made, known()([latents, labels]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"style.*from 0 to 3"):
        loaded.generate(np.array([[0, 4, 0]], "int32"), SEED)
    layer = kga.GANAugmentation(tmp_path / "export", 0.5, label="place", seed=1)
    assert layer.replacement.generator.num_classes == 3


def test_a_filter_of_one_attribute():
    images = keras.Input(SHAPE)
    garment = keras.layers.Rescaling(8.0)(keras.layers.GlobalAveragePooling2D()(images))
    logits = keras.layers.Lambda(lambda x: -((x[:, :1] - tf.range(5.0)) ** 2) * 20)(garment)
    generator = checked(known(), SIZES)
    filtered = kga.FilteredGenerator(generator, keras.Model(images, logits), candidates=2, label="garment")
    values, _ = attributes_of(filtered.sample(tf.constant([4, 1]), SEED))
    np.testing.assert_array_equal(values[:, 0], [4, 1])
    layer = kga.GANAugmentation(filtered, 0.5, seed=1)
    assert layer.replacement.generator is filtered


class Unseen(Generator):
    """The known generator, which tells what it has not seen."""

    def __init__(self, unseen):
        self.describe(checked(known(), SIZES).description)
        self.unseen_classes = unseen


def test_what_was_not_seen_is_told():
    single = Unseen(({"garment": 2},))
    with pytest.warns(UserWarning, match=r"`generator` has seen no image of the classes \[2\]"):
        assert kga.GANAugmentation(single, 0.5).replacement.unseen == (2,)
    pair = Unseen(({"garment": 2, "style": 1},))
    with pytest.warns(UserWarning, match=r"`attributes` draw .*\[{'garment': 2, 'style': 1}\]"):
        kga.GANAugmentation(pair, 0.5)
    assert OneAttribute(pair, attributes={"style": [1, 0, 1, 1]}).unseen_classes == ()  # and no warning


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"label": "colour"}, "label"),
        ({"label": 0}, "label"),
        ({"attributes": "rare"}, "attributes"),
        ({"attributes": {"garment": "uniform"}}, "attributes"),  # which the labels are
        ({"attributes": {"colour": "uniform"}}, "attributes"),
        ({"attributes": {"style": "rare"}}, r"attributes\['style'\]"),
        ({"attributes": {"style": {4: 1.0}}}, r"attributes\['style'\]"),
        ({"attributes": {"style": [1, 2]}}, r"attributes\['style'\]"),
        ({"attributes": [1, 2]}, "attributes"),
        ({"num_classes": {"style": 4, "garment": 5, "place": 3}, "generator": checked(known(), SIZES)}, "num_classes"),
    ],
)
@pytest.mark.parametrize("use", [kga.GANAugmentation, kga.gan_augment])
def test_wrong_arguments(use, options, name):
    with pytest.raises((ValueError, TypeError), match=rf"`{name}`.*Received"):
        use(**{"generator": known(), "num_classes": SIZES, **options})


@pytest.mark.parametrize("options", [{"label": "style"}, {"attributes": "uniform"}])
@pytest.mark.parametrize("num_classes", [3, None])
def test_other_generators_take_neither(options, num_classes):
    for use in (kga.GANAugmentation, kga.gan_augment):
        with pytest.raises(ValueError, match=r"`(label|attributes)` must be None .*Received"):
            use(small_gan(num_classes=num_classes), **options)


def test_a_gan_with_attributes_augments(tmp_path):
    sizes = {"garment": 3, "style": 2}
    gan = kga.SNGAN((8, 8, 1), sizes, latent_dim=4, width=4, seed=1)
    gan.save(tmp_path / "gan.keras")
    gan.export(tmp_path / "export")
    images = gan.generate({"garment": [1, 2], "style": 0}, seed=3)
    x, y = np.zeros([6, 8, 8, 1], "uint8"), np.arange(6) % 2
    made = []
    for source in (gan, tmp_path / "gan.keras", tmp_path / "export"):
        np.testing.assert_allclose(as_generator(source).generate([[1, 0], [2, 0]], seed=3), images, atol=1e-3)
        layer = kga.GANAugmentation(source, 0.5, label="style", seed=1)
        made.append(layer(x, y, training=True)[0].numpy().astype(int))
        assert (made[-1] != 0).any((1, 2, 3)).sum() == 3
        assert np.abs(made[-1] - made[0]).max() <= 1
    model = kga.AugmentedModel(
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]), layer
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    assert np.isfinite(model.fit(x, y, batch_size=3, verbose=0).history["loss"]).all()
