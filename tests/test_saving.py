"""A GAN that is saved or killed goes on exactly where it was."""

import keras
import numpy as np
import pytest
from tools import Kill, Killed, max_difference, small_data, small_gan, weights

import keras_ganaug as kga

X, Y = small_data()


@pytest.mark.parametrize("num_classes", [None, 3])
def test_save_and_load_go_on_exactly(tmp_path, num_classes):
    y = None if num_classes is None else Y
    straight = small_gan(num_classes=num_classes)
    stopped = small_gan(num_classes=num_classes)
    for gan in (straight, stopped):
        gan.set_weights(list(weights(straight)))
        gan.compile(
            augment=kga.DiffAugment("translation"),
            penalties=[kga.penalties.R1(0.5)],
            d_steps=2,
            label_smoothing=0.0,
        )
    straight.fit(X, y, batch_size=10, epochs=4, verbose=0)
    stopped.fit(X, y, batch_size=10, epochs=2, verbose=0)
    stopped.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert type(loaded) is kga.SNGAN
    assert loaded.get_compile_config() == stopped.get_compile_config()
    labels = 4 if num_classes is None else [0, 1, 2, 0]
    np.testing.assert_array_equal(loaded.generate(labels, seed=1), stopped.generate(labels, seed=1))
    assert max_difference(loaded, stopped) == 0
    for name in ("g_optimizer", "d_optimizer"):
        for a, b in zip(getattr(loaded, name).variables, getattr(stopped, name).variables, strict=True):
            np.testing.assert_array_equal(a, b)
    loaded.fit(X, y, batch_size=10, epochs=4, initial_epoch=2, verbose=0)
    assert max_difference(loaded, straight) == 0


def test_save_and_load_of_the_default_networks(tmp_path):
    gan = kga.SNGAN((8, 8, 1), num_classes=3, latent_dim=5, value_range=(-1, 1), seed=4)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate([0, 1], seed=1), gan.generate([0, 1], seed=1))
    assert (loaded.value_range, loaded.latent_dim, loaded.seed) == ((-1.0, 1.0), 5, 4)


def test_a_killed_run_goes_on_from_its_backup(tmp_path):
    def run(*callbacks):
        gan = small_gan()
        gan.set_weights(start)
        gan.compile()
        gan.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=list(callbacks))
        return gan

    start = weights(small_gan())
    with pytest.raises(Killed):
        run(keras.callbacks.BackupAndRestore(tmp_path), Kill(2))
    resumed = run(keras.callbacks.BackupAndRestore(tmp_path))
    straight = run()
    assert int(resumed.step.numpy()) == 12
    assert max_difference(resumed, straight) == 0
