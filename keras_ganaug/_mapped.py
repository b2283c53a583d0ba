"""Arrays that are larger than memory: they are in files, from which single rows are read."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import tensorflow as tf

IN_MEMORY = 64 * 2**20  # number of bytes up to which images are collected in memory


def gather(owner: Any, array_of: Callable[[Any], Any], rows: tf.Tensor) -> tf.Tensor:
    """Rows of an array, in a graph.

    Args:
        owner: Object that has the array. The datasets that read from it must keep it.
        array_of: Maps the owner to the array: a tensor, a variable, or a `np.memmap`. Each run calls it again for a
            `np.memmap`, which may have been replaced.
        rows: Integers (k,).
    """
    now, owner = array_of(owner), weakref.ref(owner)  # TensorFlow keeps for ever the function that it calls
    if not isinstance(now, np.memmap):
        return tf.gather(now, rows)
    found = tf.numpy_function(lambda chosen: np.asarray(array_of(owner())[chosen]), [rows], tf.as_dtype(now.dtype))
    return tf.ensure_shape(found, [*rows.shape, *now.shape[1:]])


def mapped(file: IO[bytes], rows: int, like: np.ndarray, offset: int = 0) -> np.memmap:
    """The array whose rows were written to a file. They have the shape and dtype of the rows of `like`.

    The array stays readable when the file is closed, renamed or removed.
    """
    file.flush()
    return np.memmap(file, like.dtype, "r", offset, (rows, *like.shape[1:]))


class Collected:
    """Collects rows: in memory, and beyond `IN_MEMORY` bytes in a temporary file, which goes with the array."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._rows, self._bytes = 0, 0
        self._file: IO[bytes] | None = None

    def add(self, rows: np.ndarray) -> None:
        """Adds rows. All have the same shape and dtype.

        Raises:
            OSError: If the disk is full.
        """
        self._parts.append(rows)
        self._like, self._rows, self._bytes = rows[:0], self._rows + len(rows), self._bytes + rows.nbytes
        if self._bytes <= IN_MEMORY:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()
            for part in self._parts:
                self._file.write(np.ascontiguousarray(part).tobytes())
            self._file.flush()
        except OSError as error:
            raise OSError(
                error.errno,
                f"The images do not fit into the folder for temporary files, {tempfile.gettempdir()!r}: set the environment "
                f"variable TMPDIR to a folder with more space. Received: {self._bytes:,} bytes so far, and {error.strerror}",
            ) from error
        self._parts.clear()

    def array(self) -> np.ndarray:
        """All rows: an array, or a `np.memmap`."""
        if self._file is None:
            return np.concatenate(self._parts)
        with self._file:
            return mapped(self._file, self._rows, self._like)
