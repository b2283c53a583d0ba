"""The default networks: any image shape, with and without classes."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import networks
from keras_ganaug.layers.spectral_normalization import spectral_layers
from keras_ganaug.networks import common

SHAPES = [(28, 28, 1), (32, 32, 3), (20, 12, 2), (13, 9, 4), (8, 8, 1), (3, 5, 1)]


@pytest.mark.parametrize("family", [networks.resnet, networks.dcgan], ids=lambda f: f.__name__.rsplit(".", 1)[1])
@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_networks_of_any_shape(family, num_classes, shape):
    generator = family.generator(shape, num_classes, latent_dim=6, width=4)
    discriminator = family.discriminator(shape, num_classes, width=4)
    latents, labels = (
        np.random.default_rng(0).normal(size=[5, 6]).astype("float32"),
        np.array([0, 1, 2, 0, 1]),
    )

    def inputs(x):
        return x if num_classes is None else [tf.constant(x), tf.constant(labels, tf.int32)]

    images = generator(inputs(latents)).numpy()
    assert images.shape == (5, *shape)
    assert np.abs(images).max() <= 1
    assert images.std() > 0
    # At inference an image depends on its own latents and label alone, not on the batch around it.
    single = generator(inputs(latents)[:1] if num_classes is None else [tf.constant(latents[:1]), tf.constant([0])])
    np.testing.assert_allclose(images[:1], single, atol=1e-5)
    logits = discriminator(inputs(images))
    assert logits.shape == (5, 1)
    assert len(spectral_layers(discriminator)) >= 2


@pytest.mark.parametrize(
    ("shape", "doublings", "grid"),
    [
        ((28, 28, 1), 2, (7, 7)),
        ((32, 32, 3), 3, (4, 4)),
        ((20, 12, 2), 1, (10, 6)),
        ((13, 9, 1), 1, (7, 5)),
        ((3, 5, 1), 0, (3, 5)),
    ],
)
def test_seed_grid(shape, doublings, grid):
    assert common.doublings(shape) == doublings
    assert common.seed_grid(shape) == grid


def test_the_seed_decides_the_initial_weights():
    first, again, other = (networks.resnet.generator((8, 8, 1), 2, 4, 4, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


FAMILIES = {
    "dcgan": (networks.dcgan.generator, networks.dcgan.discriminator),
    "resnet": (networks.resnet.generator, networks.resnet.discriminator),
    "progressive": (networks.progressive.generator, networks.progressive.discriminator),
    "style": (networks.style.generator, functools.partial(networks.progressive.discriminator, label_use="join_all")),
    "autoencoder": (networks.autoencoder.generator, networks.autoencoder.discriminator),
    "resnext": (networks.resnext.generator, networks.resnext.discriminator),
    "classify": (networks.dcgan.generator, functools.partial(networks.dcgan.discriminator, label_use="classify")),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_of_several_attributes(family):
    """Each value of each attribute changes images and logits, and one attribute is the same as one class."""
    build_generator, build_discriminator = FAMILIES[family]
    shape, attributes = (8, 8, 1), {"digit": 3, "style": 2}
    generator, discriminator = (
        build_generator(shape, attributes, 4, 4, seed=1),
        build_discriminator(shape, attributes, 4, seed=1),
    )
    labels = tf.constant([[0, 0], [1, 0], [2, 0], [0, 1], [2, 1]])
    images = generator([tf.ones([5, 4]), labels]).numpy()
    outputs = tf.nest.flatten(discriminator([tf.repeat(images[:1], 5, 0), labels]))
    assert len({image.tobytes() for image in images}) == 5
    if family == "classify":
        assert outputs[1].shape == (5, 5)  # the logits of three digits and two styles
    else:
        assert len({output.numpy().tobytes() for output in outputs[0]}) == 5
    single, named = (build_generator(shape, classes, 4, 4, seed=1) for classes in (3, {"digit": 3}))
    np.testing.assert_array_equal(single([tf.ones([5, 4]), labels[:, 0]]), named([tf.ones([5, 4]), labels[:, :1]]))


def test_the_embeddings_of_attributes_add_up():
    """In the first layer, in conditional normalisation and in the projection: no combination has a row of its own."""
    network = networks.dcgan.discriminator((8, 8, 1), {"digit": 3, "style": 2}, 4, seed=1)
    images = tf.random.stateless_uniform([1, 8, 8, 1], [1, 2], -1, 1)

    def logit(*labels):
        return float(network([images, tf.constant([labels])])[0, 0])

    np.testing.assert_allclose(logit(2, 1) - logit(2, 0), logit(0, 1) - logit(0, 0), rtol=1e-4)
    assert abs(logit(2, 1) - logit(2, 0)) > 1e-4


@pytest.mark.parametrize(("num_classes", "labels"), [(3, [0, 2, 1]), ({"digit": 3, "style": 2}, [[0, 1], [2, 0], [1, 1]])])
@pytest.mark.parametrize("label_use", ["project", "classify"])
def test_features_are_shared_by_heads(num_classes, labels, label_use):
    network = networks.dcgan.discriminator((8, 8, 1), num_classes, width=4, seed=1, label_use=label_use)
    to_features, head = common.features_and_head(network)
    inputs = [tf.random.stateless_uniform([3, 8, 8, 1], [1, 2], -1, 1), tf.constant(labels, tf.int32)]
    whole, parts = (tf.nest.flatten(outputs) for outputs in (network(inputs), head([to_features(inputs[0]), inputs[1]])))
    assert len(whole) == len(parts) == (2 if label_use == "classify" else 1)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def _logit_of(features):
    """A function from maps of features to `common.pooling` of them, by normalisation."""
    inputs = keras.Input(features.shape[1:])
    return {
        name: keras.Model(inputs, common.pooling(inputs, name))(features).numpy() for name in ("spectral", "batch", "none")
    }


def test_pooling_keeps_what_batch_normalisation_leaves():
    """Batch-normalised features of any images have the mean 0, over the batch and the positions: their positions differ."""
    features = np.random.default_rng(0).normal(size=[6, 4, 3, 5]).astype("float32")
    pooled = _logit_of(features)
    np.testing.assert_allclose(pooled["spectral"], features.sum((1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(pooled["none"], features.mean((1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(pooled["batch"], features.reshape(6, -1))
    other = features * 3 + np.linspace(0, 2, 12).reshape(1, 4, 3, 1)
    normalized = [(x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) for x in (features, other)]
    means = [x.mean((0, 1, 2)) for x in normalized]
    np.testing.assert_allclose(means[0], means[1], atol=1e-5)  # what an average over positions would leave of a batch
    assert np.abs(normalized[0].reshape(6, -1).mean(0) - normalized[1].reshape(6, -1).mean(0)).max() > 0.1


@pytest.mark.parametrize("family", [networks.resnet, networks.dcgan], ids=lambda f: f.__name__.rsplit(".", 1)[1])
def test_the_class_changes_image_and_logit_from_the_start(family):
    generator = family.generator((8, 8, 1), 2, 4, 4, seed=1)
    discriminator = family.discriminator((8, 8, 1), 2, 4, seed=1)
    images = tf.random.stateless_uniform([2, 8, 8, 1], [1, 2], -1, 1)
    zeros, ones = tf.constant([0, 0]), tf.constant([1, 1])
    assert np.abs(discriminator([images, zeros]) - discriminator([images, ones])).min() > 1e-4
    latents = tf.ones([2, 4])
    assert np.abs(generator([latents, zeros]) - generator([latents, ones])).max() > 1e-3


def test_conditional_batch_normalisation_alone_starts_alike_for_all_classes():
    generator = networks.resnet.generator((8, 8, 1), 2, 4, 4, seed=1, join_labels=False)
    zeros, ones, latents = tf.constant([0, 0]), tf.constant([1, 1]), tf.ones([2, 4])
    np.testing.assert_array_equal(generator([latents, zeros]), generator([latents, ones]))
    for layer in generator.layers:
        if hasattr(layer, "beta"):
            layer.beta.assign(np.random.default_rng(1).normal(size=layer.beta.shape))
    assert np.abs(generator([latents, zeros]) - generator([latents, ones])).max() > 1e-3


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (0, 1)])
def test_the_classifier_sees_the_same_in_any_value_range(low, high):
    """It maps the range to [-1, 1] itself."""
    unit = np.random.default_rng(0).uniform(size=[3, 9, 7, 2]).astype("float32")
    logits = networks.classifier.classifier((9, 7, 2), 4, width=4, value_range=(low, high), seed=1)(
        low + (high - low) * unit
    )
    expected = networks.classifier.classifier((9, 7, 2), 4, width=4, value_range=(-1, 1), seed=1)(2 * unit - 1)
    assert logits.shape == (3, 4)
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("num_classes", [2, 50, {"digit": 2, "style": 7, "place": 3}])
def test_the_class_decides_half_of_an_equalised_critics_logit_however_many_there_are(num_classes):
    network = networks.progressive.discriminator((8, 8, 1), num_classes, width=16, seed=1)
    _, head = networks.common.features_and_head(network)
    features = np.random.default_rng(0).normal(size=[4000, head.inputs[0].shape[1]]).astype("float32")
    labels = np.arange(4000, dtype="int32") % 2
    labels = labels if isinstance(num_classes, int) else np.stack([labels, (labels + 1) % 2, labels], axis=1)
    logits = head([features, labels]).numpy()
    assert 1 < logits.var() < 3  # 1 from the unconditional kernel, of length 1, and 1 from the class's


def test_the_mapping_of_styles_is_the_same_at_any_learning_rate():
    options = {"latent_dim": 6, "num_classes": 3, "w_dim": 5, "depth": 2, "seed": 1}
    slow, fast = (networks.style.mapping(**options, **changes) for changes in ({}, {"lr_multiplier": 0.5}))
    inputs = [tf.constant(np.random.default_rng(0).normal(size=[4, 6]), tf.float32), tf.constant([0, 1, 2, 0])]
    np.testing.assert_allclose(slow(inputs), fast(inputs), rtol=1e-4, atol=1e-6)
    # What an optimizer sees is divided by the multiplier, so that its steps count for as much less: 0.01 by default.
    kernels = [[w for w in model.trainable_variables if w.shape[-1] == 5 and len(w.shape) == 2] for model in (slow, fast)]
    assert len(kernels[0]) == 2
    for one, other in zip(*kernels, strict=True):
        np.testing.assert_allclose(np.asarray(one), 50 * np.asarray(other), rtol=1e-4)


def test_a_classifier_beside_a_spectrally_normalised_logit_may_be_as_steep_as_it_likes():
    discriminator = networks.dcgan.discriminator((8, 8, 1), 3, width=4, seed=1, label_use="classify")
    inputs = [tf.random.stateless_normal([4, 8, 8, 1], [1, 2]), tf.constant([0, 1, 2, 0])]
    for _ in range(20):  # power iterations
        before = discriminator(inputs, training=True)
    for kernel in [weight for weight in discriminator.trainable_variables if weight.shape[-1] in (1, 3)]:
        kernel.assign(10 * kernel)
    after = discriminator(inputs, training=True)
    np.testing.assert_allclose(after[0], before[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(after[1], 10 * before[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("side", "patch"), [(3, 3), (8, 5), (12, 8), (26, 8), (28, 18), (64, 18)])
def test_a_logit_of_the_translators_discriminator_sees_a_patch(side, patch):
    discriminator = networks.translation.discriminator((side, side + 1, 1), 2, width=2, seed=1)
    images = tf.random.stateless_normal([1, side, side + 1, 1], [1, 2])
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator([images, tf.constant([1])])
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    rows = np.flatnonzero(np.abs(tape.gradient(middle, images)).sum((0, 2, 3)))
    assert len(rows) == np.ptp(rows) + 1 == patch
