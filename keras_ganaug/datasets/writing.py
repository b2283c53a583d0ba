"""Writes samples as folders of image files."""

import os
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _files, _images
from keras_ganaug.conditions.weights import some
from keras_ganaug.generators.generator import as_generator

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]|^\.|[. ]$')  # not allowed in folder names on some systems


def to_directory(
    generator: Any,
    directory: str | os.PathLike,
    labels: Any,
    seed: int | Sequence[int] | None = None,
    truncation: float = 1.0,
    overwrite: bool = False,
) -> list[str]:
    """Writes samples of a generator as PNG files, with one folder for each class.

    `datasets.from_directory` reads them back with the same classes. Folders are named after the classes, or numbered if the
    classes have no names. A character that is not allowed in file names, such as the slash of "T-shirt/top", becomes "_".
    With several attributes, the folders of the first attribute contain folders of the next. Without classes, the files are
    in `directory` itself.

    Args:
        generator: A GAN, a generator, or the path of one, see `GANAugmentation`.
        directory: Folder to write, new or empty.
        labels: The labels to generate, see `generate`: a mapping from class to number of images, such as `{"Coat": 50}`; a
            sequence of classes; with several attributes, a mapping from their names to sequences; without classes, a number.
        seed, truncation: See `generate`. Default to None, which gives other images in each call, and to 1.
        overwrite: Whether to write into a folder that is not empty. Files with the same names are replaced, all others stay.
            Defaults to False.

    Returns the paths of the files, in the order of the labels.

    Raises:
        ValueError, TypeError: For a folder that is not empty, labels that do not fit, or images that PNG cannot store.
            Nothing is written in this case.

    Warns about classes that the generator was never trained on.

    Example:

    >>> import tempfile, keras_ganaug as kga
    >>> generator = kga.load_pretrained("fashion_mnist")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = kga.to_directory(generator, folder, {"Coat": 3, "Bag": 2}, seed=0)
    ...     again = kga.datasets.from_directory(folder, image_size=28, color_mode="grayscale", verbose=False)
    >>> len(files), files[-1][-23:], again.class_names
    (5, 'Bag/synthetic-00002.png', ['Bag', 'Coat'])
    """
    made, overwrite = as_generator(generator), _checks.boolean(overwrite, "overwrite")
    _checks.new_folder(directory, "directory")
    root = os.path.expanduser(os.fspath(directory))
    inside = tf.io.gfile.listdir(root) if _files.exists(root) else []
    if inside and not overwrite:
        raise ValueError(
            "`directory` must be a new or an empty folder; `overwrite=True` writes into any folder, and replaces files of "
            "the same names. "
            f"Received: {root!r}, with {len(inside)} files or folders such as {sorted(inside)[0]!r}"
        )
    if made.image_shape[2] not in (1, 3, 4):
        raise ValueError(
            "`generator` must give images of 1, 3 or 4 channels (grey, RGB, RGBA), which a PNG file can store. "
            f"Received: images of shape {tuple(made.image_shape)}"
        )
    condition = made.condition
    classes = condition.to_generate(labels)
    folders = _folders(condition, classes)
    unseen = condition.extrapolates(classes, made.unseen_classes)
    if unseen:
        warnings.warn(
            f"`labels` ask for classes that the generator has seen no image of in training. Received: {some(unseen)}",
            stacklevel=2,
        )
    images = made.generate(classes if condition.conditional else len(classes), seed, truncation)
    images = _images.as_dtype(_images.rescale(images, made.value_range, (0.0, 255.0)), "uint8", (0.0, 255.0)).numpy()
    counts: dict[tuple, int] = {}
    paths = []
    for label, image in zip(classes.tolist(), images, strict=True):
        folder = folders[_key(label)]
        counts[folder] = counts.get(folder, 0) + 1
        paths.append(_files.join(root, *folder, f"synthetic-{counts[folder]:05d}.png"))
        _files.write(paths[-1], tf.io.encode_png(image).numpy())
    return paths


def folder_name(name: str) -> str:
    """The folder of a class with this name."""
    return _UNSAFE.sub("_", name)


def _key(label):
    return tuple(label) if isinstance(label, list) else label


def _folders(condition, classes):
    """The folder of each distinct label, as a sequence of nested folder names."""
    several = bool(condition.label_shape)
    named = [*map((condition.class_names or {}).get, condition.names)] if several else [condition.class_names]
    folders = {}
    for label in np.unique(classes, axis=0).tolist():
        # Zero-padded numbers, so that alphabetical order is the order of the classes.
        parts = zip(condition.label_names(label), named, condition.sizes)
        texts = (name if names else name.zfill(len(str(size - 1))) for name, names, size in parts)
        folders[_key(label)] = tuple(folder_name(text) for text in texts)
    twice = sorted({folder for folder in folders.values() if [*folders.values()].count(folder) > 1})
    if twice:
        raise ValueError(
            f"`labels` must be of classes whose folder names differ. Received: two classes with the folder {twice[0]}"
        )
    return folders
