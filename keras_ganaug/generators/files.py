"""Loads generators from paths."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping

import keras
import tensorflow as tf

from keras_ganaug import _files
from keras_ganaug.generators.generator import Generator, as_generator
from keras_ganaug.generators.saved_model import SavedModelGenerator, first_line, refused

GAN_FILE = "gan.keras"  # in the folder of a run that `fit_for` trained
_HDF5 = b"\x89HDF\r\n\x1a\n"  # the first bytes of such files


@as_generator.register(str)
@as_generator.register(os.PathLike)
def _(path: str | os.PathLike, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    return from_path(os.path.expanduser(os.fspath(path)), num_classes)


def from_path(path: str, num_classes: int | Mapping[str, int] | None = None) -> Generator:
    """Loads the generator from a `.keras` file, a SavedModel, or the folder of a run of `fit_for`.

    Raises:
        ValueError: If there is none.
    """
    try:
        exists, is_folder = _files.exists(path), _files.is_folder(path)
    except (tf.errors.OpError, OSError) as error:  # such as an unknown file system
        raise refused(path, f"which cannot be read: {first_line(error)}") from error
    if not exists:
        raise refused(path, "which does not exist")
    if is_folder:
        if _files.exists(_files.join(path, GAN_FILE)):
            return from_path(_files.join(path, GAN_FILE), num_classes)
        if not _files.exists(_files.join(path, "saved_model.pb")):
            raise refused(path, f"a folder with neither a SavedModel nor {GAN_FILE}, the GAN of a finished run")
        return SavedModelGenerator(path)
    if path.endswith(".keras"):
        model = _keras_model(path)
        try:
            generator = as_generator(model, num_classes)
        except (ValueError, TypeError) as error:
            raise refused(path, f"with a model that is not a generator: {error}") from error
        generator.path = path
        return generator
    if path.endswith((".h5", ".hdf5")):
        raise refused(path, "an HDF5 file, which cannot hold a whole generator: save it as a `.keras` file")
    if os.path.basename(path) == "saved_model.pb":
        raise refused(path, "one file of a SavedModel: pass the folder that it is in")
    raise refused(path, "a file that is neither of the two")


def _keras_model(path):
    """Loads the model from a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        local = path
        if _files.is_remote(path):
            local = os.path.join(folder, "generator.keras")
            tf.io.gfile.copy(path, local)
        with open(local, "rb") as file:
            is_hdf5 = file.read(len(_HDF5)) == _HDF5
        if is_hdf5:
            raise refused(path, "in fact an HDF5 file, as older versions of Keras wrote: save it again as a `.keras` file")
        if not zipfile.is_zipfile(local):
            raise refused(path, "a broken file: it is no zip archive, or only the first part of one")
        with zipfile.ZipFile(local) as archive:
            if "config.json" not in archive.namelist():
                raise refused(path, "a zip archive that Keras did not write: it has no config.json")
        try:
            return keras.models.load_model(local, compile=False)
        except Exception as error:  # Keras passes on any error from reading a broken file
            raise refused(path, f"which Keras cannot load: {first_line(error)}") from error
