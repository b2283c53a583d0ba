"""How a generator is written into the assets of a `.keras` file, and read back.

A GAN or a Keras model travels as a Keras object: its config, and the weights that its samples come from. Anything else
travels as a SavedModel. That is a program, and is read only where the user allows it.
"""

import io
import json
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _files
from keras_ganaug.generators import export
from keras_ganaug.generators import source as sources
from keras_ganaug.generators.filtered import FilteredGenerator

_CONFIG, _WEIGHTS, _INNER = "generator.json", "weights.npz", "generator"


def write(source, folder):
    """Writes a `Source` into a new folder.

    Args:
        source: The `Source`.
        folder: Path to write.
    """
    filtered = type(source) is FilteredGenerator
    try:
        content = None
        if filtered:
            content = {"object": _config(source.classifier), "band": source.band, "candidates": source.candidates}
        elif isinstance(source, sources.GANSource):
            content = {"object": _config(source.gan)}
        elif isinstance(source, sources.ModelSource):
            content = {"object": _config(source.model), "num_classes": source.num_classes}
        text = None if content is None else json.dumps({**content, "unseen_classes": source.unseen_classes}, indent=1)
    except Exception as error:  # a user's layer raises what it likes in `get_config`
        text = None
        warnings.warn(
            "`generator` must be made of layers that a config describes, to be saved as a Keras object. It is saved as a "
            "SavedModel, and the file is loaded with `safe_mode=False` alone. Received: one whose config raised "
            f"{type(error).__name__}: {error}",
            stacklevel=2,
        )
    if text is None:
        export.export_generator(source, folder)
        return
    if filtered:
        write(source.source, _files.join(folder, _INNER))
    weights = io.BytesIO()
    np.savez(weights, **{str(n): _as_numpy(variable) for n, variable in enumerate(_variables(source))})
    _files.write(_files.join(folder, _WEIGHTS), weights.getvalue())
    _files.write(_files.join(folder, _CONFIG), text)


def read(folder, safe_mode, custom_objects=None):
    """The `Source` that `write` wrote into a folder.

    Args:
        folder: Its path; None if there is none.
        safe_mode: Whether to refuse what may run a program that the file brings along, as of `keras.models.load_model`.
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
            "`safe_mode` must be False for a file whose generator is a SavedModel: that is a program, and loading runs it. "
            "Load it with `keras.models.load_model(path, safe_mode=False)` if you trust who made it. "
            "Received: safe_mode=True"
        )
    source = sources.unchecked(folder)
    source.path = None
    return source


def _read_object(folder, safe_mode, custom_objects):
    content = _read_content(folder)
    model = keras.saving.deserialize_keras_object(content["object"], custom_objects=custom_objects, safe_mode=safe_mode)
    if not isinstance(model, keras.Model):
        raise ValueError(f"A generator in a file must be a Keras model. Received: {type(model).__name__}")
    filtered = "band" in content
    source = None
    if filtered:
        inner = read(_files.join(folder, _INNER), safe_mode, custom_objects)
        if not model.built:
            model(np.zeros([1, *inner.image_shape], np.float32))
        variables = _weights(model)
    else:
        source = sources.unchecked(model, content.get("num_classes"))
        variables = _variables(source)
    _assign(variables, _files.join(folder, _WEIGHTS))
    if filtered:
        return FilteredGenerator(inner, model, content["band"], content["candidates"])
    source.unseen_classes = tuple(content["unseen_classes"])
    return source


def _read_content(folder):
    text = _files.read_text(_files.join(folder, _CONFIG))
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"A generator in a file must be described in JSON. Received: {error}") from error
    if not isinstance(content, dict) or not {"object", "unseen_classes"} <= content.keys():
        raise ValueError(f"A generator in a file must be described by its config. Received: {text[:100]!r}")
    return content


def _variables(source):
    return _weights(source.classifier) if isinstance(source, FilteredGenerator) else source.state


def _weights(model):
    return [_compat.tf_variable(weight) for weight in model.weights]


def _config(model):
    """The config of a model, without how it was compiled."""
    if not hasattr(model, "ema_generator"):
        return _not_compiled(keras.saving.serialize_keras_object(model))
    cls = type(model)
    return {
        "module": cls.__module__,
        "class_name": cls.__name__,
        "config": _not_compiled(model.get_config()),
        "registered_name": keras.saving.get_registered_name(cls),
    }


def _not_compiled(config):
    if isinstance(config, dict):
        return {name: _not_compiled(value) for name, value in config.items() if name != "compile_config"}
    return [_not_compiled(value) for value in config] if isinstance(config, (list, tuple)) else config


def _as_numpy(variable):
    value = tf.convert_to_tensor(variable)
    return (tf.cast(value, tf.float32) if value.dtype == tf.bfloat16 else value).numpy()  # NumPy has no bfloat16


def _assign(variables, path):
    with tf.io.gfile.GFile(path, "rb") as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as stored:
        values = [stored[str(n)] for n in range(len(stored.files))]
    shapes, expected = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if shapes != expected:
        raise ValueError(f"The weights of a generator in a file must have the shapes {expected}. Received: {shapes}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(tf.cast(value, variable.dtype))
