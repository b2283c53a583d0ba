"""Loads a folder of images with one subfolder for each class."""

import numbers
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _files
from keras_ganaug.datasets import decoding, folder_report, folder_scan
from keras_ganaug.datasets.pairs import format_histogram, named
from keras_ganaug.datasets.rows import FileRows

_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def from_directory(
    directory: str | os.PathLike,
    image_size: int | Sequence[int],
    color_mode: str = "rgb",
    validation_split: float | None = None,
    seed: int = 0,
    check_images: bool = True,
    verbose: bool = True,
    *,
    background: float | Sequence[float] = 255,
    skip_broken: bool = False,
    class_names: Sequence[str] | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    follow_links: bool = False,
    shuffle: bool = True,
    data_format: str | None = None,
    **kwargs: Any,
) -> tf.data.Dataset | tuple[tf.data.Dataset, tf.data.Dataset]:
    """Loads images from a folder that has one subfolder for each class.

    TensorFlow decodes PNG, JPEG, GIF and BMP in parallel, with the same result as
    `keras.utils.image_dataset_from_directory`. Pillow, if installed, reads WebP, TIFF and its other formats (`pip install
    "keras_ganaug[images]"`). Images are turned upright by their EXIF orientation, and transparent pixels are composed on a
    background. Of an animation, only the first frame is read.

    Prints a class histogram, what was done to the images, and what was not read. Hidden files and folders, and those that
    archives add (`__MACOSX`), count neither as images nor as classes.

    Args:
        directory: Folder whose subfolders are the classes. `~` is the home folder.
        image_size: (height, width) of the resized images, or one integer for both.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels. Defaults to "rgb".
        validation_split: Share of each class to hold out, above 0 and below 1. Each part gets at least one image of each
            class. If a class has only one image, it stays in training, with a warning. Defaults to None: nothing is held
            out.
        seed: Integer that determines the order of the files and the split. Defaults to 0.
        check_images: Whether to decode every file once to find broken ones. Without this, a broken file raises an error when
            it is read. Defaults to True.
        verbose: Whether to print the class histogram and the lines below it. Defaults to True.
        background: Colour behind transparent pixels: a grey level or (red, green, blue), 0 to 255. Unused with "rgba", which
            keeps the alpha channel. Defaults to 255, white.
        skip_broken: Whether to skip broken files with a warning, instead of raising an error. Their paths are in the
            attribute `broken_files`. Defaults to False.
        class_names: List of the subfolders in the order of the labels. Defaults to None: alphabetical order.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or "mitchellcubic".
            Defaults to "bilinear".
        crop_to_aspect_ratio: Whether to crop images to the aspect ratio of `image_size` before resizing. Defaults to False.
        pad_to_aspect_ratio: Whether to pad images with black to the aspect ratio of `image_size`. Defaults to False.
        follow_links: Whether to follow symbolic links to folders. Defaults to False.
        shuffle: Whether to reshuffle the training images in each epoch. Validation is not shuffled. Defaults to True.
        data_format: "channels_last" or "channels_first". Defaults to None: "channels_last".
        **kwargs: None. Other arguments of Keras's loader raise an error that names them.

    Returns an unbatched dataset of (image, label), or `(train, validation)` with a split: float32 images of shape (height,
    width, channels) in 0 to 255 and int32 labels. The datasets have the attributes `class_names`, `file_paths` (the paths of
    the images before shuffling) and `broken_files` (the paths of files that `skip_broken` skipped).

    Raises:
        ValueError: If the folder does not exist, has fewer than two classes, an empty class or a broken image, or if its
            subfolders are the parts of a split, such as "train" and "test", with the classes in them.
        TypeError: If `directory` is not a path, or an argument is unknown.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> import tensorflow as tf
    >>> import keras_ganaug as kga
    >>> folder = tempfile.mkdtemp()
    >>> for name in ("cat", "dog"):
    ...     tf.io.gfile.makedirs(f"{folder}/{name}")
    ...     for number in range(4):
    ...         tf.io.write_file(f"{folder}/{name}/{number}.png", tf.io.encode_png(np.zeros([9, 9, 3], "uint8")))
    >>> train, validation = kga.datasets.from_directory(folder, 8, validation_split=0.25, verbose=False)
    >>> train.class_names, int(train.cardinality()), int(validation.cardinality())
    (['cat', 'dog'], 6, 2)
    """
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"`directory` must be the path of a folder. Received: directory={directory!r}")
    ours = sorted({"labels", "label_mode", "batch_size", "subset", "format"} & kwargs.keys())
    if kwargs:
        what = "not set what this loader sets: single images with integer labels" if ours else "be known arguments"
        raise TypeError(f"`kwargs` must {what}. Received: {ours or sorted(kwargs)}")
    _checks.non_negative_int(seed, "seed")
    size, background_color = _size(image_size), _color(background)
    channels = _CHANNELS[_checks.one_of(color_mode, _CHANNELS, "color_mode")]
    if validation_split is not None and not 0.0 < _checks.fraction(validation_split, "validation_split") < 1.0:
        raise ValueError(f"`validation_split` must be above 0 and below 1. Received: {validation_split!r}")
    flags = {"check_images": check_images, "verbose": verbose, "skip_broken": skip_broken, "follow_links": follow_links}
    flags |= {"crop_to_aspect_ratio": crop_to_aspect_ratio, "pad_to_aspect_ratio": pad_to_aspect_ratio, "shuffle": shuffle}
    for name, value in flags.items():
        _checks.boolean(value, name)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("`pad_to_aspect_ratio` must be False if `crop_to_aspect_ratio` is True. Received: True for both")
    if skip_broken and not check_images:
        raise ValueError("`check_images` must be True to find the files that `skip_broken=True` leaves out. Received: False")
    interpolation = interpolation.lower() if isinstance(interpolation, str) else interpolation
    _checks.one_of(interpolation, _INTERPOLATIONS, "interpolation")
    _checks.one_of(data_format or "channels_last", ("channels_first", "channels_last"), "data_format")
    root = os.path.expanduser(os.fspath(directory))
    if not _files.is_folder(root):
        raise ValueError(f"`directory` must be an existing folder. Received: directory={os.fspath(directory)!r}")

    found = folder_scan.scan(root, follow_links)
    splits = folder_report.check_splits(found) if class_names is None else _in_order(found, class_names)
    facts = folder_scan.inspect(found) if check_images and len(found.images) > 1 else None
    if verbose:
        print(f"{len(found.paths)} images of {len(found.images)} classes in {folder_scan.legible(root)}")
        print(format_histogram({folder_scan.legible(name): count for name, count in found.counts.items()}))
        for line in folder_report.done(found, facts, color_mode, background):
            print(line)
        for text in folder_report.not_read(found):
            print(f"NOT read: {text}.")
    folder_report.check_classes(found, skip_broken)
    for text in folder_report.warnings_of(found, verbose, splits):
        warnings.warn(text, stacklevel=2)

    paths = np.array(found.paths, object)
    labels = np.repeat(np.arange(len(found.images), dtype=np.int32), list(found.counts.values()))
    headers = () if facts is None else (facts[:, :3],)
    with_pillow = facts is None or bool((facts[:, 0] == decoding.PILLOW).any())
    order = np.arange(len(paths))
    if shuffle:
        np.random.RandomState(seed % 2**32).shuffle(order)  # as Keras's loader does

    @tf.autograph.experimental.do_not_convert
    def load(path, *header):
        contents = tf.io.read_file(path)
        header = header[0] if header else decoding.header_of(contents)
        image = decoding.decode(contents, header, channels, background_color, with_pillow)
        image = _resize(image, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio)
        image.set_shape([*size, channels])
        return tf.transpose(image, [2, 0, 1]) if data_format == "channels_first" else image

    everything = FileRows(load, [folder_scan.as_bytes(paths), *headers], labels)

    def dataset(rows, shuffled):
        data = everything.at(rows).dataset(seed if shuffled else None).prefetch(tf.data.AUTOTUNE)
        data.file_paths, data.broken_files = list(paths[rows]), list(found.others["broken"])
        return named(data, found.images)

    if validation_split is None:
        return dataset(order, shuffle)
    held_out = _held_out(labels, validation_split, seed)
    single = [name for name, count in found.counts.items() if count == 1]
    if single:
        warnings.warn(
            f"`validation_split` holds out nothing of the classes {folder_report.names(single)} of `directory`: each has "
            "only one image, which stays in training",
            stacklevel=2,
        )
    if verbose:
        print(f"Held out for validation: {held_out.sum()} of {len(paths)} images, a share of each class.")
    return dataset(order[~held_out[order]], shuffle), dataset(order[held_out[order]], False)


def _size(image_size):
    sizes = tuple(image_size) if isinstance(image_size, (tuple, list, np.ndarray)) else (image_size, image_size)
    try:
        height, width = (_checks.positive_int(size, "image_size") for size in sizes)
    except ValueError:
        raise ValueError(
            f"`image_size` must be a positive integer, or two of them, (height, width). Received: image_size={image_size!r}"
        ) from None
    return height, width


def _color(background):
    parts = tuple(background) if isinstance(background, (tuple, list, np.ndarray)) else (background,)
    real = all(isinstance(part, numbers.Real) and not isinstance(part, bool) and 0 <= part <= 255 for part in parts)
    if len(parts) not in (1, 3) or not real:
        raise ValueError(
            "`background` must be a number from 0 to 255, or three of them (red, green, blue). "
            f"Received: background={background!r}"
        )
    return tuple(float(part) for part in parts)


def _in_order(found, names):
    """Sorts the classes of a scan by these names. Named classes are never taken for parts of a split."""
    if not isinstance(names, (list, tuple)) or sorted(map(str, names)) != sorted(found.images):
        raise ValueError(
            f"`class_names` must be a list of the subfolders of `directory`, {sorted(found.images)}, in the order of the "
            f"labels. Received: class_names={names!r}"
        )
    found.images = {str(name): found.images[str(name)] for name in names}
    return []


def _held_out(labels, share, seed):
    """A mask of the images to hold out: the share of each class, with at least one image in each part."""
    counts = np.bincount(labels)
    if counts.max() == 1:
        raise ValueError(
            f"`validation_split` must leave images on both sides. Received: {share} of {len(labels)}, one in each class"
        )
    exact = share * counts
    wanted = np.floor(exact + 1e-9)
    # The classes that lost most by rounding down get the remaining images.
    missing = int(np.floor(share * len(labels) + 0.5) - wanted.sum())
    wanted[np.argsort(wanted - exact, kind="stable")[: max(missing, 0)]] += 1
    wanted = np.minimum(np.maximum(wanted, 1), counts - 1).astype(int)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(labels), bool)
    for label, count in enumerate(wanted):
        held_out[rng.permutation(np.flatnonzero(labels == label))[:count]] = True
    return held_out


def _resize(image, size, interpolation, crop, pad):
    """Resizes one image like Keras's loader."""
    if pad:
        return tf.cast(tf.image.resize_with_pad(image, *size, method=interpolation), tf.float32)
    if crop:
        height, width = tf.unstack(tf.shape(image)[:2])
        new_height = tf.cast(tf.cast(width * size[0], tf.float32) / size[1], tf.int32)
        new_width = tf.cast(tf.cast(height * size[1], tf.float32) / size[0], tf.int32)
        new_height, new_width = tf.clip_by_value(new_height, 1, height), tf.clip_by_value(new_width, 1, width)
        image = tf.image.resize_with_crop_or_pad(image, new_height, new_width)
    return tf.cast(tf.image.resize(image, size, method=interpolation), tf.float32)
