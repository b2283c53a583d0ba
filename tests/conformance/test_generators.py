"""All generators pass the public checks."""

import keras
import pytest
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
from keras_ganaug.testing import generators as contract

SHAPE = (8, 8, 1)


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


def test_there_is_one_of_each_class(generators):
    def subclasses(cls):
        return {cls}.union(*map(subclasses, cls.__subclasses__())) - {Generator, DescribedGenerator}

    classes = {cls for cls in subclasses(Generator) if cls.__module__.startswith("keras_ganaug.")}
    translating = {AveragedTranslator, Translations}  # of test_translations.py
    assert classes - translating <= {type(generator) for generator in generators.values()}


@pytest.mark.parametrize("name", [each.__name__ for each in contract.CHECKS])
def test_it_does_what_the_contract_says(generator, name):
    try:
        kga.testing.checks_of_generator(generator)[name]()
    except kga.testing.Skipped as reason:
        pytest.skip(str(reason))
