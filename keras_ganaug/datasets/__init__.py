"""Real images: ready-made data sets, folders of images, and checks before training.

Unless noted otherwise, the functions work on unbatched `tf.data.Dataset`s of (image, label).
"""

from keras_ganaug.datasets.folder_facts import FolderFacts, describe_directory
from keras_ganaug.datasets.folders import from_directory
from keras_ganaug.datasets.pairs import class_histogram, format_histogram, oversample, take_per_class, to_arrays
from keras_ganaug.datasets.ready_made import DEBIAN_FASHION_MNIST as _DEBIAN_FASHION_MNIST
from keras_ganaug.datasets.ready_made import load
from keras_ganaug.datasets.writing import to_directory

__all__ = [
    "_DEBIAN_FASHION_MNIST",
    "FolderFacts",
    "class_histogram",
    "describe_directory",
    "format_histogram",
    "from_directory",
    "load",
    "oversample",
    "take_per_class",
    "to_arrays",
    "to_directory",
]
