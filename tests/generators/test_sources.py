"""What a generator may be: what is refused, what is told, and what it says of itself."""

import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import known_generator, small_gan

import keras_ganaug as kga
from keras_ganaug.generators import AveragedGAN, as_generator, export
from keras_ganaug.generators.bank import SampleBank
from keras_ganaug.generators.controls import Shuffled
from keras_ganaug.generators.generator import checked

SHAPE = (8, 8, 1)


# Paths that hold no generator.


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder with a generator as `gan.keras` and as the SavedModel `export`."""
    folder = tmp_path_factory.mktemp("stored")
    gan = small_gan()
    gan.save(folder / "gan.keras")
    gan.export(folder / "export")
    return folder


def _broken_saved_model(path, stored):
    shutil.copytree(stored / "export", path)
    (path / "saved_model.pb").write_bytes((path / "saved_model.pb").read_bytes()[:100])


def _broken_metadata(path, stored):
    shutil.copytree(stored / "export", path)
    (path / export.METADATA_FILE).write_text('{"image_shape": [8, 8')


def _truncated(path, stored):
    path.write_bytes((stored / "gan.keras").read_bytes()[:-500])


def _damaged(path, stored):
    """Whole by its table of contents, but not inside."""
    content = bytearray((stored / "gan.keras").read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)


def _foreign_zip(path, stored):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "no model")


def _foreign_saved_model(path, stored):
    tf.saved_model.save(tf.Module(), str(path))


def _classifier(path, stored):
    keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(2)]).save(path)


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("missing.keras", None, "which does not exist"),
        ("missing", None, "which does not exist"),
        ("truncated.keras", _truncated, "a broken file"),
        ("empty.keras", lambda path, _: path.write_bytes(b""), "a broken file"),
        ("damaged.keras", _damaged, "which Keras cannot load"),
        ("foreign.keras", _foreign_zip, "a zip archive that Keras did not write"),
        ("hdf5.keras", lambda path, _: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "in fact an HDF5 file"),
        ("classifier.keras", _classifier, "a model that is not a generator"),
        ("model.h5", lambda path, _: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "an HDF5 file.*`.keras`"),
        ("notes.txt", lambda path, _: path.write_text("no model"), "neither of the two"),
        ("saved_model.pb", lambda path, _: path.write_text("no model"), "pass the folder that it is in"),
        ("folder", lambda path, _: path.mkdir(), "a folder with neither a SavedModel"),
        ("foreign", _foreign_saved_model, "keras_ganaug did not write"),
        ("broken", _broken_saved_model, "that TensorFlow cannot load"),
        ("metadata", _broken_metadata, "a broken .*keras_ganaug.json"),
    ],
)
def test_each_path_without_a_generator_has_its_own_error(tmp_path, stored, name, make, why):
    if make is not None:
        make(tmp_path / name, stored)
    with pytest.raises(ValueError, match=rf"(?s)`generator` must be .*(Received: .*{why}|{why}.*Received)"):
        kga.gan_augment(tmp_path / name)


def test_an_unknown_file_system_is_told():
    with pytest.raises(ValueError, match=r"`generator` must be .*nowhere://bucket.*cannot be read"):
        kga.GANAugmentation("nowhere://bucket/model.keras")


def test_the_cause_is_told_too(tmp_path, stored):
    _broken_saved_model(tmp_path / "export", stored)
    with pytest.raises(ValueError, match="TensorFlow cannot load") as caught:
        kga.GANAugmentation(tmp_path / "export")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("name", ["export", "gan.keras"])
def test_generators_of_remote_folders(stored, name):
    for file in (file for file in [stored / name, *(stored / name).rglob("*")] if file.is_file()):
        copy = f"ram://stored/{file.relative_to(stored).as_posix()}"
        tf.io.gfile.makedirs(copy.rpartition("/")[0])
        tf.io.gfile.copy(str(file), copy, overwrite=True)
    source = checked(f"ram://stored/{name}")
    assert source.path == f"ram://stored/{name}"
    assert source.num_classes == 3
    here = checked(stored / name)
    labels, seed = tf.constant([1, 2]), tf.constant([7, 0])
    np.testing.assert_allclose(source.sample(labels, seed), here.sample(labels, seed), atol=1e-3)


# A generator that diverged.


@pytest.fixture(scope="module")
def diverged():
    gan = small_gan()
    gan.ema_generator.set_weights([np.full_like(weight, np.nan) for weight in gan.ema_generator.get_weights()])
    return gan


@pytest.mark.parametrize(
    "use",
    [
        kga.GANAugmentation,
        kga.gan_augment,
        lambda gan: kga.gan_augment(gan, engine="live"),
        lambda gan: SampleBank(as_generator(gan), (0, 255), 1.0, tf.constant([1, 2])).images,
        lambda gan: gan.export("never_written"),
    ],
)
def test_nothing_is_made_of_a_generator_that_diverged(tmp_path, monkeypatch, diverged, use):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"`generator` must give finite images.*Received: .* NaN"):
        use(diverged)
    assert not list(tmp_path.iterdir())


def test_nothing_is_made_of_one_class_that_diverged():
    inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
    embedded = keras.layers.Embedding(3, 64)
    model = keras.Model(inputs, keras.layers.Reshape(SHAPE)(embedded(inputs[1])))
    table = embedded.get_weights()[0]
    table[2, 5] = np.inf
    embedded.set_weights([table])
    with pytest.raises(ValueError, match="Received: 1 of 3 images"):
        kga.GANAugmentation(model, num_classes=3)


def test_a_diverged_export_and_a_file_are_told(tmp_path, monkeypatch, diverged):
    with monkeypatch.context() as unchecked:
        unchecked.setattr("keras_ganaug._watch.check_generator", lambda generator: None)
        diverged.export(tmp_path / "export")
        model = keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)])
        kga.AugmentedModel(model, kga.GANAugmentation(diverged)).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`generator` must give finite images"):
        kga.GANAugmentation(tmp_path / "export")
    with pytest.warns(UserWarning, match="`generator` must give finite images"):  # the classifier may be a good one
        keras.models.load_model(tmp_path / "model.keras")


def test_a_bank_keeps_its_samples_where_the_new_ones_are_not_finite():
    gan = small_gan()
    bank = SampleBank(checked(gan), (0, 255), 1.0, tf.constant([1, 2]), 12)
    before = bank.images.numpy()
    gan.ema_generator.set_weights([np.full_like(weight, np.inf) for weight in gan.ema_generator.get_weights()])
    with pytest.raises(ValueError, match="`generator` must give finite images"):
        bank.refresh()
    np.testing.assert_array_equal(bank.images, before)


# Classes that it has not seen.


def _with_unseen(gan, classes):
    """The source of a GAN that has seen no image of some classes."""
    source = AveragedGAN(gan)
    source.unseen_classes = classes
    return source


def test_a_single_class_has_no_wrong_labels():
    with pytest.raises(ValueError, match=r"`generator` must make at least two classes.*Received: 1, \[0\]"):
        Shuffled(as_generator(small_gan(num_classes=1)))


def test_unseen_classes_go_everywhere_the_generator_goes(tmp_path):
    gan = small_gan()
    assert checked(gan).unseen_classes == ()
    source = _with_unseen(gan, (1,))
    classifier = keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)])
    filtered = kga.FilteredGenerator(source, classifier, candidates=2)
    assert Shuffled(filtered).unseen_classes == (1,)
    layer = kga.GANAugmentation(filtered, 0.5)
    layer.export(tmp_path / "export")
    assert checked(tmp_path / "export").unseen_classes == (1,)
    copy = kga.GANAugmentation.from_config(layer.get_config())
    assert copy.replacement.generator.unseen_classes == (1,)
    absent = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert absent.replacement.generator.unseen_classes == (1,)
    kga.AugmentedModel(classifier, layer).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").augmentation
    assert loaded.replacement.generator.unseen_classes == (1,)


def test_the_gan_tells_which_classes_it_has_not_seen(tmp_path):
    class Tells(kga.SNGAN):
        told = None
        unseen_classes = property(lambda self: () if self.told is None else tuple(self.told.numpy().tolist()))

    gan = small_gan(cls=Tells)
    gan.told = tf.Variable([2])
    assert checked(gan).unseen_classes == (2,)
    in_graph = []
    tf.function(lambda: in_graph.append(checked(gan).unseen_classes))()
    assert in_graph == [(2,)]
    gan.export(tmp_path / "export")
    assert checked(tmp_path / "export").unseen_classes == (2,)
    # An export of before tells nothing.
    file = tmp_path / "export" / export.METADATA_FILE
    metadata = json.loads(file.read_text())
    del metadata["unseen_classes"]
    file.write_text(json.dumps(metadata))
    assert checked(tmp_path / "export").unseen_classes == ()


# The bank.


def test_a_bank_is_refreshed_without_tracing_anew():
    source = checked(known_generator(), 10)
    traced = []
    sample = source.sample

    def counted(labels, seed, truncation=1.0):
        traced.append(tf.executing_eagerly())
        return sample(labels, seed, truncation)

    source.sample = counted
    augment = kga.gan_augment(source, 0.5, bank_size=600, seed=1)  # in three chunks
    banks = [augment._bank.images.numpy()]
    traced.clear()
    for _ in range(3):
        augment.refresh()
        banks.append(augment._bank.images.numpy())
    assert not traced
    assert len({bank.tobytes() for bank in banks}) == 4


def test_a_refreshed_bank_has_the_weights_of_now():
    gan = small_gan()
    bank = SampleBank(checked(gan), (0, 255), 1.0, tf.constant([1, 2]), 12)
    gan.ema_generator.set_weights([np.zeros_like(weight) for weight in gan.ema_generator.get_weights()])
    bank.refresh()
    np.testing.assert_allclose(bank.images, 127.5)
