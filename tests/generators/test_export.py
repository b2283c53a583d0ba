"""SavedModels, run by an interpreter that has neither this package nor a Keras model."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf
from tools import small_gan

import keras_ganaug as kga
from keras_ganaug.generators import export

ALONE = """
import sys, tensorflow as tf, numpy as np
assert not any(name.split(".")[0] == "keras_ganaug" for name in sys.modules)
path, out = sys.argv[1:]
seed, labels = tf.constant([7, 0]), tf.constant([0, 1, 2, 1])
result = {"generate": tf.saved_model.load(path).generate(labels, seed).numpy()}  # in one expression
loaded = tf.saved_model.load(path)
result["signature"] = loaded.signatures["serving_default"](labels=labels, seed=seed)["images"].numpy()
images, new_labels = loaded.augment(tf.fill([4, 8, 8, 1], 5.0), labels, seed)
data = tf.data.Dataset.from_tensor_slices((np.zeros([8, 8, 8, 1], "float32"), np.arange(8) % 3)).batch(4)
seeds = tf.data.Dataset.random(seed=1, rerandomize_each_iteration=True).batch(2)
data = tf.data.Dataset.zip((data, seeds)).map(
    lambda pair, seed: loaded.augment(pair[0], tf.cast(pair[1], tf.int32), tf.bitcast(tf.cast(seed, tf.uint32), tf.int32)))
result["changed"] = [int((x.numpy() != 0).any((1, 2, 3)).sum()) for x, _ in data]
np.savez(out, images=images, labels=new_labels, **result)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    gan = small_gan()
    path = tmp_path_factory.mktemp("exported")
    layer = kga.GANAugmentation(gan, 0.5, {2: 1.0}, seed=1)
    layer.export(path / "model")
    script = path / "alone.py"
    script.write_text(ALONE)
    subprocess.run([sys.executable, script, path / "model", path / "out.npz"], check=True, cwd=path)
    return gan, np.load(path / "out.npz")


def test_generate_alone_gives_what_the_gan_gives(exported):
    gan, out = exported
    expected = gan.generate([0, 1, 2, 1], seed=7)
    np.testing.assert_allclose(out["generate"], expected, atol=1e-3)
    np.testing.assert_allclose(out["signature"], expected, atol=1e-3)


def test_augment_alone_replaces_rows(exported):
    _, out = exported
    rows = np.flatnonzero((out["images"] != 5).any((1, 2, 3)))
    assert len(rows) == 2
    np.testing.assert_array_equal(out["labels"][rows], 2)
    np.testing.assert_array_equal(np.delete(out["labels"], rows), np.delete([0, 1, 2, 1], rows))
    np.testing.assert_array_equal(out["changed"], [2, 2])


def test_an_export_of_an_export(tmp_path):
    gan = small_gan()
    gan.export(tmp_path / "first")
    kga.GANAugmentation(str(tmp_path / "first")).export(tmp_path / "second")
    for name in ("first", "second"):
        images = tf.saved_model.load(str(tmp_path / name)).generate(tf.constant([1]), tf.constant([7, 0]))
        np.testing.assert_allclose(images, gan.generate([1], seed=7), atol=1e-3)


def test_the_export_holds_the_generator_alone(tmp_path):
    gan = small_gan()
    gan.compile()
    gan.export(tmp_path / "model")
    saved = tf.train.list_variables(str(tmp_path / "model" / "variables" / "variables"))
    numbers = sum(int(np.prod(shape)) for name, shape in saved if "VARIABLE_VALUE" in name)
    assert numbers == gan.ema_generator.count_params()


def test_labels_out_of_range_are_an_error(tmp_path):
    gan = small_gan()
    kga.GANAugmentation(gan, 0.5).export(tmp_path / "model")
    loaded, seed, none = tf.saved_model.load(str(tmp_path / "model")), tf.constant([7, 0]), tf.zeros([0], tf.int32)
    for wrong in ([3], [0, -1], [99, 1]):
        labels = tf.constant(wrong)
        calls = [
            lambda labels=labels: loaded.generate(labels, seed),
            lambda labels=labels: loaded.generate_truncated(labels, seed, tf.constant(1.0)),
            lambda labels=labels: loaded.signatures["serving_default"](labels=labels, seed=seed),
            lambda labels=labels: loaded.augment(tf.zeros([len(labels), 8, 8, 1]), labels, seed),
        ]
        for call in calls:
            with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` must be class indices from 0 to 2"):
                call()
    assert loaded.generate(none, seed).shape[0] == 0
    compiled = tf.function(lambda labels: loaded.generate(labels, seed), jit_compile=True)  # XLA leaves the check out
    np.testing.assert_allclose(compiled(tf.constant([0, 2])), gan.generate([0, 2], seed=7), atol=0.05)


def test_a_killed_export_leaves_the_old_one(tmp_path, monkeypatch):
    old, new = small_gan(seed=1), small_gan(seed=2)
    path = tmp_path / "model"
    old.export(path)
    (path / "README.md").write_text("mine")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    save = tf.saved_model.save

    def killed(root, folder, **options):
        save(root, folder, **options)
        raise KeyboardInterrupt

    def killed_before(path, content):
        raise KeyboardInterrupt

    for module, name, kill in ((tf.saved_model, "save", killed), (export._files, "write", killed_before)):
        with monkeypatch.context() as killing:
            killing.setattr(module, name, kill)
            with pytest.raises(KeyboardInterrupt):
                new.export(path)
        assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before
        assert [file.name for file in tmp_path.iterdir()] == ["model"]
    new.export(path)
    images = tf.saved_model.load(str(path)).generate(tf.constant([1]), tf.constant([7, 0]))
    np.testing.assert_allclose(images, new.generate([1], seed=7), atol=1e-3)
    assert (path / "README.md").read_text() == "mine"


def test_an_export_converts_to_litert(tmp_path):
    """By a user too, without `format="tflite"`."""
    gan = small_gan(num_classes=None)
    gan.export(tmp_path / "model")
    latents = np.random.default_rng(0).normal(size=[1, gan.latent_dim]).astype("float32")
    images = tf.saved_model.load(str(tmp_path / "model")).signatures["from_latents"](latents=tf.constant(latents))["images"]
    np.testing.assert_allclose(images, (gan.ema_generator(latents).numpy() + 1) * 127.5, atol=1e-2)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model"), signature_keys=["from_latents"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own interpreter is on its way out
        run = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner("from_latents")
    np.testing.assert_allclose(run(latents=latents)["images"], images, atol=1e-2)


def test_an_export_into_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    small_gan().export("~/model")
    assert (tmp_path / "model" / "saved_model.pb").exists()
    assert kga.GANAugmentation("~/model").replacement.generator.num_classes == 3


def test_an_export_into_a_remote_folder():
    gan = small_gan()
    gan.export("ram://exports/model")
    images = tf.saved_model.load("ram://exports/model").generate(tf.constant([1]), tf.constant([7, 0]))
    np.testing.assert_allclose(images, gan.generate([1], seed=7), atol=1e-3)
    assert export.metadata("ram://exports/model")["num_classes"] == 3
