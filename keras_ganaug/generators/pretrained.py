"""Loads the generators that ship with the package."""

from pathlib import Path

from keras_ganaug import _checks
from keras_ganaug.generators.saved_model import SavedModelGenerator

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "saved_models", _PACKAGE.parent / "saved_models")  # in an installed package, and in a checkout


def load_pretrained(name: str) -> SavedModelGenerator:
    """Loads one of the generators that ship with the package. Nothing is downloaded.

    You can use it wherever a generator is accepted: `generate`, `GANAugmentation`, `gan_augment`, `to_directory`, exports.
    Do not test a classifier that was trained with its samples on images from the generator's training set.

    Args:
        name: "digits", 8×8 grey pixels, trained on the training part of `datasets.load("digits")`; or "fashion_mnist", 28×28
            grey pixels, trained on the 60,000 training images of Fashion-MNIST. Both have ten classes with names.

    Returns a generator with `generate`, `class_names`, `image_shape` and `value_range` (0 to 255), like a GAN.

    Raises:
        ValueError: For an unknown name. The message lists the known ones.

    Example:

    >>> import keras_ganaug as kga
    >>> generator = kga.load_pretrained("fashion_mnist")
    >>> generator.generate({"Coat": 3, "Bag": 2}, seed=1).shape
    (5, 28, 28, 1)
    >>> augment = kga.gan_augment(generator, fraction=0.25, bank_size=100, seed=1)  # dataset.map(augment)
    """
    folders = {file.parent.name: file.parent for root in reversed(_FOLDERS) for file in root.glob("*/saved_model.pb")}
    return SavedModelGenerator(str(folders[_checks.one_of(name, folders, "name")]))
