"""All GANs pass the public checks, and what else is said of all of them."""

import inspect
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import public, small_data, small_gan

import keras_ganaug as kga

ALL = list(public(kga.GAN).values())
VARIED = [kga.SNGAN, kga.ACGAN, kga.BEGAN, kga.ProgressiveGAN, kga.StyleGAN, kga.StarGAN]
"""One of each kind, for the tests of every day. The others are in `pytest -m long`."""
LONG = ("check_any_shape", "check_attributes", "check_mixed_bfloat16", "check_resuming", "check_xla")
CHECKS = [name for name in kga.testing.checks_of_gan(kga.GAN) if name != "check_replicas"]
"""On replicas, tests/models/test_replicas.py asks for more: the weights of one device."""


def with_checks(classes, marks=None):
    def settings():
        return {"augment": kga.DiffAugment("translation")}

    return kga.testing.parametrize_with_checks(classes, marks, only=CHECKS, settings=settings)


@with_checks(VARIED, dict.fromkeys(LONG, pytest.mark.long))
def test_it_does_what_the_contract_says(check):
    check()


@pytest.mark.long
@with_checks([cls for cls in ALL if cls not in VARIED])
def test_the_others_do_what_the_contract_says(check):
    check()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Checks of SNGAN")
def test_it_trains_in_a_graph():
    kga.testing.check_gan(kga.SNGAN, ["check_any_shape", "check_training"], settings={"run_eagerly": False})


@pytest.mark.slow
@pytest.mark.parametrize("cls", ALL)
def test_width_is_that_of_both_networks(cls):
    gan, narrow = (cls((8, 8, 1), num_classes=3, latent_dim=4, width=width, seed=1) for width in (8, 4))
    for network in ("generator", "discriminator"):
        assert getattr(narrow, network).count_params() < getattr(gan, network).count_params() / 2


def arguments(doc):
    """The entries of a docstring's `Args:`, by name."""
    section = re.search(r"^Args:\n((?:    .*\n)*)", inspect.cleandoc(doc) + "\n", re.MULTILINE)[1]
    entries = re.findall(r"^ {4}\**(\w.*?): ((?:.*\n)(?: {8}.*\n)*)", section, re.MULTILINE)
    return {name: text for names, text in entries for name in names.split(", ")}


@pytest.mark.parametrize("cls", ALL)
def test_help_tells_all_arguments_and_their_defaults(cls):
    for function, doc in ((cls, cls.__doc__), (cls.compile, cls.compile.__doc__), (cls.fit, cls.fit.__doc__)):
        told, taken = arguments(doc), inspect.signature(function).parameters
        assert set(taken) - {"self", "kwargs"} <= set(told)
        for name, text in told.items():
            default = getattr(taken.get(name), "default", inspect.Parameter.empty)
            if default is not inspect.Parameter.empty and (default is not None or function is cls):
                assert "Default" in text, name
    assert set(cls.own_arguments) <= set(inspect.signature(cls).parameters)


@pytest.mark.long
@pytest.mark.parametrize("cls", [kga.WGAN, kga.WGANGP, kga.LSGAN, kga.CGAN])
def test_the_losses_teach_what_the_classes_look_like(cls):
    x, y = small_data(240)
    gan = small_gan(cls=cls)
    options = {"g_optimizer": keras.optimizers.Adam(5e-3, 0.0, 0.9), "d_optimizer": keras.optimizers.Adam(5e-3, 0.0, 0.9)}
    epochs = 100
    if cls is kga.WGAN:  # weights of up to 0.01 are for wider networks
        epochs = 200
        options = {"g_optimizer": keras.optimizers.RMSprop(5e-3), "d_optimizer": keras.optimizers.RMSprop(5e-3)}
        options["penalties"] = [kga.penalties.WeightClipping(0.3)]
    gan.compile(**options, ema_decay=0.98, d_steps=2)
    gan.fit(x, y, batch_size=24, epochs=epochs, verbose=0)
    means = gan.generate(np.repeat([0, 1, 2], 100), seed=1).reshape(3, -1).mean(1)
    np.testing.assert_allclose(means, [x[y == c].mean() for c in range(3)], atol=25)


def test_the_papers_settings():
    def settings(cls):
        gan = small_gan(cls=cls)
        gan.compile()
        rates = [float(np.asarray(optimizer.learning_rate)) for optimizer in (gan.g_optimizer, gan.d_optimizer)]
        return type(gan.adversarial_loss).__name__, gan.d_steps, [type(p).__name__ for p in gan.penalties], rates

    near = pytest.approx
    assert settings(kga.GAN) == ("NonSaturating", 1, [], near([2e-4, 2e-4]))
    assert settings(kga.WGAN) == ("Wasserstein", 5, ["WeightClipping"], near([5e-5, 5e-5]))
    assert settings(kga.WGANGP) == ("Wasserstein", 5, ["GradientPenalty"], near([2e-4, 2e-4]))
    assert settings(kga.LSGAN) == ("LeastSquares", 1, [], near([2e-4, 2e-4]))
    assert settings(kga.SNGAN) == ("Hinge", 1, [], near([2e-4, 2e-4]))
    assert settings(kga.SAGAN) == ("Hinge", 1, [], near([1e-4, 4e-4]))
    assert settings(kga.ProgressiveGAN) == ("Wasserstein", 1, ["GradientPenalty", "Drift"], near([1e-3, 1e-3]))
    assert settings(kga.StyleGAN) == ("NonSaturating", 1, ["R1"], near([1e-3, 1e-3]))


@pytest.mark.parametrize("cls", [kga.ProgressiveGAN, kga.StyleGAN])
def test_minibatch_stddev_is_taken_within_classes(cls):
    gan = cls((8, 8, 1), num_classes=3, latent_dim=4, seed=1, width=4)
    seen, labels = [], np.repeat([0, 1], 4)  # groups are every other image: not of one class as they come
    images = np.full([8, 8, 8, 1], 0, "uint8") + (10 * labels + np.arange(8)).astype("uint8")[:, None, None, None]
    gan.compile(run_eagerly=True, augment=lambda images, seed: seen.append(images) or images)
    gan.train_step((tf.constant(images), tf.constant(labels)))
    shown = next(np.asarray(x) for x in seen if not np.ptp(np.asarray(x)[0]))  # the real ones are of one grey each
    groups = np.round((shown[:, 0, 0, 0] + 1) * 127.5).reshape(4, 2).T
    np.testing.assert_array_equal(groups, [[0, 1, 2, 3], [14, 15, 16, 17]])


def test_width_is_saved_and_checked():
    gan = kga.SNGAN((8, 8, 1), width=4)
    assert kga.SNGAN.from_config(gan.get_config()).width == 4
    with pytest.raises(ValueError, match="`width`"):
        kga.GAN((8, 8, 1), width=0)
