"""Loading a file runs nobody's program, and a generator in a file is what it was."""

import contextlib
import json
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat
from keras_ganaug.generators import assets, files

SHAPE = (8, 8, 1)


def classifier(*layers, shape=SHAPE, classes=3):
    return keras.Sequential([keras.layers.Input(shape), *layers, keras.layers.Flatten(), keras.layers.Dense(classes)])


def augmented(generator, shape=SHAPE, **options):
    return kga.AugmentedModel(classifier(shape=shape), kga.GANAugmentation(generator, 0.5, seed=1, **options))


def images_of(model):
    """What the augmentation of a model makes of black images."""
    augmentation = model.augmentation
    generator = augmentation.replacement.generator
    labels = tf.constant([0, 1, 2, 0]) if generator.condition.conditional else None
    made = augmentation(tf.zeros([4, *generator.image_shape]), labels, training=True)
    return (made if labels is None else made[0]).numpy()


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """(folder, marker): a SavedModel that looks like an export and writes the file `marker` when it is loaded."""
    folder = tmp_path_factory.mktemp("program")
    path, marker = folder / "export", folder / "marker"
    root = tf.Module()
    root.table = _WritesWhenMade(str(marker))
    tf.saved_model.save(root, str(path))
    metadata = {"image_shape": SHAPE, "conditional": True, "num_classes": 3, "value_range": (0, 255)}
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "keras_ganaug.json").write_text(json.dumps(metadata))
    return path, marker


class _WritesWhenMade(tf.lookup.StaticHashTable):
    """A table whose initializer, which `tf.saved_model.load` runs, writes a file."""

    def __init__(self, marker):
        class Initializer(tf.lookup.KeyValueTensorInitializer):
            def initialize(self, table):
                with tf.control_dependencies([tf.io.write_file(marker, "it ran")]):
                    return super().initialize(table)

        super().__init__(Initializer(["a"], ["b"]), "")


def with_program(path, target, folder):
    """Copies a `.keras` file, with a SavedModel in place of its generator."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        inside = next(name for name in old.namelist() if name.endswith("generator/generator.json")).rpartition("/")[0]
        for name in old.namelist():
            if not name.startswith(inside):
                new.writestr(name, old.read(name))
        for file in folder.rglob("*"):
            if file.is_file():
                new.write(file, f"{inside}/{file.relative_to(folder).as_posix()}")


def in_config(config, change):
    """Applies `change` to the description of each generator in a config."""
    if isinstance(config, dict):
        if "unseen_classes" in config:
            change(config)
        for value in config.values():
            in_config(value, change)
    elif isinstance(config, list):
        for value in config:
            in_config(value, change)


def with_config(path, target, change):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                in_config(config, change)
                content = json.dumps(config)
            new.writestr(name, content)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    augmented(small_gan()).save(path)
    return path


def test_the_program_of_a_file_does_not_run_in_safe_mode(tmp_path, saved, program):
    folder, marker = program
    marker.unlink(missing_ok=True)
    with_program(saved, tmp_path / "attack.keras", folder)
    with pytest.raises(Exception, match=r"`safe_mode` must be False (.|\n)*safe_mode=False"):
        keras.models.load_model(tmp_path / "attack.keras")
    assert not marker.exists()
    with contextlib.suppress(Exception):  # it is no generator
        keras.models.load_model(tmp_path / "attack.keras", safe_mode=False)
    assert marker.exists()  # the attack is one


@pytest.mark.parametrize("kind", ["saved_model", "keras"])
def test_a_config_opens_no_path_in_safe_mode(tmp_path, saved, program, monkeypatch, kind):
    path, marker = program
    marker.unlink(missing_ok=True)
    if kind == "keras":
        path = tmp_path / "gan.keras"
        small_gan().save(path)
    opened = []

    def open_path(path, num_classes):
        opened.append(path)
        return from_path(path, num_classes)

    from_path = files.from_path
    monkeypatch.setattr(files, "from_path", open_path)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(kga.GANAugmentation(small_gan()))["config"]))
    config["generator"]["config"]["path"] = str(path)
    before = {name: value for name, value in config["generator"]["config"].items() if name != "unseen_classes"}
    for generator in (config["generator"], before):  # as it is written, and as it was before
        made = kga.GANAugmentation.from_config({**config, "generator": generator})
        with pytest.raises(ValueError, match="made from its config"):
            made(tf.zeros([4, *SHAPE]), tf.constant([0, 1, 2, 0]), training=True)
    with_config(saved, tmp_path / "attack.keras", lambda generator: generator.update(path=str(path)))
    loaded = keras.models.load_model(tmp_path / "attack.keras")
    assert images_of(loaded).any()
    assert not opened
    assert not marker.exists()
    keras.models.load_model(tmp_path / "attack.keras", safe_mode=False)
    assert opened == [str(path)]  # the attack is one


@pytest.mark.parametrize("kind", ["gan", "unconditional", "model", "filtered", "styles"])
def test_a_generator_travels_as_a_keras_object(tmp_path, kind):
    generator, shape = {
        "gan": lambda: (small_gan(value_range=(0, 1)), SHAPE),
        "unconditional": lambda: (small_gan(num_classes=None), SHAPE),
        "model": lambda: (known_generator(), KNOWN_SHAPE),
        "filtered": lambda: (kga.FilteredGenerator(small_gan(), classifier(), (0.4, 0.9), 3), SHAPE),
        "styles": lambda: (kga.StyleGAN((4, 4, 1), 3, latent_dim=4, width=4, seed=1), (4, 4, 1)),
    }[kind]()
    if kind == "gan":  # averaged weights are not the generator's own
        generator.generator.set_weights([weight + 1 for weight in generator.generator.get_weights()])
    if kind == "styles":
        generator.w_mean.assign(np.random.default_rng(0).normal(size=generator.w_mean.shape))
    model = augmented(generator, shape, truncation=0.7)
    model.save(tmp_path / "model.keras")
    assert not [name for name in names_in(tmp_path / "model.keras") if name.endswith(".pb")]
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.augmentation.value_range == model.augmentation.value_range
    expected, others = images_of(model), [loaded]
    if kind == "filtered":  # the others are written by the same lines
        loaded.save(tmp_path / "again.keras")
        others.append(keras.models.load_model(tmp_path / "again.keras"))
    for other in others:
        np.testing.assert_allclose(images_of(other), expected, atol=1e-4 * np.ptp(model.augmentation.value_range))
    assert (expected != 0).any((1, 2, 3)).sum() == 2


def test_a_file_holds_the_averaged_generator_alone(tmp_path, saved):
    gan = small_gan()
    with zipfile.ZipFile(saved) as archive:
        name = next(name for name in archive.namelist() if name.endswith("generator/weights.npz"))
        with archive.open(name) as file, np.load(file) as weights:
            sizes = [weights[key].size for key in weights.files]
    assert sum(sizes) == gan.ema_generator.count_params()


def test_models_within_models(tmp_path):
    x, y = keras.Input(SHAPE), keras.Input((), dtype="int64")
    inner = keras.Model([x, y], kga.GANAugmentation(small_gan(), 0.5, seed=1)(x, y), name="inner")
    a, b = keras.Input(SHAPE), keras.Input((), dtype="int64")
    model = keras.Model([a, b], inner([a, b]))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    data = [tf.zeros([4, *SHAPE]), tf.constant([0, 1, 2, 0], tf.int64)]
    np.testing.assert_allclose(loaded(data, training=True)[0], model(data, training=True)[0], atol=1e-3)
    assert (loaded(data, training=True)[0].numpy() != 0).any((1, 2, 3)).sum() == 2


def test_a_clone_has_the_generator(tmp_path):
    x, y = keras.Input(SHAPE), keras.Input((), dtype="int64")
    model = keras.Model([x, y], kga.GANAugmentation(small_gan(), 0.5, seed=1)(x, y))
    data = [tf.zeros([4, *SHAPE]), tf.constant([0, 1, 2, 0], tf.int64)]
    np.testing.assert_array_equal(keras.models.clone_model(model)(data, training=True)[0], model(data, training=True)[0])


@pytest.mark.parametrize("filtered", [False, True])
def test_one_given_as_a_saved_model_needs_safe_mode_off(tmp_path, filtered):
    generator = str(tmp_path / "export")
    kga.GANAugmentation(known_generator(), num_classes=3).export(generator)
    if filtered:
        generator = kga.FilteredGenerator(generator, classifier(shape=KNOWN_SHAPE), candidates=2)
    model = augmented(generator, KNOWN_SHAPE)
    model.save(tmp_path / "model.keras")
    with pytest.raises(Exception, match=r"`safe_mode` must be False .*safe_mode=False"):
        keras.models.load_model(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_allclose(images_of(loaded), images_of(model), atol=1e-6)


def test_a_file_of_before_needs_safe_mode_off(tmp_path, monkeypatch):
    model = augmented(small_gan())
    with monkeypatch.context() as before:  # a GAN travelled as a SavedModel
        before.setattr(assets, "write", lambda generator, folder: generator.export(folder))
        model.save(tmp_path / "before.keras")
    with pytest.raises(Exception, match="safe_mode=False"):
        keras.models.load_model(tmp_path / "before.keras")
    loaded = keras.models.load_model(tmp_path / "before.keras", safe_mode=False)
    np.testing.assert_allclose(images_of(loaded), images_of(model), atol=1e-3)


@pytest.mark.parametrize("filtered", [False, True])
def test_a_lambda_within_a_generator_is_refused_in_safe_mode(tmp_path, filtered):
    function = keras.layers.Lambda(lambda x: x * 1.0, output_shape=lambda shape: shape)
    if filtered:
        generator = kga.FilteredGenerator(small_gan(), classifier(function), candidates=2)
    else:
        inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
        generator = keras.Model(inputs, function(known_generator()(inputs)))
    model = augmented(generator, SHAPE if filtered else KNOWN_SHAPE)
    model.save(tmp_path / "model.keras")
    with pytest.raises(Exception, match="safe_mode=False"):
        keras.models.load_model(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_allclose(images_of(loaded), images_of(model), atol=1e-3)


class Own(keras.layers.Layer):
    """A layer of the user's that is not registered."""

    def call(self, x):
        return x

    def compute_output_shape(self, shape):
        return shape


def test_custom_objects_reach_the_generator(tmp_path):
    inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
    model = augmented(keras.Model(inputs, Own()(known_generator()(inputs))), KNOWN_SHAPE)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Own": Own})
    np.testing.assert_array_equal(images_of(loaded), images_of(model))


class WithoutConfig(Own):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def get_config(self):
        raise NotImplementedError("no config")


def test_one_without_a_config_is_saved_as_a_saved_model_and_told(tmp_path):
    inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
    model = augmented(keras.Model(inputs, WithoutConfig(1)(known_generator()(inputs))), KNOWN_SHAPE)
    with pytest.warns(UserWarning, match="safe_mode=False.*Received"):
        model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_allclose(images_of(loaded), images_of(model), atol=1e-6)


def test_a_gan_compiled_with_what_cannot_be_loaded_travels(tmp_path):
    gan = small_gan()
    gan.compile(augment=lambda images, seed: images)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(safe_mode|augment)")
        augmented(gan).save(tmp_path / "model.keras")
    np.testing.assert_allclose(
        images_of(keras.models.load_model(tmp_path / "model.keras")), images_of(augmented(gan)), atol=1e-3
    )


def test_a_file_of_version_0_1_still_loads():
    """Whose config holds the description alone, with a token, and a filtered GAN in its assets."""
    folder = Path(__file__).parents[1] / "fixtures" / ("keras_3" if _compat.KERAS_3 else "keras_2")
    augmentation = keras.models.load_model(folder / "augmented.keras").augmentation
    assert type(augmentation.replacement.generator) is kga.FilteredGenerator
    augmentation.calls.assign(0)
    images, labels = augmentation(tf.zeros([6, 4, 4, 1]), tf.zeros([6], tf.int32), training=True)
    with np.load(folder / "augmented.npz") as before:
        np.testing.assert_allclose(images, before["images"], atol=1e-3)
        np.testing.assert_array_equal(labels, before["labels"])


def test_a_file_without_its_generator_says_so(tmp_path, saved):
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(tmp_path / "without.keras", "w") as new:
        for name in old.namelist():
            if "generator" not in name:
                new.writestr(name, old.read(name))
        for n in range(3):
            new.writestr(f"assets/{n}", "")
    with pytest.raises(ValueError, match="must hold its generator"):
        keras.models.load_model(tmp_path / "without.keras")


def test_a_generator_that_is_not_as_told_is_refused(tmp_path, saved):
    with_config(saved, tmp_path / "other.keras", lambda generator: generator.update(num_classes=7))
    with pytest.raises(ValueError, match="must have the num_classes of the file's config, 7"):
        keras.models.load_model(tmp_path / "other.keras")


@keras.saving.register_keras_serializable(package="tests")
class AsksForSafeMode(keras.layers.Layer):
    said = []

    @classmethod
    def from_config(cls, config):
        cls.said.append((_compat.safe_mode(), sorted(_compat.custom_objects())))
        return cls(**config)

    def call(self, x):
        return x


def test_safe_mode_is_what_the_loading_was_told(tmp_path):
    assert _compat.safe_mode()
    inner = classifier(AsksForSafeMode())
    keras.Sequential([keras.layers.Input(SHAPE), inner]).save(tmp_path / "model.keras")
    AsksForSafeMode.said.clear()
    for safe in (True, False):
        keras.models.load_model(tmp_path / "model.keras", custom_objects={"Own": Own}, safe_mode=safe)
    assert AsksForSafeMode.said == [(True, ["Own"]), (False, ["Own"])]
    assert _compat.safe_mode()


@pytest.mark.parametrize("content", ["{", "[]", '{"object": {}}'])
def test_a_broken_description_is_told(tmp_path, content):
    (tmp_path / "generator.json").write_text(content)
    with pytest.raises(ValueError, match=r"A generator in a file must be described .*Received"):
        assets.read(str(tmp_path), safe_mode=True)
    with pytest.raises(ValueError, match="must hold its generator"):
        assets.read(None, safe_mode=True)
