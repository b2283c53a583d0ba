"""A GAN that is saved or killed goes on exactly where it was."""

import contextlib
import copy
import os
import warnings

import keras
import numpy as np
import pytest
from tools import Kill, Killed, max_difference, small_data, small_gan, weights

import keras_ganaug as kga
from keras_ganaug import _compat

pytestmark = pytest.mark.usefixtures("eager")
X, Y = small_data()
KERAS_3_ONLY = pytest.mark.skipif(not _compat.KERAS_3, reason="Keras 2 loads what it can import")


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


class Brightened:
    """What `compile` takes, and Keras cannot save."""

    def __call__(self, images, seed):
        return images + 0.1


class Gentle(keras.optimizers.SGD):
    """Of a class that Keras does not know."""


class Hinge(type(kga.losses.get("hinge"))):
    """Of a class that Keras does not know."""


@keras.saving.register_keras_serializable(package="tests")
def known_penalty(context):
    return 0.0


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("augment", lambda: lambda images, seed: images),
        ("augment", Brightened),
        ("penalties", lambda: [lambda context: 0.0, kga.penalties.R1()]),
        pytest.param("loss", Hinge, marks=KERAS_3_ONLY),
        ("loss", lambda: type("Hinge", (Hinge,), {"__module__": "__main__"})()),
        pytest.param("g_optimizer", lambda: Gentle(0.1), marks=KERAS_3_ONLY),
    ],
    ids=["lambda", "object", "penalty", "loss", "script", "optimizer"],
)
def test_a_part_that_cannot_be_loaded_is_named_when_it_is_saved(argument, make, tmp_path):
    gan = small_gan()
    gan.compile(run_eagerly=True, **{argument: make()})
    gan.train_on_batch(X, Y)
    expected = rf"`{argument}` cannot be loaded again.*register_keras_serializable"
    with pytest.warns(UserWarning, match=expected):
        gan.save(tmp_path / "gan.keras")
    with pytest.warns(UserWarning, match=rf"not compiled.*`{argument}` could not be loaded"):
        loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert max_difference(loaded, gan) == 0
    assert int(loaded.step.numpy()) == 1
    with pytest.raises(ValueError, match=r"`compile\(\)` must be called"):
        loaded.fit(X, Y)
    assert max_difference(keras.models.load_model(tmp_path / "gan.keras", compile=False), gan) == 0


def test_a_part_that_can_be_loaded_is_not_warned_of(tmp_path):
    gan = small_gan()
    gan.compile(penalties=[known_penalty, kga.penalties.LeCam()], augment=kga.AdaptiveAugment(), loss="lsgan")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        gan.save(tmp_path / "gan.keras")
        loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.penalties[0] is known_penalty


def test_a_gan_that_was_frozen_after_its_training_is_loaded(tmp_path):
    gan = small_gan()
    gan.compile()
    gan.discriminator.trainable = False
    gan.save(tmp_path / "gan.keras")
    with pytest.warns(UserWarning, match="not compiled.*`discriminator`"):
        loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate([1], seed=1), gan.generate([1], seed=1))


@pytest.mark.parametrize("name", ["gan.h5", "gan", "gan.tf", "gan.keras.zip"])
def test_a_file_of_another_format_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r'`filepath` must end in "\.keras".*`export'):
        small_gan().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("save", "name"), [("save", "gan.keras"), ("save_weights", "gan.weights.h5")])
def test_a_save_that_is_killed_leaves_the_old_file(save, name, tmp_path, monkeypatch):
    gan = small_gan()
    getattr(gan, save)(tmp_path / name)
    old = (tmp_path / name).read_bytes()

    def killed(self, path, *args, **kwargs):
        assert os.fspath(path) != str(tmp_path / name)
        with open(path, "wb") as file:
            file.write(b"half")
        raise Killed

    monkeypatch.setattr(keras.Model, save, killed)
    with pytest.raises(Killed):
        getattr(gan, save)(str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_each_process_that_loads_a_gan_generates_other_images(tmp_path):
    gan = small_gan()
    gan.save(tmp_path / "gan.keras")
    loaded = [keras.models.load_model(tmp_path / "gan.keras") for _ in range(2)]
    images = [each.generate([0]) for each in (gan, *loaded, copy.copy(gan))]
    assert len({each.tobytes() for each in images}) == 4
    seeded = [each.generate([0], seed=3) for each in (gan, *loaded)]
    assert len({each.tobytes() for each in seeded}) == 1


@pytest.mark.skipif(not _compat.KERAS_3, reason="Keras 2 takes any name")
def test_a_name_that_keras_refuses_is_told_as_it_was_given(tmp_path):
    with pytest.raises(ValueError, match=r"filepath=\S*/gan\.of_mine\.h5"):
        small_gan().save_weights(tmp_path / "gan.of_mine.h5")


@pytest.mark.parametrize("num_classes", [2, None])
def test_an_acgan_of_version_0_1_is_made_without_its_twin(num_classes):
    def config(twin_weight):  # anew each time: Keras empties configs as it reads them
        gan = kga.ACGAN((8, 8, 1), num_classes, width=4, seed=1)
        network, config = gan.discriminator, {**gan.get_config(), "twin_weight": twin_weight}
        if twin_weight and num_classes:
            twin = keras.layers.Dense(num_classes)(network.outputs[1])
            config["discriminator"] = keras.saving.serialize_keras_object(
                keras.Model(network.inputs, [*network.outputs, twin])
            )
        return config

    assert kga.ACGAN.from_config(config(0.0)).fake_weight == 1.0
    with pytest.warns(UserWarning, match="twin classifier") if num_classes else contextlib.nullcontext():
        loaded = kga.ACGAN.from_config(config(1.0))
    assert len(loaded.discriminator.outputs) == (2 if num_classes else 1)
