"""Generators that translate: rows of a batch become translations of themselves, and labels of any kind pass."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.generators import Generator, Translations, as_generator

SHAPE = (8, 8, 1)


def star_gan(num_classes=3, **options):
    return kga.StarGAN(SHAPE, num_classes, latent_dim=3, width=4, seed=1, **options)


class Brighter(Generator):
    """Adds ten times the domain, and nothing else."""

    def __init__(self, num_classes=3, unseen=()):
        self.translates, self.unseen_classes = True, unseen
        self.condition, self.image_shape, self.value_range = kga.conditions.of(num_classes), SHAPE, (0.0, 255.0)

    def translate(self, images, labels, seed):
        return images + 10.0 * tf.cast(labels, tf.float32)[:, None, None, None]


def batch(n=8, dtype="uint8"):
    return np.repeat(np.arange(n), 64).reshape(n, *SHAPE).astype(dtype)


def added(images, new):
    """What was added to each image, one number each."""
    difference = np.asarray(new, "float64") - images
    assert (np.ptp(difference, axis=(1, 2, 3)) < 1e-3).all()
    return np.round(difference[:, 0, 0, 0]).astype(int)


LABELS = {
    "none": None,
    "indices": np.arange(8) % 5,
    "one-hot": np.eye(8, dtype="float32"),
    "soft": np.full([8, 4], 0.25),
    "strings": np.array(list("abcdefgh")),
    "boxes": np.arange(8 * 4, dtype="float64").reshape(8, 4),
    "several": {"box": np.zeros([8, 4]), "name": np.array(list("abcdefgh"))},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("engine", ["layer", "live"])
def test_rows_are_translated_and_labels_of_any_kind_pass(engine, labels):
    images = batch()
    if engine == "layer":
        given = kga.GANAugmentation(Brighter(), 0.5, attributes=[0, 1, 1], seed=1)(images, labels, training=True)
    else:
        data = tf.data.Dataset.from_tensors(images if labels is None else (images, labels))
        augment = kga.gan_augment(Brighter(), 0.5, engine="live", attributes=[0, 1, 1], seed=1)
        given = next(iter(data.map(augment)))
    new = given if labels is None else given[0]
    assert new.dtype == tf.uint8
    assert sorted(added(images, new))[:4] == [0] * 4  # half of the rows stay
    assert set(added(images, new)) <= {0, 10, 20}  # no row is translated into domain 0
    if labels is not None:
        tf.nest.map_structure(
            lambda a, b: np.testing.assert_array_equal(tf.convert_to_tensor(a), tf.constant(b)), given[1], labels
        )


@pytest.mark.parametrize("labels", [LABELS["none"], LABELS["indices"], LABELS["several"]], ids=["none", "one", "several"])
def test_dict_elements_and_weights(labels):
    element = {"images": batch(), "labels": labels, "sample_weight": np.ones(8)}
    element = {name: part for name, part in element.items() if part is not None}
    augment = kga.gan_augment(Brighter(2), 0.5, engine="live", attributes={1: 1.0}, synthetic_weight=0.5, seed=1)
    new = next(iter(tf.data.Dataset.from_tensors(element).map(augment)))
    changed = added(batch(), new["images"]) == 10
    np.testing.assert_array_equal(changed, new["is_synthetic"])
    np.testing.assert_array_equal(new["sample_weight"], np.where(changed, 0.5, 1.0))
    assert ("labels" in new) == (labels is not None)


def test_domains_are_drawn_by_their_weights():
    images = np.zeros([4000, *SHAPE], "float32")
    augment = kga.GANAugmentation(Brighter(), 1.0, attributes={0: 1, 2: 3}, seed=1)
    counts = np.bincount(added(images, augment(images, training=True)) // 10, minlength=3)
    np.testing.assert_allclose(counts / 4000, [0.25, 0, 0.75], atol=0.03)
    uniform = np.bincount(added(images, kga.GANAugmentation(Brighter(), 1.0, seed=1)(images, training=True)) // 10)
    np.testing.assert_allclose(uniform / 4000, np.full(3, 1 / 3), atol=0.03)


def test_value_ranges_are_converted():
    images = batch(dtype="float32") / 255
    augment = kga.GANAugmentation(Brighter(2), 1.0, value_range=(0, 1), attributes={1: 1.0}, seed=1)
    np.testing.assert_allclose(augment(images, training=True), images + 10 / 255, atol=1e-6)


def test_of_several_attributes():
    gan = star_gan({"style": 3, "place": 2})
    images = np.full([8, *SHAPE], 100.0, "float32")
    augment = kga.GANAugmentation(gan, 0.5, attributes={"style": [0, 0, 1]}, seed=1)
    new, labels = augment(images, np.arange(8), training=True)
    assert (np.asarray(new) != images).any((1, 2, 3)).sum() == 4
    np.testing.assert_array_equal(labels, np.arange(8))


@pytest.mark.slow
def test_in_one_xla_program_with_a_classifier(tmp_path):
    classifier = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(4)])
    model = kga.AugmentedModel(classifier, kga.GANAugmentation(star_gan(), 0.5, seed=1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=True)
    x, y = np.random.default_rng(0).integers(0, 256, [16, *SHAPE], "uint8"), np.arange(16) % 4
    model.fit(x, y, batch_size=8, verbose=0)
    model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(8), verbose=0)
    # A file of it holds the translator.
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = x.astype("float32")
    for training in (True, False):
        ours, theirs = (each.augmentation(images, y, training=training) for each in (model, loaded))
        np.testing.assert_allclose(ours[0], theirs[0], atol=1e-3)


def test_exports_translate_and_augment(tmp_path):
    gan = star_gan()
    layer = kga.GANAugmentation(gan, 0.5, seed=1)
    layer.export(tmp_path / "export")
    alone = tf.saved_model.load(str(tmp_path / "export"))
    images, seed = tf.constant(batch(dtype="float32")), tf.constant([1, 2])
    new, labels = alone.augment(images, tf.range(8) + 100, seed)
    np.testing.assert_array_equal(labels, np.arange(8) + 100)
    assert (new.numpy() != images.numpy()).any((1, 2, 3)).sum() == 4
    again = as_generator(tmp_path / "export")
    assert again.translates
    assert again.description == as_generator(gan).description
    domains = tf.range(8) % 3
    np.testing.assert_allclose(again.translate(images, domains, seed), gan.translate(images, domains, (1, 2)), atol=1e-2)
    augment = kga.GANAugmentation(tmp_path / "export", 0.5, seed=1)
    assert (augment(images, training=True).numpy() != images.numpy()).any((1, 2, 3)).sum() == 4


def test_a_layer_is_made_of_its_config():
    layer = kga.GANAugmentation(star_gan(), 0.5, attributes=[1, 0, 1], seed=1)
    again = kga.GANAugmentation.from_config(layer.get_config())
    images = batch()
    np.testing.assert_array_equal(again(images, training=True), layer(images, training=True))


def test_what_does_not_translate_is_refused():
    images, gan = batch(), star_gan()
    with pytest.raises(ValueError, match=r"`engine` must be \"live\".*Received"):
        kga.gan_augment(gan)
    with pytest.raises(ValueError, match='`sampling_strategy` must be "keep"'):
        kga.GANAugmentation(gan, sampling_strategy="balance")
    with pytest.raises(ValueError, match="`truncation` must be 1"):
        kga.GANAugmentation(gan, truncation=0.5)
    with pytest.raises(ValueError, match=r"`attributes` must be one of \('uniform',\)"):
        kga.GANAugmentation(gan, attributes=[1, 2])
    with pytest.raises(ValueError, match=r"`attributes` must be one of \('uniform',\).*Received: attributes={}"):
        kga.GANAugmentation(gan, attributes={})
    with pytest.raises(ValueError, match='`attributes` must be "uniform", or a mapping from names'):
        kga.GANAugmentation(star_gan({"style": 2, "place": 2}), attributes={"garment": [1, 2]})
    with pytest.raises(ValueError, match="`label` must be None"):
        kga.GANAugmentation(gan, label="style")
    with pytest.raises(ValueError, match="`generator` must have classes"):
        kga.FilteredGenerator(gan, keras.Sequential([keras.Input(SHAPE)]))
    with pytest.raises(TypeError, match="one that translates images"):
        as_generator(gan).generate([0, 1], seed=1)
    with pytest.raises(ValueError, match="`translator` must be a generator that translates"):
        Translations(kga.SNGAN(SHAPE, 2, latent_dim=3, width=4))
    with pytest.raises(ValueError, match="`images` must have the shape"):
        kga.GANAugmentation(gan)(images[:, :4], training=True)


def test_domains_without_images_are_told():
    with pytest.warns(UserWarning, match=r"`attributes` draw .* Received: \[1\]"):
        kga.GANAugmentation(Brighter(3, unseen=(1,)), seed=1)
    kga.GANAugmentation(Brighter(3, unseen=(1,)), attributes=[1, 0, 1], seed=1)
