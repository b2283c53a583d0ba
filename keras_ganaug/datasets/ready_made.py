"""Ready-made data sets: digits and Fashion-MNIST."""

import gzip
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.datasets.pairs import named

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
_CLOTHES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def load(name: str, data_dir: str | os.PathLike | None = None) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Loads a ready-made data set.

    - "digits": scikit-learn's 8×8 digits, scaled to 0 to 255, 10 classes. The test set has 50 images of each class, the
      training set the other 1297. Needs scikit-learn, but no download.
    - "fashion_mnist": 28×28 images of clothing, 10 classes, 60,000 and 10,000 images. They are read from the files of
      Debian's package dataset-fashion-mnist, otherwise through `keras.datasets.fashion_mnist`.

    Args:
        name: "digits" or "fashion_mnist".
        data_dir: Folder with the four `*-ubyte.gz` files of Fashion-MNIST. Defaults to the folder of the Debian package.

    Returns `(train, test)`, two unbatched datasets of (image, label): uint8 images of shape (height, width, channels)
    and int64 labels. Their attribute `class_names` lists the classes.

    Raises:
        ValueError: For an unknown name.
        ImportError, FileNotFoundError: If the data are not available. The message says what to install.

    Example:

    >>> import keras_ganaug as kga
    >>> train, test = kga.datasets.load("digits")
    >>> train.element_spec[0].shape, int(train.cardinality()), int(test.cardinality())
    (TensorShape([8, 8, 1]), 1297, 500)
    """
    loaders = {"digits": _digits, "fashion_mnist": lambda: _fashion_mnist(data_dir)}
    _checks.one_of(name, loaders, "name")
    parts, class_names = loaders[name]()
    train, test = (named(tf.data.Dataset.from_tensor_slices(part), class_names) for part in parts)
    return train, test


def _digits():
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('The data set "digits" comes from scikit-learn: pip install scikit-learn') from error
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    test = np.isin(np.arange(len(labels)), [order[labels[order] == c][:50] for c in range(10)])
    return ((images[~test], labels[~test]), (images[test], labels[test])), [str(c) for c in range(10)]


def _fashion_mnist(data_dir):
    if data_dir is not None and not isinstance(data_dir, (str, os.PathLike)):
        raise TypeError(f"`data_dir` must be the path of a folder. Received: data_dir={data_dir!r}")
    folder = DEBIAN_FASHION_MNIST if data_dir is None else Path(data_dir)
    if folder.is_dir():
        return tuple(_idx_pair(folder, prefix) for prefix in ("train", "t10k")), _CLOTHES
    if data_dir is not None:
        raise FileNotFoundError(f"`data_dir` must be an existing folder. Received: data_dir={str(data_dir)!r}")
    try:
        parts = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # a download raises many kinds of errors
        raise FileNotFoundError(
            f'The data set "fashion_mnist" is not at {folder} (Debian: apt-get install dataset-fashion-mnist), and '
            f"Keras could not download it: {error}"
        ) from error
    return tuple((images[..., None], labels.astype(np.int64)) for images, labels in parts), _CLOTHES


def _idx_pair(folder, prefix):
    """Reads images and labels from a pair of IDX files (big-endian header, then bytes)."""
    arrays = []
    for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
        file = folder / f"{prefix}-{kind}-ubyte.gz"
        if not file.is_file():
            raise FileNotFoundError(f"Fashion-MNIST needs the file {file}, which is missing")
        arrays.append(np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header))
    return arrays[0].reshape(-1, 28, 28, 1), arrays[1].astype(np.int64)
