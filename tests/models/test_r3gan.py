"""R3GAN: its loss, its two penalties and its networks, against their formulas."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_data

import keras_ganaug as kga
from keras_ganaug import _compat, layers, networks
from keras_ganaug.models import training

X, Y = small_data(6, (4, 4, 1))


def made(**options):
    gan = kga.R3GAN((4, 4, 1), 3, latent_dim=4, width=4, seed=1)
    rng = np.random.default_rng(0)
    for network in (gan.generator, gan.discriminator):  # blocks that are still the identity would say little
        for weight in network.trainable_variables:
            weight.assign(rng.normal(0, 0.5, weight.shape))
    gan.compile(run_eagerly=True, **options)
    return gan


def batch():
    return training.Batch(tf.constant(X / 127.5 - 1, tf.float32), tf.constant(Y, tf.int32), tf.constant([3, 4]))


def softplus(x):
    return np.logaddexp(0.0, np.asarray(x, np.float64))


def squared_slopes(discriminator, images, labels, step=0.01):
    """‖∇D‖² of each image by central differences, in NumPy."""
    total = np.zeros(len(images))
    for place in itertools.product(*map(range, images.shape[1:])):
        change = np.zeros(images.shape[1:], "float32")
        change[place] = step
        up, down = (
            np.asarray(discriminator([tf.constant(images + c), labels]), np.float64)[:, 0] for c in (change, -change)
        )
        total += ((up - down) / (2 * step)) ** 2
    return total


def test_the_losses_are_the_papers_formulas():
    """L_D = E softplus(D(G) - D(x)) + γ/2 (R1 + R2), and L_G = E softplus(D(x) - D(G)), over pairs with one label."""
    gan, data = made(penalties=[kga.penalties.R1(3.0), kga.penalties.R2(3.0)]), batch()
    fakes = gan.fakes(data).images.numpy()
    real_logits, fake_logits = (
        np.asarray(gan.discriminator([tf.constant(x), data.labels]))[:, 0] for x in (data.images, fakes)
    )
    assert np.ptp(real_logits) > 0.01
    r1, r2 = (squared_slopes(gan.discriminator, np.asarray(x), data.labels).mean() for x in (data.images, fakes))
    assert min(r1, r2) > 1e-3
    expected = softplus(fake_logits - real_logits).mean() + 3.0 / 2 * (r1 + r2)
    assert float(gan.d_loss(data)) == pytest.approx(expected, rel=1e-2)
    assert float(gan.d_loss(data)) != pytest.approx(expected - 3.0 / 2 * r2, rel=2e-2)
    assert float(gan.g_loss(data)) == pytest.approx(softplus(real_logits - fake_logits).mean(), rel=1e-5)


def test_the_papers_numbers():
    gan = kga.R3GAN((4, 4, 1), width=4, seed=1)
    gan.compile()
    assert type(gan.adversarial_loss).__name__ == "Relativistic"
    assert [(type(each).__name__, each.weight, each.interval) for each in gan.penalties] == [
        ("R1", 0.05, 1),
        ("R2", 0.05, 1),
    ]
    for optimizer in (gan.g_optimizer, gan.d_optimizer):
        assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
    assert (gan.latent_dim, gan.d_steps) == (64, 1)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_networks_have_the_papers_blocks(player):
    network = getattr(networks.resnext, player)((16, 16, 3), 3, width=24, seed=1, blocks=2)
    found = [*network._flatten_layers()]
    assert not any("Normalization" in type(layer).__name__ for layer in found)
    grouped = [layer for layer in found if isinstance(layer, layers.GroupedConv2D)]
    assert sorted(layer.filters for layer in grouped) == [48, 48, 96, 96, 192, 192]  # two blocks at each of 16, 8 and 4
    for layer in grouped:
        assert layer.kernel.shape[:3] == (3, 3, 16)
        assert layer.groups == layer.filters // 16
        # 6 blocks of 3 layers: the gain of leaky ReLU, and Fixup's factor
        expected = np.sqrt(2 / (1 + 0.2**2)) * 6**-0.25 / np.sqrt(9 * 16)
        assert np.std(layer.kernel) == pytest.approx(expected, rel=0.05)
    last = [layer for layer in found if isinstance(layer, keras.layers.Conv2D) and not np.any(layer.kernel)]
    assert sorted(layer.filters for layer in last) == [24, 24, 48, 48, 96, 96]  # each block starts as the identity


def test_the_first_features_are_a_learned_image_scaled_by_the_latents():
    network = networks.resnext.generator((4, 4, 1), None, 5, 6, seed=1)
    basis = next(layer for layer in network.layers if isinstance(layer, layers.LearnedConstant))
    dense = next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))
    to_rgb = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    latents = np.random.default_rng(0).normal(size=[3, 5]).astype("float32")
    features = np.asarray(basis.constant)[None] * (latents @ np.asarray(dense.kernel))[:, None, None]
    np.testing.assert_allclose(network(tf.constant(latents)), np.tanh(features @ np.asarray(to_rgb.kernel)[0, 0]), atol=1e-5)


def test_the_logit_is_a_projection_on_the_class_alone():
    network = networks.resnext.discriminator((4, 4, 1), {"a": 2, "b": 3}, 6, seed=1)
    images = np.random.default_rng(0).normal(size=[2, 4, 4, 1]).astype("float32")

    def logit(a, b):
        return np.asarray(network([tf.constant(images), tf.constant([[a, b]] * 2)]))[:, 0]

    assert np.ptp([logit(0, 0), logit(1, 0), logit(0, 2)], axis=0).min() > 1e-3
    # Embeddings are summed, so the effects of two attributes are too.
    np.testing.assert_allclose(logit(1, 2), logit(1, 0) + logit(0, 2) - logit(0, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "group_size", "expected"), [(24, 16, 16), (33, 16, 11), (2, 16, 4), (24, 4, 4), (5, 1, 1)]
)
def test_groups_divide_the_channels(channels, group_size, expected):
    network = networks.resnext.generator((4, 4, 1), None, 3, channels, group_size=group_size)
    grouped = next(layer for layer in network.layers if isinstance(layer, layers.GroupedConv2D))
    assert grouped.kernel.shape[2] == expected


@pytest.mark.parametrize("name", ["blocks", "group_size"])
def test_bad_arguments_of_the_networks(name):
    for builder in (networks.resnext.generator, networks.resnext.discriminator):
        with pytest.raises(ValueError, match=f"`{name}`.*Received"):
            builder((4, 4, 1), **{name: 0})


@pytest.mark.parametrize(
    ("channels", "options"),
    [
        (6, {"filters": 9, "kernel_size": 3, "groups": 3, "padding": "same"}),
        (4, {"filters": 4, "kernel_size": (2, 3), "groups": 4, "strides": 2, "use_bias": False}),
        (4, {"filters": 2, "kernel_size": 1, "groups": 1, "activation": "relu", "bias_initializer": "ones"}),
    ],
)
def test_a_grouped_convolution_is_that_of_keras(channels, options):
    own, theirs = layers.GroupedConv2D(**options), keras.layers.Conv2D(**options)
    x = np.random.default_rng(0).normal(size=[2, 7, 6, channels]).astype("float32")
    own.build(x.shape), theirs.build(x.shape)
    theirs.set_weights(own.get_weights())
    np.testing.assert_allclose(own(x), theirs(x), atol=1e-5)
    assert own.compute_output_shape(x.shape) == tuple(own(x).shape)
    again = layers.GroupedConv2D.from_config(own.get_config())
    again.build(x.shape)
    again.set_weights(own.get_weights())
    np.testing.assert_array_equal(again(x), own(x))


@pytest.mark.long
@pytest.mark.parametrize("jit", [False, True])
def test_a_grouped_convolution_has_second_derivatives(jit):
    """R1 needs the gradient of a squared gradient. The reference is one ordinary convolution with zeros between groups."""
    layer = layers.GroupedConv2D(6, 3, groups=3, padding="same", use_bias=False)
    x = tf.constant(np.random.default_rng(0).normal(size=[2, 5, 4, 6]), tf.float32)
    layer.build(x.shape)
    kernel = _compat.tf_variable(layer.kernel)
    mask = np.kron(np.eye(3), np.ones([2, 2])).astype("float32")

    def dense(x):
        return tf.nn.conv2d(x, tf.tile(kernel, [1, 1, 3, 1]) * mask, 1, "SAME")

    def slope(convolve):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = tf.reduce_sum(tf.nn.softplus(convolve(x)))
            penalty = tf.reduce_sum(tape.gradient(value, x) ** 2)
        return outer.gradient(penalty, kernel)

    found = tf.function(lambda: slope(layer), jit_compile=jit)()
    np.testing.assert_allclose(found, slope(dense), rtol=1e-4, atol=1e-4)


@pytest.mark.long
def test_it_learns_what_the_classes_look_like():
    x, y = small_data(240)
    gan = kga.R3GAN((8, 8, 1), 3, latent_dim=4, width=8, seed=1)
    rates = {name: keras.optimizers.Adam(2e-3, 0.0, 0.9) for name in ("g_optimizer", "d_optimizer")}
    gan.compile(**rates, penalties=[kga.penalties.R1(1.0), kga.penalties.R2(1.0)], ema_decay=0.98)
    gan.fit(x, y, batch_size=24, epochs=60, verbose=0)
    images = gan.generate(np.repeat([0, 1, 2], 100), seed=1).reshape(3, 100, -1)
    np.testing.assert_allclose(images.mean((1, 2)), [x[y == c].mean() for c in range(3)], atol=15)
    assert images.std(1).mean(1).min() > 2  # of an image; the pixels of real ones vary by 11.5
