"""Warnings about images that occur more than once."""

import hashlib
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_ganaug import _watch
from keras_ganaug.datasets.folder_scan import legible
from keras_ganaug.datasets.rows import rows_of

_MOST = 5  # pairs of files that a warning names


def warn_of_repeated(images: np.ndarray, data: Any) -> None:
    """Warns about images that occur several times in a training set, since folds would share them.

    Args:
        images: All images.
        data: What they were read from, which may know their files.
    """
    count = len(images) - len(set(map(_digest, images)))
    if count:
        warnings.warn(
            f"{count} of the {len(images)} images of `train` are there once more, pixel for pixel: a fold may hold out "
            f"images that the others train on. Remove the duplicates.{_named(data, data)}",
            stacklevel=3,
        )


def warn_of_shared(parts: Mapping[str, tuple[np.ndarray, Any]], given: Mapping[str, Any], seed: int) -> None:
    """Warns about identical images in two parts of the data, once in `telling_once`.

    Args:
        parts: Images and labels, by the names of the parts.
        given: What they were read from, which may know their files.
        seed: For the message.
    """
    if _watch.is_told("shared"):
        return
    dtype = np.result_type(*(images.dtype for images, _ in parts.values()))
    digests = {name: [*map(_digest, images.astype(dtype, copy=False))] for name, (images, _) in parts.items()}
    for name, other in (("test", "train"), ("test", "held_out"), ("held_out", "train")):
        count = sum(map(set(digests.get(other, ())).__contains__, digests.get(name, ())))
        if count:
            _watch.first("shared")
            warnings.warn(
                f"{count} of the {len(digests[name])} images of `{name}` are in `{other}` too, pixel for pixel (seed "
                f"{seed}). Remove them from one of the two: images seen in training say nothing about new images."
                f"{_named(given[other], given[name])}",
                stacklevel=5,
            )


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _named(first: Any, second: Any) -> str:
    """The first pairs of files of two datasets, or of one, that have the same image, as a sentence.

    Empty if the files are not known. The files are read again: a dataset may be shuffled.
    """
    files = _files(first)
    others = files if second is first else _files(second)
    pairs = [
        (files[digest][0], path)
        for digest, paths in others.items()
        if digest in files
        for path in (paths[1:] if others is files else paths)
    ]
    if not pairs:
        return ""
    named = ", ".join(f"{_short(one)} and {_short(other)}" for one, other in pairs[:_MOST])
    return f" The same: {named}{f', and {len(pairs) - _MOST} more' if len(pairs) > _MOST else ''}."


def _files(data: Any) -> dict[bytes, list[bytes]]:
    """The files of a dataset, by the digests of their images."""
    rows = rows_of(data)
    found: dict[bytes, list[bytes]] = {}
    if rows is not None and rows.paths is not None:
        images = rows.dataset().map(lambda image, label: image).as_numpy_iterator()
        for path, digest in sorted((path, _digest(image)) for path, image in zip(rows.paths, images, strict=True)):
            found.setdefault(digest, []).append(path)
    return found


def _short(path: bytes) -> str:
    """The folder and the name of a file."""
    return "/".join(legible(os.fsdecode(path)).split("/")[-2:])
