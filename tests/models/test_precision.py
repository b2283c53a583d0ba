"""The dtype of a GAN is that of its default networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import finite, public, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat


def dtypes(gan):
    networks = (gan.generator, gan.discriminator, gan.ema_generator)
    return [{layer.compute_dtype for layer in network._flatten_layers()} for network in networks]


@pytest.mark.parametrize("cls", public(kga.GAN).values(), ids=lambda cls: cls.__name__)
def test_default_networks_compute_in_the_dtype_of_their_gan(cls):
    gan = cls((4, 4, 1), num_classes=2, latent_dim=3, width=4, seed=1, dtype="mixed_float16")
    assert all("float16" in found for found in dtypes(gan))
    assert {weight.dtype for weight in map(_compat.tf_variable, gan.generator.trainable_weights)} == {tf.float32}
    assert keras.layers.Dense(1).compute_dtype == "float32"  # Keras's global policy is as it was
    gan.compile(run_eagerly=True)
    scales = [type(optimizer).__name__.startswith("LossScale") for optimizer in (gan.g_optimizer, gan.d_optimizer)]
    assert scales == [True, True]


def test_a_gan_of_half_precision_is_trained_saved_and_loaded(tmp_path):
    x, y = small_data(8, (4, 4, 1), 2)
    gan = kga.LSGAN((4, 4, 1), num_classes=2, latent_dim=3, width=4, seed=1, dtype="mixed_float16")
    gan.compile()
    assert finite(gan.fit(x, y, batch_size=4, verbose=0))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert dtypes(loaded) == dtypes(gan)
    assert loaded.compute_dtype == "float16"
    np.testing.assert_array_equal(loaded.generate([0, 1], seed=1), gan.generate([0, 1], seed=1))
    for name in ("g_optimizer", "d_optimizer"):
        ours, theirs = getattr(gan, name), getattr(loaded, name)
        assert type(theirs) is type(ours)
        for a, b in zip(theirs.variables, ours.variables, strict=True):
            np.testing.assert_array_equal(a, b)


def test_float32_is_obeyed_under_a_mixed_policy(mixed_bfloat16):
    gan = kga.GAN((4, 4, 1), width=4, seed=1, dtype="float32")
    assert not any("bfloat16" in found for found in dtypes(gan))


def test_networks_of_ones_own_keep_their_dtype():
    gan = small_gan(dtype="mixed_float16")
    gan.compile(run_eagerly=True)
    assert not any("float16" in found for found in dtypes(gan))
    assert not type(gan.g_optimizer).__name__.startswith("LossScale")


def test_a_dtype_that_networks_of_ones_own_do_not_have_is_told(recwarn):
    with pytest.warns(UserWarning, match=r"`dtype` is the policy of the default networks, .* compute in float32"):
        small_gan(dtype="mixed_float16")
    recwarn.clear()
    small_gan()
    with _compat.dtype_policy("mixed_bfloat16"):
        gan = small_gan()
    kga.SNGAN((8, 8, 1), 3, generator=gan.generator, discriminator=gan.discriminator, dtype="mixed_bfloat16")
    assert not [warning for warning in recwarn if "`dtype`" in str(warning.message)]
