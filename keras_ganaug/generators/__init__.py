"""Generators: the common protocol, and the classes that implement it."""

from keras_ganaug.generators import files  # noqa: F401 (registers paths)
from keras_ganaug.generators.averaged_gan import AveragedGAN
from keras_ganaug.generators.class_mixture import ClassMixture
from keras_ganaug.generators.filtered import FilteredGenerator
from keras_ganaug.generators.generator import Generator, as_generator
from keras_ganaug.generators.keras_model import KerasModel
from keras_ganaug.generators.one_attribute import OneAttribute
from keras_ganaug.generators.pretrained import load_pretrained
from keras_ganaug.generators.saved_model import SavedModelGenerator
from keras_ganaug.generators.translations import Translations, for_batches
from keras_ganaug.generators.union import GeneratorUnion

__all__ = [
    "AveragedGAN",
    "ClassMixture",
    "FilteredGenerator",
    "Generator",
    "GeneratorUnion",
    "KerasModel",
    "OneAttribute",
    "SavedModelGenerator",
    "Translations",
    "as_generator",
    "for_batches",
    "load_pretrained",
]
