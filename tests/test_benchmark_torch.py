"""The networks and steps of `benchmarks/torch_*.py` are those of the package: same weights, same outputs, same losses."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug import _random
from keras_ganaug.layers.noise import noise

torch = pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra `benchmarks`")

CLASSES, BATCH = 3, 8
GANS = {"SNGAN": kga.SNGAN, "StyleGAN": kga.StyleGAN, "StarGAN": kga.StarGAN}


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))


def pair(name, shape, width=4, **options):
    """A GAN whose weights are all other than zero and one, and the step of its twin."""
    import torch_networks
    import torch_steps

    gan = GANS[name](shape, CLASSES, width=width, seed=1)
    rng = np.random.default_rng(2)
    for network in (gan.generator, gan.discriminator):
        for weight in network.trainable_weights:
            weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    gan.ema_generator.set_weights(gan.generator.get_weights())
    step = torch_steps.build(name, shape, CLASSES, width, **options)
    torch_networks.copy_weights(gan.generator, step.generator)
    torch_networks.copy_weights(gan.discriminator, step.discriminator)
    step.average.load_state_dict(step.generator.state_dict())
    return gan, step


def to_torch(images):
    return torch.tensor(np.asarray(images)).permute(0, 3, 1, 2)


def close(ours, theirs):
    return np.abs(np.asarray(ours) - theirs.detach().numpy()).max() < 1e-4


def noise_of(seeds, step):
    shapes = step.generator.noise_shapes(BATCH)
    return [torch.tensor(noise(seeds, of[2] * of[3], n).numpy().reshape(of)) for n, of in enumerate(shapes)]


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (16, 32, 3)])
@pytest.mark.parametrize("name", GANS)
def test_the_outputs_of_the_networks(name, shape):
    gan, step = pair(name, shape)
    rng = np.random.default_rng(0)
    images, latents = rng.uniform(-1, 1, [BATCH, *shape]), rng.normal(size=[BATCH, gan.latent_dim])
    images, latents, labels = images.astype("float32"), latents.astype("float32"), np.arange(BATCH, dtype="int32") % CLASSES
    given = [to_torch(images), torch.tensor(latents), torch.tensor(labels).long()]
    logits = gan.discriminator([images, labels])
    assert np.ptp(logits.numpy()) > 1e-3
    assert close(np.reshape(logits, [BATCH, -1]), step.discriminator(given[0], given[2]).reshape(BATCH, -1))
    inputs = [images, latents, labels] if name == "StarGAN" else [latents, labels]
    made = gan.generator(inputs, training=True).numpy()
    given = given if name == "StarGAN" else given[1:]
    if name == "StyleGAN":
        given.append(noise_of(kga.networks.style.seeds_of(tf.constant(latents)), step))
    assert close(made, step.generator(*given).permute(0, 2, 3, 1))
    assert np.ptp(made[:2], axis=0).max() > 1e-2  # what differs between images is not lost


def draws_of(name, gan, step, number, player):
    """What the package draws in the update of a player (0: "d", 1: "g") of a training step."""
    seed = _random.fold(_random.fold(_random.as_seed(gan.seed), tf.constant(number, tf.int64)), player * 1000)

    def latents(*numbers):
        return torch.tensor(gan.sample_latents(BATCH, _random.fold(seed, *numbers)).numpy())

    if name == "SNGAN":
        return (latents(0),)
    if name == "StarGAN":
        labels = tf.range(BATCH) % CLASSES
        domains = tf.gather(labels, _random.permutation(BATCH, _random.fold(seed, 4)))
        return torch.tensor(domains.numpy()).long(), latents(0), *((latents(5), latents(6)) if player else ())
    layers, seeds = gan.num_layers, [_random.fold(seed, 0, part) for part in range(5)]
    crossover = _random.integers([BATCH, 1, 1], seeds[2], 1, layers)
    crossover = tf.where(_random.uniform([BATCH, 1, 1], seeds[3]) < gan.mixing, crossover, layers)
    crossover = torch.tensor(crossover.numpy().ravel())
    return latents(0, 0), latents(0, 1), crossover, noise_of(_random.uniform_ints([BATCH], seeds[4]), step)


@pytest.mark.parametrize("name", GANS)
def test_the_losses_and_weights_of_two_steps(name, eager):
    """Of the second step the losses follow from the weights that the first has changed."""
    gan, step = pair(name, (8, 8, 1))
    gan.compile(run_eagerly=True)
    images, labels = np.random.default_rng(3).integers(0, 256, [BATCH, 8, 8, 1], "uint8"), np.arange(BATCH) % CLASSES
    step.given = iter([draws_of(name, gan, step, number, player) for number in range(2) for player in range(2)])
    for _ in range(2):
        gan.reset_metrics()
        ours = gan.train_step((tf.constant(images), tf.constant(labels)))
        theirs = step(torch.tensor(images), torch.tensor(labels))
        assert [float(ours["d_loss"]), float(ours["g_loss"])] == pytest.approx(
            [float(x) for x in theirs], abs=1e-4, rel=1e-4
        )
    import torch_networks

    twin = type(step.average)((8, 8, 1), CLASSES, latent_dim=gan.latent_dim, width=4)
    torch_networks.copy_weights(gan.ema_generator, twin)
    averages = dict(step.average.state_dict())
    assert all((averages[key] - value).abs().max() < 1e-3 for key, value in twin.state_dict().items())


@pytest.mark.parametrize("name", ["SNGAN", "StyleGAN", "StarGAN", "ResNet-50", "augmented ResNet-50"])
def test_precision_and_layout_do_not_change_what_is_computed(name):
    import torch_steps

    shape = (32, 32, 3) if "ResNet" in name else (8, 8, 3)
    images, labels = torch.randint(0, 256, [BATCH, *shape], dtype=torch.uint8), torch.arange(BATCH) % CLASSES
    losses = []
    kinds = [{}, {"channels_last": True}, {"precision": "bfloat16"}]
    for options in kinds[:2] if "ResNet" in name else kinds:  # at 1×1 its normalisation magnifies every rounding
        torch.manual_seed(5)
        step = torch_steps.build(name, shape, CLASSES, 4, **options)
        losses.append(np.array([float(loss) for loss in step(images, labels)]))
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    if len(losses) > 2:
        assert losses[2] == pytest.approx(losses[0], abs=0.1) and (losses[2] != losses[0]).any()


@pytest.mark.slow
def test_the_resnet():
    import torch_networks

    keras.utils.set_random_seed(1)
    network = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=5, classifier_activation=None)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if weight.name in ("bias", "beta", "moving_mean"):
            weight.assign(0.1 * rng.normal(size=weight.shape))
    twin = torch_networks.ResNet50(classes=5).eval()
    torch_networks.copy_weights(network, twin)
    images = rng.uniform(0, 1, [4, 32, 32, 3]).astype("float32")
    outputs = network(images).numpy()
    assert np.ptp(outputs) > 0.05 and close(outputs, twin(to_torch(images)))


def test_weights_of_another_size_are_refused():
    import torch_networks

    gan = kga.SNGAN((8, 8, 1), CLASSES, width=4, seed=1)
    with pytest.raises(ValueError, match="shape"):
        torch_networks.copy_weights(gan.generator, torch_networks.SNGANGenerator((8, 8, 1), CLASSES, width=5))
    with pytest.raises(ValueError, match="layers"):
        torch_networks.copy_weights(gan.generator, torch_networks.SNGANGenerator((16, 16, 1), CLASSES, width=4))
    with pytest.raises(ValueError, match="multiple of 2"):
        torch_networks.SNGANGenerator((9, 9, 1), CLASSES)


def test_the_count_of_operations():
    import torch_networks
    import torch_steps

    conv, dense = torch_networks.Conv(3, 5), torch_networks.Dense(5 * 16, 7)

    def step(images, labels):
        dense(conv(images).flatten(1)).sum().backward()

    forward = [2 * 2 * 16 * 9 * 3 * 5, 2 * 2 * 5 * 16 * 7]
    # Backwards: both kernels and the input of the dense layer, but not the images.
    assert torch_steps.flops(step, torch.ones(2, 3, 4, 4), None) == 2 * forward[0] + 3 * forward[1]
