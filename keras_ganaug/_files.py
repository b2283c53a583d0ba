"""File writing: into a temporary file first, which is then renamed, so that an interrupted write leaves the old file intact.

All paths may be on any file system that TensorFlow knows, such as "gs://bucket/folder". Object stores have no rename, but
their writes are atomic: an object appears whole or not at all.

If several processes train a model together, all of them call the same functions, but only the chief changes files: what the
others write is thrown away. So a folder that they share holds each file once.
"""

import contextlib
import os
import posixpath
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _compat, _replicas

Path = str | os.PathLike
_OF_SAVED_MODELS = ("assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables")


def is_remote(path: Path) -> bool:
    """Whether a path is not on the local file system."""
    return "://" in os.fspath(path)


def join(folder: Path, *names: Path) -> str:
    """The path of a file in a folder, as a string."""
    return (posixpath if is_remote(folder) else os.path).join(os.fspath(folder), *(os.fspath(name) for name in names))


def parent(path: Path) -> str:
    """The parent folder of a path, as a string; "" for the current folder."""
    scheme, separator, name = os.fspath(path).rpartition("://")
    return scheme + separator + (posixpath if separator else os.path).dirname(name.rstrip("/"))


def exists(path: Path) -> bool:
    return tf.io.gfile.exists(os.fspath(path))


def is_file(path: Path) -> bool:
    return exists(path) and not is_folder(path)


def is_folder(path: Path) -> bool:
    return tf.io.gfile.isdir(os.fspath(path))


def read_text(path: Path) -> str:
    try:
        with tf.io.gfile.GFile(os.fspath(path), "r") as file:
            return file.read()
    except tf.errors.NotFoundError:
        raise FileNotFoundError(f"There is no file '{os.fspath(path)}'") from None


def remove(path: Path) -> None:
    """Removes a file or a folder if it exists. Of a link, only the link is removed."""
    if not _replicas.is_chief():
        return
    if is_remote(path):
        if exists(path):
            (tf.io.gfile.rmtree if is_folder(path) else tf.io.gfile.remove)(os.fspath(path))
    elif os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)  # TensorFlow's own function follows links out of the folder
    elif os.path.lexists(path):
        os.remove(path)


def make_folder(path: Path) -> None:
    """Creates a folder and its parents."""
    if _replicas.is_chief() and os.fspath(path) and not os.fspath(path).endswith("://"):
        tf.io.gfile.makedirs(os.fspath(path))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[str]:
    """Yields the path of a temporary file next to `path`, with the same suffixes. It replaces `path` when the context ends.

    If the context ends with an error, the old file stays and the temporary one is removed. If `path` is a link, its target
    is replaced. The new file has the permissions of the old one.
    """
    if not _replicas.is_chief():
        with _thrown_away(path) as new:
            yield new
        return
    path = _resolved(path)
    make_folder(parent(path))
    new = join(parent(path), f".{uuid.uuid4().hex[:8]}.{os.path.basename(path)}")
    try:
        yield new
        if not is_remote(path) and os.path.exists(path):
            shutil.copymode(path, new)
        tf.io.gfile.rename(new, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(tf.errors.OpError, OSError):  # do not hide the first error
            remove(new)
        raise


def write(path: Path, content: str | bytes) -> None:
    """Writes text or bytes to a file atomically."""
    with replacing(path) as new, tf.io.gfile.GFile(new, "wb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing_saved_model(path: Path) -> Iterator[str]:
    """Yields the path of a temporary folder for a SavedModel, which replaces the one at `path` if the context ends well.

    Other files in the old folder, such as a README, stay. In an object store the SavedModel is written in place.
    """
    if not _replicas.is_chief():
        with _thrown_away(path) as new:
            yield new
        return
    path = _resolved(path).rstrip("/")
    if is_remote(path):
        yield path
        return
    make_folder(parent(path))
    fixed, mark = _is_fixed(path), uuid.uuid4().hex[:8]
    beside = join(path, "") if fixed else join(parent(path), f".{os.path.basename(path)}")
    new, old = (f"{beside}.{mark}.{kind}" for kind in ("new", "old"))
    try:
        yield new
        if fixed:
            _move_into(new, path)
        else:
            if exists(path):
                _keep_others(path, new)
                tf.io.gfile.rename(path, old)
            tf.io.gfile.rename(new, path)
        remove(old)
    except BaseException:
        with contextlib.suppress(tf.errors.OpError, OSError):
            if exists(old) and not exists(path):
                tf.io.gfile.rename(old, path)
            remove(new)
        raise


@contextlib.contextmanager
def _thrown_away(path: Path) -> Iterator[str]:
    """Yields a path with the same suffixes in a temporary folder, which is removed when the context ends."""
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, os.path.basename(os.fspath(path).rstrip("/")))


def _resolved(path: Path) -> str:
    """The path as a string. Links are resolved if the path is local."""
    return os.fspath(path) if is_remote(path) else os.path.realpath(path)


def _is_fixed(folder):
    """Whether a folder cannot be renamed: the current folder, its parents, and the root of a disk."""
    return os.path.ismount(folder) or join(os.path.realpath(os.curdir), "").startswith(join(folder, ""))


def _keep_others(old, new):
    """Adds the other files of the old folder to a new SavedModel, without copying them where the disk allows it."""

    def link(source, target):
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:
            shutil.copy2(source, target, follow_symlinks=False)

    def ignore(folder, names):
        return _OF_SAVED_MODELS if folder == old else ()

    shutil.copytree(old, new, symlinks=True, ignore=ignore, copy_function=link, dirs_exist_ok=True)


def _move_into(new, folder):
    """Moves a SavedModel into a folder. Its main file comes last, so that a partly moved one does not count as a
    SavedModel."""
    remove(join(folder, "saved_model.pb"))
    for name in sorted(_OF_SAVED_MODELS, key=lambda name: name == "saved_model.pb"):
        remove(join(folder, name))
        if os.path.exists(join(new, name)):
            tf.io.gfile.rename(join(new, name), join(folder, name))
    remove(new)


class WrittenAside(keras.Model):
    """A Keras model that is saved atomically: an interrupted save leaves the old file intact."""

    exported = "model"
    """What `export` writes, for error messages."""

    def save(self, filepath: Path, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves the model as `keras.Model.save` does, but atomically: an interrupted save leaves the old file intact.

        Raises:
            ValueError: If the path does not end in ".keras".
        """
        if not isinstance(filepath, (str, os.PathLike)) or kwargs.get("zipped") is False:
            return super().save(filepath, overwrite=overwrite, **kwargs)
        path = os.fspath(filepath)
        if not path.endswith(".keras"):
            raise ValueError(
                f'`filepath` must end in ".keras", the only format that holds a whole {type(self).__name__}; '
                "`export(path)` "
                f"writes a SavedModel of its {self.exported}. Received: filepath={path!r}"
            )
        if not overwrite and exists(path) and _replicas.is_chief():
            return super().save(filepath, overwrite=False, **kwargs)  # Keras asks the user
        with replacing(path) as new:
            super().save(new, **kwargs)

    def save_weights(self, filepath: Path, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves the weights as `keras.Model.save_weights` does, but atomically."""
        suffix = ".weights.h5" if _compat.KERAS_3 else ".h5"
        plain = isinstance(filepath, (str, os.PathLike)) and os.fspath(filepath).endswith(suffix) and not kwargs
        if not plain or (not overwrite and exists(filepath)):
            return super().save_weights(filepath, overwrite=overwrite, **kwargs)
        with replacing(filepath) as new:
            super().save_weights(new)
