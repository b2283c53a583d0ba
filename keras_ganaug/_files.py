"""Files as this package writes them: beside their place first, and then renamed, so that a kill leaves the old or the new.

All paths may be of any file system that TensorFlow knows, such as "gs://bucket/folder". What a rename cannot do there, an
object store does by itself: an object appears whole or not at all.
"""

import contextlib
import os
import posixpath
import uuid

import tensorflow as tf

_OF_SAVED_MODELS = ("assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables")


def is_remote(path):
    """Whether a path is of another file system than the machine's own."""
    return "://" in os.fspath(path)


def join(folder, *names):
    """The path of a file in a folder, as a string."""
    return (posixpath if is_remote(folder) else os.path).join(os.fspath(folder), *map(os.fspath, names))


def parent(path):
    """The folder that a file is in, as a string; "" for the current one."""
    scheme, separator, name = os.fspath(path).rpartition("://")
    return scheme + separator + (posixpath if separator else os.path).dirname(name.rstrip("/"))


def exists(path):
    return tf.io.gfile.exists(os.fspath(path))


def is_file(path):
    return exists(path) and not is_folder(path)


def is_folder(path):
    return tf.io.gfile.isdir(os.fspath(path))


def read_text(path):
    with tf.io.gfile.GFile(os.fspath(path), "r") as file:
        return file.read()


def remove(path):
    """Removes a file or a folder, if it is there."""
    if is_folder(path):
        tf.io.gfile.rmtree(os.fspath(path))
    elif exists(path):
        tf.io.gfile.remove(os.fspath(path))


def make_folder(path):
    """Makes a folder, and those that it is in."""
    if os.fspath(path) and not os.fspath(path).endswith("://"):
        tf.io.gfile.makedirs(os.fspath(path))


@contextlib.contextmanager
def replacing(path):
    """Gives the path of a new file beside `path`, with the same suffixes, which takes its place when the context ends well.

    If the context is left by an error the old file stays as it was, and the new one is removed.
    """
    path = os.fspath(path)
    make_folder(parent(path))
    new = join(parent(path), f".{uuid.uuid4().hex[:8]}.{os.path.basename(path)}")
    try:
        yield new
        tf.io.gfile.rename(new, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(tf.errors.OpError, OSError):  # the first error is the one to tell
            remove(new)
        raise


def write(path, content):
    """Writes text or bytes to a file, whole or not at all."""
    with replacing(path) as new, tf.io.gfile.GFile(new, "wb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing_saved_model(path):
    """Gives the path of a new folder for a SavedModel, which takes the place of the one at `path` when all goes well.

    Other files in the old folder, such as a README, stay. In an object store the SavedModel is written in place.
    """
    path = os.fspath(path).rstrip("/")
    if is_remote(path):
        yield path
        return
    make_folder(parent(path))
    mark = uuid.uuid4().hex[:8]
    new, old = (join(parent(path), f".{os.path.basename(path)}.{mark}.{kind}") for kind in ("new", "old"))
    try:
        yield new
        if exists(path):
            for name in tf.io.gfile.listdir(path):
                if name.rstrip("/") not in _OF_SAVED_MODELS:
                    _copy(join(path, name.rstrip("/")), join(new, name.rstrip("/")))
            tf.io.gfile.rename(path, old)
        tf.io.gfile.rename(new, path)
        remove(old)
    except BaseException:
        with contextlib.suppress(tf.errors.OpError, OSError):
            if exists(old) and not exists(path):
                tf.io.gfile.rename(old, path)
            remove(new)
        raise


def _copy(source, target):
    if not is_folder(source):
        tf.io.gfile.copy(source, target)
        return
    make_folder(target)
    for name in tf.io.gfile.listdir(source):
        _copy(join(source, name.rstrip("/")), join(target, name.rstrip("/")))


class WrittenAside:
    """The part of a Keras model that is saved beside its place first, so that a kill leaves the old file."""

    exported = "model"
    """What `export` writes, for the errors."""

    def save(self, filepath, overwrite=True, **kwargs):
        """As `keras.Model.save`, into a `.keras` file; written beside its place first, so that a kill leaves the old one.

        Raises:
            ValueError: For a path that does not end in ".keras".
        """
        if not isinstance(filepath, (str, os.PathLike)) or kwargs.get("zipped") is False:
            return super().save(filepath, overwrite=overwrite, **kwargs)
        path = os.fspath(filepath)
        if not path.endswith(".keras"):
            raise ValueError(
                f'`filepath` must end in ".keras", the one format that holds all of a {type(self).__name__}; `export(path)` '
                f"writes a SavedModel of its {self.exported}. Received: filepath={path!r}"
            )
        if not overwrite and exists(path):
            return super().save(filepath, overwrite=False, **kwargs)  # Keras asks
        with replacing(path) as new:
            super().save(new, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """As `keras.Model.save_weights`; written beside its place first, so that a kill leaves the old file."""
        plain = isinstance(filepath, (str, os.PathLike)) and os.fspath(filepath).endswith(".h5") and not kwargs
        if not plain or (not overwrite and exists(filepath)):
            return super().save_weights(filepath, overwrite=overwrite, **kwargs)
        with replacing(filepath) as new:
            super().save_weights(new)
