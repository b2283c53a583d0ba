"""Real data: ready-made sets, a folder of images, and what one wants to know of them before training.

All functions work on unbatched `tf.data.Dataset`s of (image, label).
"""

import gzip
import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _labels

_DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def load(name, data_dir=None):
    """Loads a ready-made data set.

    - "digits": scikit-learn's 8×8 digits, scaled to 0 to 255, 10 classes. The test set holds 50 images of each class;
      1297 are left for training. Needs scikit-learn, no download.
    - "fashion_mnist": 28×28 articles of clothing, 10 classes, 60,000 and 10,000 images, from the files of Debian's
      package dataset-fashion-mnist, else through `keras.datasets.fashion_mnist`.

    Args:
        name: "digits" or "fashion_mnist".
        data_dir: Folder with the four `*-ubyte.gz` files of Fashion-MNIST. Defaults to where Debian puts them.

    Returns `(train, test)`, two unbatched datasets of (image, label): uint8 images of shape (height, width, channels)
    and int64 labels. Their attribute `class_names` lists the classes.

    Raises:
        ValueError: For an unknown name.
        ImportError, FileNotFoundError: If the data are not to be had, with what to install.

    Example:

    >>> import keras_ganaug as kga
    >>> train, test = kga.datasets.load("digits")
    >>> train.element_spec[0].shape, int(train.cardinality()), int(test.cardinality())
    (TensorShape([8, 8, 1]), 1297, 500)
    """
    loaders = {"digits": _digits, "fashion_mnist": lambda: _fashion_mnist(data_dir)}
    _checks.one_of(name, loaders, "name")
    parts, class_names = loaders[name]()
    return tuple(_named(tf.data.Dataset.from_tensor_slices(part), class_names) for part in parts)


def _named(dataset, class_names):
    dataset.class_names = list(class_names)
    return dataset


def _digits():
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('The data set "digits" is scikit-learn\'s: pip install scikit-learn') from error
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    test = np.concatenate([order[labels[order] == c][:50] for c in range(10)])
    test = np.isin(np.arange(len(labels)), test)
    return ((images[~test], labels[~test]), (images[test], labels[test])), [str(c) for c in range(10)]


def _fashion_mnist(data_dir):
    names = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    if data_dir is not None and not isinstance(data_dir, (str, os.PathLike)):
        raise TypeError(f"`data_dir` must be the path of a folder. Received: data_dir={data_dir!r}")
    folder = _DEBIAN_FASHION_MNIST if data_dir is None else Path(data_dir)
    if folder.is_dir():
        return tuple(_idx_pair(folder, prefix) for prefix in ("train", "t10k")), names
    if data_dir is not None:
        raise FileNotFoundError(f"`data_dir` must be an existing folder. Received: data_dir={str(data_dir)!r}")
    try:
        parts = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # the loader's download fails in as many ways as networks do
        raise FileNotFoundError(
            f'The data set "fashion_mnist" is neither at {folder} (Debian: apt-get install dataset-fashion-mnist) nor '
            f"could Keras download it: {error}"
        ) from error
    return tuple((images[..., None], labels.astype(np.int64)) for images, labels in parts), names


def _idx_pair(folder, prefix):
    """Images and labels from a pair of IDX files (big-endian header, then bytes)."""
    arrays = []
    for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
        file = folder / f"{prefix}-{kind}-ubyte.gz"
        if not file.is_file():
            raise FileNotFoundError(f"Fashion-MNIST needs the file {file}, which is missing")
        arrays.append(np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header))
    return arrays[0].reshape(-1, 28, 28, 1), arrays[1].astype(np.int64)


def to_arrays(dataset):
    """An unbatched dataset of (image, label) as two arrays.

    Args:
        dataset: Finite unbatched `tf.data.Dataset` of (image, label), images of one shape.

    Returns `(images, labels)`, NumPy arrays.
    """
    _check_pairs(dataset)
    parts = list(dataset.batch(1024).as_numpy_iterator())
    if not parts:
        raise ValueError("`dataset` must hold at least one element. Received: an empty dataset")
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def class_histogram(dataset, num_classes=None):
    """How many images each class has.

    Args:
        dataset: Unbatched or batched `tf.data.Dataset` of (image, label), labels as integers or one number for each class;
            or a sequence of integer labels.
        num_classes: Number of classes. Defaults to the largest label plus 1.

    Returns an int64 NumPy array of shape (num_classes,).

    Example:

    >>> import keras_ganaug as kga
    >>> kga.datasets.class_histogram([0, 2, 2])
    array([1, 0, 2])
    """
    if isinstance(dataset, tf.data.Dataset):
        if not isinstance(dataset.element_spec, tuple) or len(dataset.element_spec) < 2:
            raise ValueError(f"`dataset` must have elements (image, label). Received: {dataset.element_spec}")
        labels = dataset.map(lambda image, label, *weight: label)
        if dataset.element_spec[0].shape.rank == 3:
            labels = labels.batch(1024)
        labels = labels.map(lambda label: _labels.class_of(label) if _labels.is_one_hot(label) else label)
        labels = [np.ravel(label) for label in labels.as_numpy_iterator()]
        dataset = np.concatenate(labels) if labels else np.zeros([0], np.int64)
    if num_classes is not None:
        _checks.positive_int(num_classes, "num_classes")
    labels = _checks.class_indices(dataset, num_classes, "dataset")
    return np.bincount(labels, minlength=num_classes or 0)


def take_per_class(dataset, counts, seed=0):
    """A random subset with a given number of images of each class.

    Args:
        dataset: Unbatched `tf.data.Dataset` of (image, label).
        counts: Images of each class: a sequence by class index, or one integer for all.
        seed: Integer that decides which images. Defaults to 0.

    Returns an unbatched dataset in random order.

    Raises:
        ValueError: If a class has fewer images than asked for.

    Example:

    >>> import keras_ganaug as kga
    >>> train, _ = kga.datasets.load("digits")
    >>> few = kga.datasets.take_per_class(train, [100] * 5 + [10] * 5)
    >>> kga.datasets.class_histogram(few)
    array([100, 100, 100, 100, 100,  10,  10,  10,  10,  10])
    """
    images, labels = _with_class_indices(dataset)
    available = np.bincount(labels)
    wanted = np.full(len(available), counts) if np.ndim(counts) == 0 else np.asarray(counts)
    if wanted.ndim != 1 or not np.issubdtype(wanted.dtype, np.integer):
        raise ValueError(f"`counts` must be an integer, or a sequence of one for each class. Received: counts={counts!r}")
    if len(wanted) < len(available):
        raise ValueError(f"`counts` must have one number for each of {len(available)} classes. Received: {counts!r}")
    available = np.bincount(labels, minlength=len(wanted))
    if (wanted < 0).any() or (wanted > available).any():
        raise ValueError(f"`counts` must be from 0 to what there is, {available.tolist()}. Received: {wanted.tolist()}")
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:count] for c, count in enumerate(wanted)]
    chosen = rng.permutation(np.concatenate(chosen))
    subset = tf.data.Dataset.from_tensor_slices((images[chosen], labels[chosen]))
    return _named(subset, getattr(dataset, "class_names", map(str, range(len(wanted)))))


def oversample(dataset, seed=0):
    """Repeats the images of rarer classes until all classes are as large as the largest.

    Args:
        dataset: Unbatched `tf.data.Dataset` of (image, label).
        seed: Integer that decides the order and which images are repeated once more. Defaults to 0.

    Returns an unbatched dataset in random order. Shuffle it for a new order in each epoch.
    """
    images, labels = _with_class_indices(dataset)
    counts = np.bincount(labels)
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    chosen = []
    for c in np.flatnonzero(counts):
        rows = np.flatnonzero(labels == c)
        rounds = [rng.permutation(rows) for _ in range(-(-counts.max() // len(rows)))]
        chosen.append(np.concatenate(rounds)[: counts.max()])
    chosen = rng.permutation(np.concatenate(chosen))
    repeated = tf.data.Dataset.from_tensor_slices((images[chosen], labels[chosen]))
    return _named(repeated, getattr(dataset, "class_names", map(str, range(len(counts)))))


def from_directory(
    directory,
    image_size,
    color_mode="rgb",
    validation_split=None,
    seed=0,
    check_images=True,
    verbose=True,
    **kwargs,
):
    """Loads a folder with one subfolder of images for each class, on Keras's own image loader.

    Prints a class histogram, and says what is wrong before any training: a class without images, a file that is no
    image, or a single class.

    Args:
        directory: Folder whose subfolders are the classes, in alphabetical order unless `class_names` gives another.
        image_size: (height, width) to which images are resized.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels. Defaults to "rgb".
        validation_split: Share of the images, above 0 and below 1, to hold out. Defaults to None: hold out nothing.
        seed: Integer that decides the order of the files and what is held out. Defaults to 0.
        check_images: Whether to decode every file once to find broken ones. Defaults to True.
        verbose: Whether to print the class histogram. Defaults to True.
        **kwargs: Further arguments of `keras.utils.image_dataset_from_directory`, such as `interpolation` or
            `crop_to_aspect_ratio`.

    Returns an unbatched dataset of (image, label), or `(train, validation)` with a split: float32 images of shape
    (height, width, channels) in 0 to 255 and int32 labels, with the attribute `class_names`.

    Raises:
        ValueError: If the folder does not exist, has fewer than two classes, an empty class or a broken image.
    """
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"`directory` must be the path of a folder. Received: directory={directory!r}")
    _checks.non_negative_int(seed, "seed")
    ours = sorted({"labels", "label_mode", "batch_size", "subset"} & kwargs.keys())
    if ours:
        raise TypeError(f"`kwargs` must be further options of Keras's loader; some are set here. Received: {ours}")
    root = Path(directory)
    if not root.is_dir():
        raise ValueError(f"`directory` must be an existing folder. Received: directory={str(directory)!r}")
    sized = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    if not sized or not all(isinstance(n, numbers.Integral) and not isinstance(n, bool) and n > 0 for n in image_size):
        raise ValueError(f"`image_size` must be (height, width), positive integers. Received: image_size={image_size!r}")
    _checks.one_of(color_mode, ("grayscale", "rgb", "rgba"), "color_mode")
    if validation_split is not None and not 0.0 < _checks.fraction(validation_split, "validation_split") < 1.0:
        raise ValueError(f"`validation_split` must be above 0 and below 1. Received: {validation_split!r}")
    files = _image_files(root)
    if "class_names" in kwargs:
        names = kwargs["class_names"]
        if not isinstance(names, (list, tuple)) or sorted(map(str, names)) != sorted(files):
            raise ValueError(
                f"`class_names` must be a list of the subfolders of `directory`, {sorted(files)}, in the order of the "
                f"labels. Received: class_names={names!r}"
            )
        files = {name: files[name] for name in names}
    if verbose:
        print(f"{sum(map(len, files.values()))} images of {len(files)} classes in {root}")
        print(format_histogram({name: len(paths) for name, paths in files.items()}))
    empty = [name for name, paths in files.items() if not paths]
    if empty:
        raise ValueError(f"Every class of `directory` must have at least one image. Received: none in {empty}")
    if len(files) < 2:
        raise ValueError(
            "`directory` must have a subfolder for each of at least two classes; all images have the same label. "
            f"Received: {sorted(files)} in {str(root)!r}"
        )
    total = sum(map(len, files.values()))
    if validation_split is not None and not 0 < int(validation_split * total) < total:
        raise ValueError(
            f"`validation_split` must leave images on both sides. Received: {validation_split} of {total} images"
        )
    if check_images:
        _check_images([path for paths in files.values() for path in paths])
    options = {"subset": "both", "validation_split": validation_split} if validation_split is not None else {}
    loaded = keras.utils.image_dataset_from_directory(
        str(root),
        label_mode="int",
        color_mode=color_mode,
        batch_size=None,
        image_size=tuple(int(size) for size in image_size),
        seed=seed,
        **({"verbose": False} if _has_verbose() else {}),
        **options,
        **kwargs,
    )
    if validation_split is None:
        return _named(loaded, files)
    return tuple(_named(part, files) for part in loaded)


def _has_verbose():
    return "verbose" in keras.utils.image_dataset_from_directory.__code__.co_varnames


_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def _image_files(root):
    """The image files of each class, by name, as Keras's loader finds them."""
    classes = sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    return {
        folder.name: sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES) for folder in classes
    }


def _check_images(paths):
    """Raises if a file cannot be decoded; all files are read in parallel."""

    def decodes(path):
        return tf.size(tf.io.decode_image(tf.io.read_file(path), expand_animations=False))

    paths = [str(path) for path in paths]
    dataset = tf.data.Dataset.from_tensor_slices(paths).map(decodes, num_parallel_calls=tf.data.AUTOTUNE)
    try:
        for _ in dataset.batch(256):
            pass
        return
    except tf.errors.OpError:
        pass
    broken = []  # there is at least one: find out which
    for path in paths:
        try:
            decodes(path)
        except tf.errors.OpError:
            broken.append(path)
    shown = ", ".join(broken[:5]) + (f" and {len(broken) - 5} more" if len(broken) > 5 else "")
    raise ValueError(f"Every file of `directory` must be an image that can be decoded. Received broken: {shown}")


def format_histogram(counts, width=40):
    """A class histogram as text.

    Args:
        counts: Mapping from class name to number of images, or a sequence by class index.
        width: Characters of the longest bar. Defaults to 40.

    Example:

    >>> import keras_ganaug as kga
    >>> print(kga.datasets.format_histogram({"cat": 4, "dog": 2}, width=4))
    cat  4 ████
    dog  2 ██
    """
    if not isinstance(counts, (Mapping, Sequence, np.ndarray)) or isinstance(counts, str):
        raise TypeError(f"`counts` must be a mapping from class name to number, or a sequence. Received: counts={counts!r}")
    counts = dict(counts) if isinstance(counts, Mapping) else dict(enumerate(counts))
    names = max((len(str(name)) for name in counts), default=0)
    digits = max((len(str(count)) for count in counts.values()), default=1)
    largest = max([1, *counts.values()])
    return "\n".join(
        f"{name!s:{names}}  {count:{digits}} {'█' * max(round(width * count / largest), count > 0)}"
        for name, count in counts.items()
    )


def _with_class_indices(dataset):
    """The arrays of a dataset whose labels are class indices."""
    images, labels = to_arrays(dataset)
    return images, _checks.class_indices(np.squeeze(labels) if labels.ndim == 2 and labels.shape[1] == 1 else labels, None)


def _check_pairs(dataset):
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(f"`dataset` must be a tf.data.Dataset of (image, label). Received: {type(dataset)}")
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or spec[0].shape.rank != 3:
        raise ValueError(f"`dataset` must have unbatched elements (image, label). Received: {spec}")
