"""One set of tests for all generators: what the protocol promises of each."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import known_generator, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug.generators import (
    ClassMixture,
    FilteredGenerator,
    Generator,
    OneAttribute,
    Translations,
    as_generator,
    controls,
)
from keras_ganaug.generators.averaged_gan import AveragedTranslator
from keras_ganaug.generators.generator import DescribedGenerator

SHAPE, SEED = (8, 8, 1), tf.constant([3, 4])


def saved(folder):
    small_gan().save(folder / "gan.keras")
    return folder / "gan.keras"


def exported(folder):
    small_gan().export(folder / "export")
    return folder / "export"


def of_attributes(folder=None):
    return kga.SNGAN(SHAPE, {"garment": 3, "style": 2}, latent_dim=4, width=4, seed=1)


def filtered(folder):
    classifier = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)])
    return FilteredGenerator(small_gan(), classifier, candidates=2)


KINDS = {
    "GAN": lambda folder: small_gan(),
    "GAN without classes": lambda folder: small_gan(num_classes=None),
    "GAN of attributes": of_attributes,
    "Keras model": lambda folder: as_generator(known_generator(), 3),
    "Keras file": saved,
    "SavedModel": exported,
    "filtered": filtered,
    "one attribute": lambda folder: OneAttribute(of_attributes(), attributes={"style": [1, 3]}),
    "union": lambda folder: kga.GeneratorUnion([small_gan(), exported(folder)], [{0: 0, 1: 1}, {0: 1, 2: 2}]),
    "union of one": lambda folder: kga.GeneratorUnion([small_gan()], [{0: 2, 1: 1, 2: 0}]),
    "mixture per class": lambda folder: ClassMixture(*small_data(60), mixtures=2),
    "real images": lambda folder: controls.Pool(*small_data(60), 3, (0.0, 255.0)),
    "wrong labels": lambda folder: controls.Shuffled(as_generator(small_gan())),
}


@pytest.fixture(scope="module")
def generators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generators")
    return {name: as_generator(make(folder)) for name, make in KINDS.items()}


@pytest.fixture(params=KINDS)
def generator(request, generators):
    return generators[request.param]


def labels_for(generator, n=6):
    """Labels that differ from row to row."""
    columns = [np.resize(np.arange(size), n) for size in generator.condition.sizes] or [np.zeros(n, int)]
    return tf.constant(np.stack(columns, 1).reshape(n, *generator.condition.label_shape), tf.int32)


def close(generator, images, others):
    np.testing.assert_allclose(images, others, atol=1e-3 * np.ptp(generator.value_range))


def test_there_is_one_of_each_class(generators):
    def subclasses(cls):
        return {cls}.union(*map(subclasses, cls.__subclasses__())) - {Generator, DescribedGenerator}

    classes = {cls for cls in subclasses(Generator) if cls.__module__.startswith("keras_ganaug.")}
    translating = {AveragedTranslator, Translations}  # of test_translations.py
    assert classes - translating <= {type(generator) for generator in generators.values()}


@pytest.mark.usefixtures("eager")
def test_its_samples(generator):
    labels = labels_for(generator)
    images = generator.sample(labels, SEED).numpy()
    assert images.dtype == np.float32
    assert images.shape == (6, *generator.image_shape)
    low, high = generator.value_range
    assert low <= images.min() < images.max() <= high
    np.testing.assert_array_equal(images, generator.sample(labels, SEED))
    assert (images != generator.sample(labels, SEED + 1).numpy()).any()
    assert generator.sample(labels, SEED, tf.constant(0.5)).shape == images.shape
    close(generator, images, generator.generate(labels if generator.condition.sizes else 6, seed=(3, 4)))
    close(generator, images[:3], generator.sample(labels[:3], SEED))  # whatever else is in the batch
    assert generator.sample(labels[:0], SEED).shape == (0, *generator.image_shape)


def test_they_are_the_same_with_xla(generator):
    labels = labels_for(generator)
    compiled = tf.function(generator.sample, jit_compile=True, autograph=False)
    close(generator, compiled(labels, SEED), generator.sample(labels, SEED))


def test_it_is_exported(generator, tmp_path):
    labels = labels_for(generator)
    generator.export(tmp_path / "export")
    again = as_generator(tmp_path / "export")
    assert again.description == generator.description
    close(generator, again.sample(labels, SEED), generator.sample(labels, SEED))
    alone = tf.saved_model.load(str(tmp_path / "export"))
    close(generator, alone.generate(labels, SEED), generator.sample(labels, SEED))


@pytest.mark.usefixtures("eager")
def test_it_makes_images_of_latents(generator):
    if generator.latent_dim is None:
        pytest.skip("it draws them itself")
    latents = tf.constant(np.random.default_rng(0).normal(size=[6, generator.latent_dim]), tf.float32)
    images, labels = generator.from_latents(latents, labels_for(generator)), labels_for(generator)
    assert images.shape == (6, *generator.image_shape)
    close(generator, images[2:], generator.from_latents(latents[2:], labels[2:]))


def test_its_config_describes_it(generator):
    described = Generator.from_config(generator.get_config())
    assert described.description == generator.description
    with pytest.raises(ValueError, match="does not contain the generator"):
        described.sample(labels_for(generator), SEED)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("engine", ["layer", "bank", "live"])
def test_it_augments(generator, engine):
    num_classes = (generator.condition.sizes or (None,))[0]
    images = np.full([8, *generator.image_shape], generator.value_range[0], "float32")
    labels = None if num_classes is None else np.resize(np.arange(num_classes), 8)
    if engine == "layer":
        given = kga.GANAugmentation(generator, 0.5, seed=1)(images, labels, training=True)
    else:
        given = kga.gan_augment(generator, 0.5, engine=engine, bank_size=12, seed=1)(images, labels)
    new = given if labels is None else given[0]
    assert (np.asarray(new) != images).any((1, 2, 3)).sum() == 4
    if labels is not None:
        np.testing.assert_array_equal(given[1], labels)


def test_labels_that_do_not_exist_are_refused(generator):
    sizes = generator.condition.sizes
    wrong = labels_for(generator).numpy() + np.array(sizes[0] if sizes else 0, "int32")
    with pytest.raises(ValueError, match=r"`labels\S*` .*Received"):
        generator.generate(wrong, seed=1)
    if sizes:
        with pytest.raises(ValueError, match=r"`labels\S*` .*Received"):
            generator.generate(6, seed=1)
