"""ONNX and LiteRT files, run by the runtimes of these formats."""

import functools
import inspect
import json
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import known_generator, label_of, noise_of, public, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat, _random, layers
from keras_ganaug.generators import ClassMixture, FilteredGenerator, as_generator

onnxruntime = pytest.importorskip("onnxruntime", reason="of the extra [exports]")
litert = pytest.importorskip("ai_edge_litert.interpreter", reason="of the extra [exports]")
pytest.importorskip("tf2onnx", reason="of the extra [exports]")

FORMATS = ("onnx", "tflite")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "exports.md"
SHAPE, SEED, LABELS = (8, 8, 1), (7, 0), np.array([0, 2, 1, 2, 0], "int32")
FAMILIES = {  # of networks, and a GAN that has them
    "dcgan": kga.GAN,
    "autoencoder": kga.BEGAN,
    "resnet": kga.SAGAN,
    "resnext": kga.R3GAN,
    "progressive": kga.ProgressiveGAN,
    "style": kga.StyleGAN,
    "translation": kga.StarGAN,
}


def run(path, given):
    """The outputs of a file by their names."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        assert {value.name for value in session.get_inputs()} == {*given}
        return dict(zip([value.name for value in session.get_outputs()], session.run(None, given), strict=True))
    runner = litert.Interpreter(str(path)).get_signature_runner()
    assert {*runner.get_input_details()} == {*given}
    return runner(**given)


def check(path, given, expected, output="images", scale=255.0):
    """Checks a file on a batch and on a single row."""
    np.testing.assert_allclose(run(path, given)[output], expected, atol=1e-4 * scale, rtol=0)
    one = run(path, {name: values[:1] for name, values in given.items()})
    np.testing.assert_allclose(one[output], expected[:1], atol=1e-4 * scale, rtol=0)


def normal(seed, length, number=len(LABELS)):
    return _random.normal([number, length], tf.constant(seed)).numpy()


def noise_in(network, latents):
    """The numbers that the layers of noise of a network draw for these latents, side by side."""
    seeds = layers.SeedOfLatents()(latents)
    found = sorted((layer for layer in network.layers if isinstance(layer, layers.NoiseInjection)), key=lambda x: x.index)
    sizes = [int(np.prod(layer.output.shape[1:3])) for layer in found]
    return np.concatenate([_random.normal_rows(seeds, size, n) for n, size in enumerate(sizes)], axis=1)


def filtered_gan(candidates):
    classifier = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)])
    return FilteredGenerator(small_gan(), classifier, candidates=candidates)


@pytest.mark.parametrize("family", FAMILIES)
def test_files_give_what_the_gan_gives(family, tmp_path):
    shape = (4, 4, 1) if family in ("style", "translation") else SHAPE  # whose conversion takes longest
    networks = {}
    if family in ("style", "translation"):
        smaller = {"depth": 1} if family == "style" else {"blocks": 0}
        networks["generator"] = getattr(kga.networks, family).generator(shape, 3, 6, 2, 1, **smaller)
    gan = FAMILIES[family](shape, 3, width=2, latent_dim=6, seed=1, **networks)
    rng = np.random.default_rng(0)
    for variable in gan.sampling_variables:  # those that are 0 at first too
        variable.assign(variable + tf.cast(abs(rng.normal(0, 0.05, variable.shape)), variable.dtype))
    given = {"latents": normal(SEED, 6), "labels": LABELS}
    if family == "translation":
        given["images"] = rng.uniform(0, 255, [len(LABELS), *shape]).astype("float32")
        output, expected = "translations", gan.translate(given["images"], LABELS, seed=SEED)
    else:
        output, expected = "images", gan.generate(LABELS, seed=SEED)
    if family == "style":
        given["noise"] = noise_in(gan.ema_generator.get_layer("synthesis"), given["latents"])
    assert expected.std(0).min() > 1e-3
    if family == "style":  # a SavedModel has the same inputs, and gives them on
        gan.export(tmp_path / "gan")
        signature = tf.saved_model.load(str(tmp_path / "gan")).signatures["from_latents"]
        made = signature(**{name: tf.constant(value) for name, value in given.items()})["images"]
        np.testing.assert_allclose(made, expected, atol=1e-2)
        gan = as_generator(tmp_path / "gan")
    for format in FORMATS:
        if format == "tflite" and family == "translation" and not _compat.KERAS_3:
            continue  # which TensorFlow 2.15 converts to what does not run
        path = tmp_path / f"generator.{format}"
        gan.export(path, format=format)
        check(path, given, expected, output)


def test_all_families_are_tested():
    def family(cls):
        return re.search(r"networks\.(\w+)\.generator\(", inspect.getsource(cls.build_generator))[1]

    classes = [*public(kga.GAN).values(), kga.StarGAN]
    assert {family(cls) for cls in classes} == {*FAMILIES} == {family(cls) for cls in FAMILIES.values()}


def test_an_onnx_file_tells_its_class_names(tmp_path):
    gan = kga.GAN(SHAPE, 3, width=2, latent_dim=6, seed=1, class_names=["ant", "bee", "cat"])
    gan.export(tmp_path / "generator.onnx", format="onnx")
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    found = {name: json.loads(value) for name, value in session.get_modelmeta().custom_metadata_map.items()}
    assert found == json.loads(json.dumps(gan.averaged.description))
    assert found["class_names"] == ["ant", "bee", "cat"]


def test_labels_of_several_attributes(tmp_path):
    gan = kga.GAN(SHAPE, {"a": 3, "b": 2}, width=2, latent_dim=6, seed=1)
    labels = np.stack([LABELS, LABELS % 2], 1)
    gan.export(tmp_path / "generator.onnx", format="onnx")
    check(tmp_path / "generator.onnx", {"latents": normal(SEED, 6), "labels": labels}, gan.generate(labels, seed=SEED))


def test_of_generators_of_generators(tmp_path):
    """Of each kind, in one union: filtered, a mixture per class with its constants, and a SavedModel."""
    small_gan().export(tmp_path / "gan")
    mixture = ClassMixture(*small_data(60), mixtures=2, components=6)
    union = kga.GeneratorUnion([filtered_gan(2), mixture, tmp_path / "gan"], [{0: 0, 1: 1}, {2: 1}, {0: 2}])
    assert union.latent_dim == 9
    given = {"latents": normal((1, 2), 9), "labels": LABELS}
    expected = union.from_latents(*map(tf.constant, given.values())).numpy()
    kga.GANAugmentation(union, 0.5).export(tmp_path / "union.onnx", "onnx")
    check(tmp_path / "union.onnx", given, expected)


def test_latents_are_the_numbers_that_samples_are_made_of(tmp_path):
    labels, seed = tf.constant(LABELS), tf.constant(SEED)
    gan = small_gan()
    gan.export(tmp_path / "gan")
    for generator in (gan.averaged, as_generator(tmp_path / "gan")):
        np.testing.assert_allclose(
            generator.from_latents(tf.constant(normal(SEED, 4)), labels), generator.sample(labels, seed), atol=1e-3
        )
    filtered = filtered_gan(3)
    latents = np.concatenate([normal(_random.fold(seed, candidate), 4) for candidate in range(3)], 1)
    np.testing.assert_allclose(filtered.from_latents(tf.constant(latents), labels), filtered.sample(labels, seed), atol=1e-3)
    mixture = ClassMixture(*small_data(60), mixtures=2)
    position = _random.uniform([len(LABELS)], _random.fold(seed, 1))
    latents = [normal(_random.fold(seed, 0), mixture.latent_dim - 1), tf.math.ndtri(position)[:, None]]
    np.testing.assert_allclose(mixture.from_latents(tf.concat(latents, 1), labels), mixture.sample(labels, seed), atol=1e-3)


def test_a_union_deals_by_its_last_latent():
    union = kga.GeneratorUnion([known_generator(4), known_generator(3)], [{5: 0, 6: 1}, {7: 0, 8: 2}])
    labels = np.resize(np.arange(3), 3000)
    latents = np.random.default_rng(0).normal(size=[3000, union.latent_dim]).astype("float32")
    images = union.from_latents(tf.constant(latents), tf.constant(labels, tf.int32))
    np.testing.assert_allclose(noise_of(images), latents[:, 0] / (1 + abs(latents[:, 0])), rtol=1e-5)
    own = label_of(images)
    np.testing.assert_array_equal(own[labels == 1], 6)
    np.testing.assert_array_equal(own[labels == 2], 8)
    np.testing.assert_array_equal(own[labels == 0], np.where(latents[labels == 0, -1] < 0, 5, 7))


def test_augmented_classifiers(tmp_path):
    photo, meta = keras.Input(SHAPE, name="photo"), keras.Input((3,), name="meta")
    x = keras.layers.Concatenate()([keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(photo)), meta])
    both = keras.Model({"photo": photo, "meta": meta}, [keras.layers.Dense(2)(x), keras.layers.Dense(1)(x)])
    images = np.random.default_rng(0).uniform(0, 255, [4, *SHAPE]).astype("float32")
    given = {"photo": images, "meta": images[:, 0, :3, 0]}
    augmented = kga.AugmentedModel(both, kga.GANAugmentation(small_gan(), 0.5, image_key="photo"))
    for format in FORMATS:
        path = tmp_path / f"classifier.{format}"
        augmented.export(path, format=format)
        for place, expected in enumerate(both.predict_on_batch(given)):
            check(path, given, expected, f"output_{place}", scale=1.0)
    path, one = tmp_path / "classifier.onnx", {"photo": images}
    row = keras.Sequential([keras.Input(SHAPE, name="photo"), keras.layers.Flatten(), keras.layers.Dense(2)])
    kga.AugmentedModel(row, kga.GANAugmentation(small_gan(), 0.5)).export(path, format="onnx")
    check(path, one, row.predict_on_batch(images), "output_0", scale=1.0)
    if _compat.KERAS_3:  # with the layer in it, by Keras itself
        photo = keras.Input(SHAPE, name="photo")
        inside = keras.Model(photo, row(kga.GANAugmentation(small_gan(num_classes=None), 0.5)(photo)))
        expected = inside.predict_on_batch(images)
        inside.export(str(path), format="onnx", verbose=False)
        (outputs,) = run(path, one).values()
        np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_what_a_format_cannot_hold_is_told(tmp_path, monkeypatch):
    def odd(function):
        latents = keras.Input((64,))
        images = keras.layers.Reshape(SHAPE)(keras.layers.Lambda(function, output_shape=(64,))(latents))
        return as_generator(keras.Model(latents, images))

    def special(x):
        return tf.math.bessel_i0e(tf.math.erfinv(x / 9))

    def half(x):
        return tf.cast(tf.bitcast(tf.cast(x, tf.bfloat16), tf.int16), tf.float32)

    with pytest.raises(ValueError, match=r"ONNX cannot represent: it has no BesselI0e, Erfinv\. Received: format='onnx'"):
        odd(special).export(tmp_path / "odd", "onnx")
    with pytest.raises(ValueError, match=r"LiteRT cannot represent: it has no .*Erfinv\. Received: format='tflite'"):
        odd(special).export(tmp_path / "odd", "tflite")
    with pytest.raises(ValueError, match=r"ONNX cannot represent: it has few operations in bfloat16, which mixed precision"):
        odd(half).export(tmp_path / "odd", "onnx")
    attributes = kga.GANAugmentation(kga.GAN(SHAPE, {"a": 3, "b": 2}, width=2, seed=1), 0.5)
    with pytest.raises(ValueError, match=r"export the GAN itself.*OneAttribute"):
        attributes.export(tmp_path / "odd", "onnx")
    gan = small_gan()
    with pytest.raises(
        ValueError, match=r"`format` must be one of \['onnx', 'saved_model', 'tflite'\]. Received: format='h5'"
    ):
        gan.export(tmp_path / "odd", "h5")
    with pytest.raises(ValueError, match=r"`path` must be a file to write.*which is a folder"):
        gan.export(tmp_path, "tflite")
    subclassed = type("Subclassed", (keras.Model,), {"call": lambda self, x: x})()
    with pytest.raises(ValueError, match=r"`model` must be built from `keras\.Input`s"):
        kga.AugmentedModel(subclassed, kga.GANAugmentation(gan, 0.5)).export(tmp_path / "odd", "onnx")
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"format='onnx' needs tf2onnx.*keras_ganaug\[exports\]"):
        gan.export(tmp_path / "odd", "onnx")
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not PAGE.exists(), reason="the package is installed without its documentation")
def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kga, "SNGAN", functools.partial(small_gan, cls=kga.SNGAN))
    names = {}
    for block in blocks:
        exec(block.replace("(2, 128)", "(2, 4)"), names)
    np.testing.assert_allclose(names["of_onnx"], names["of_litert"], atol=0.02)
    assert names["of_tensorflow"].shape == names["of_onnx"].shape == (2, 8, 8, 1)
