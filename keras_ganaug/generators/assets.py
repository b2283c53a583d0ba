"""Writes a generator into the assets of a `.keras` file, and reads it back.

A GAN or a Keras model is saved as a Keras object: its config and the weights that its samples depend on. Any other generator
is saved as a SavedModel. A SavedModel is a program, so it is read only if the user allows it.
"""

from __future__ import annotations

import io
import json
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _files, _watch
from keras_ganaug.generators.filtered import FilteredGenerator
from keras_ganaug.generators.generator import Generator, as_generator
from keras_ganaug.generators.keras_model import variables_of
from keras_ganaug.generators.one_attribute import OneAttribute
from keras_ganaug.generators.saved_model import SavedModelGenerator
from keras_ganaug.generators.translations import Translations
from keras_ganaug.generators.union import GeneratorUnion

_CONFIG, _WEIGHTS, _INNER = "generator.json", "weights.npz", "generator"
_KINDS = {"object", "label", "domains", "union"}  # keys that identify the kind of a generator


def write(generator: Generator, folder: str) -> None:
    """Writes a generator into a new folder."""
    text = None
    try:
        stored = generator.to_object()
        if stored is not None:
            content, variables, inner = stored
            text = json.dumps({**content, "unseen_classes": list(generator.unseen_classes)}, indent=1)
    except Exception as error:  # a user's layer may raise any error in `get_config`
        warnings.warn(
            "`generator` must consist of layers with a working `get_config` to be saved as a Keras object. It is saved as "
            "a SavedModel instead, and the file can be loaded only with `safe_mode=False`. "
            "Received: one whose config raised "
            f"{type(error).__name__}: {error}",
            stacklevel=2,
        )
    if text is None:
        generator.export(folder)
        return
    for place, each in enumerate(inner):
        write(each, _inner_folder(folder, place))
    weights = io.BytesIO()
    np.savez(weights, **{str(n): _as_numpy(variable) for n, variable in enumerate(variables)})
    _files.write(_files.join(folder, _WEIGHTS), weights.getvalue())
    _files.write(_files.join(folder, _CONFIG), text)


def read(folder: str | None, safe_mode: bool, custom_objects: Any = None) -> Generator:
    """Reads the generator that `write` wrote into a folder.

    Args:
        folder: Its path; None if there is none.
        safe_mode: Whether to refuse files that may run a program when they are loaded, see `keras.models.load_model`.
        custom_objects: Mapping from names to classes or functions. Defaults to None.

    Raises:
        ValueError: If the folder holds no generator, or one that `safe_mode` refuses.
    """
    if folder is not None and _files.is_file(_files.join(folder, _CONFIG)):
        return _read_object(folder, safe_mode, custom_objects)
    if folder is None or not _files.is_file(_files.join(folder, "saved_model.pb")):
        raise ValueError("A file with a GANAugmentation must hold its generator. Received: a file without it")
    if safe_mode:
        raise ValueError(
            "`safe_mode` must be False for a file whose generator is a SavedModel: a SavedModel is a program that runs "
            "when it is loaded. Load it with `keras.models.load_model(path, safe_mode=False)` if you trust its source. "
            "Received: safe_mode=True"
        )
    generator = SavedModelGenerator(folder)
    generator.path = None
    return generator


def _read_object(folder, safe_mode, custom_objects):
    content, inner = _read_content(folder), []
    while _files.exists(_inner_folder(folder, len(inner))):
        inner.append(read(_inner_folder(folder, len(inner)), safe_mode, custom_objects))
    if "object" not in content:
        return _of_others(content, inner)
    model = keras.saving.deserialize_keras_object(content["object"], custom_objects=custom_objects, safe_mode=safe_mode)
    if not isinstance(model, keras.Model):
        raise ValueError(f"A generator in a file must be a Keras model. Received: {type(model).__name__}")
    if "band" in content:
        if not model.built:
            model(np.zeros([1, *inner[0].image_shape], np.float32))
        _assign(variables_of(model), folder)
        return FilteredGenerator(inner[0], model, content["band"], content["candidates"])
    generator = as_generator(model, content.get("num_classes"))
    _assign(generator.variables, folder)
    generator.unseen_classes = tuple(content["unseen_classes"])
    return generator


def _of_others(content, inner):
    """A generator that only combines other generators."""
    if "union" in content:
        return GeneratorUnion(inner, [dict(pairs) for pairs in content["union"]], content["num_classes"])
    if "domains" in content:
        return Translations(*inner, content["domains"])
    return OneAttribute(*inner, content["label"], content["attributes"])


def _inner_folder(folder, place):
    return _files.join(folder, f"{_INNER}_{place}" if place else _INNER)


def _read_content(folder):
    text = _files.read_text(_files.join(folder, _CONFIG))
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"A generator in a file must be described in JSON. Received: {error}") from error
    if not isinstance(content, dict) or not _KINDS & {*content} or "unseen_classes" not in content:
        raise ValueError(f"A generator in a file must be described by its config. Received: {text[:100]!r}")
    return content


def _as_numpy(variable):
    value = tf.convert_to_tensor(variable)
    return (tf.cast(value, tf.float32) if value.dtype == tf.bfloat16 else value).numpy()  # NumPy has no bfloat16


def _assign(variables, folder):
    path = _files.join(folder, _WEIGHTS)
    with tf.io.gfile.GFile(path, "rb") as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as stored:
        values = [stored[str(n)] for n in range(len(stored.files))]
    shapes, expected = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if shapes != expected:
        raise ValueError(f"The weights of a generator in a file must have the shapes {expected}. Received: {shapes}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(tf.cast(value, variable.dtype))


class Loading:
    """Stores the options of the current load for a layer, since Keras clears them before it reads the assets."""

    def __init__(self) -> None:
        self._allowed = {"safe_mode": _compat.safe_mode(), "custom_objects": _compat.custom_objects()}
        self._error: Exception | None = None

    def read(self, dir_path: str | None, expected: Generator) -> Generator:
        """Reads the generator from a layer's assets. It must match the description in the layer's config."""
        if dir_path is None and self._error is not None:
            raise self._error  # Keras tries again when it visits the layer a second time
        try:
            generator = read(dir_path and _files.join(dir_path, "generator"), **self._allowed)
            for name in ("image_shape", "conditional", "num_classes", "value_range"):
                told, received = expected.description[name], generator.description[name]
                if repr(received) != repr(told):  # `repr` also compares the order of attributes
                    raise ValueError(
                        f"The generator in a file must have the {name} of the file's config, {told}. Received: {received}"
                    )
        except Exception as error:
            self._error = error
            raise
        try:
            _watch.check_generator(generator)
        except ValueError as error:  # the classifier in the same file may still be usable
            warnings.warn(str(error), stacklevel=3)
        return generator
