"""Writes functions as ONNX and LiteRT files, for runtimes other than TensorFlow."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _extras, _files

FORMATS = ("saved_model", "onnx", "tflite")
NAMES = {"onnx": "ONNX", "tflite": "LiteRT"}


def write(
    path: str | os.PathLike,
    format: str,
    make: Callable[[], Any],
    variables: Any,
    what: str,
    description: Mapping[str, Any] | None = None,
) -> None:
    """Writes a function as a file, atomically: an older file stays intact until the new one is complete.

    Args:
        path: The file, on any file system that TensorFlow knows.
        format: "onnx" or "tflite".
        make: Returns the `tf.function`, with an input signature of named `tf.TensorSpec`s. The function returns a dict.
        variables: Object that holds its variables.
        what: "generator" or "classifier", for errors.
        description: Properties that an ONNX file stores as its metadata, in JSON. LiteRT files store none. Defaults to None.

    Raises:
        ValueError, TypeError: For a path that cannot be written, and operations that the format does not have.
        ImportError: If the packages of the extra "exports" are not installed.
    """
    path = os.path.expanduser(_checks.path(path))
    if _files.is_folder(path):
        raise ValueError(
            f"`path` must be a file to write, for format={format!r}. Received: {str(path)!r}, which is a folder"
        )
    _checks.new_folder(_files.parent(path) or os.curdir)
    packages = [_extras.load(name, f"format={format!r}", "exports") for name in ("onnx", "tf2onnx") if format == "onnx"]
    function = make()
    try:
        content = _onnx(function, description or {}, *packages) if packages else _litert(function, variables)
    except Exception as error:  # the converters have no common class of errors
        reason = _reason(error, function)
        raise ValueError(
            f'`format` must be "saved_model" for this {what}, which {NAMES[format]} cannot represent: {reason}. '
            f"Received: format={format!r}"
        ) from error
    _files.write(path, content)


def _reason(error, function):
    """Why a conversion failed, in one line."""
    operations = function.get_concrete_function().graph.get_operations()
    types = {output.dtype for operation in operations for output in operation.outputs} & {tf.float16, tf.bfloat16}
    if types:
        return f"it has few operations in {types.pop().name}, which mixed precision uses"
    told = re.findall(r"^(?:Custom|Flex|TF Select) ops: (.+)$", str(error), re.MULTILINE)
    if told:
        return f"it has no {', '.join(sorted({name for names in told for name in names.split(', ')}))}"
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _onnx(function, description, onnx, tf2onnx):
    """The content of an ONNX file for the function."""
    logger = logging.getLogger(tf2onnx.__name__)
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it logs every operation that it cannot convert, and continues
    try:
        model, _ = tf2onnx.convert.from_function(function, function.input_signature)
    finally:
        logger.setLevel(level)
    has = {schema.name for schema in onnx.defs.get_all_schemas()}
    missing = {node.op_type for node in _nodes(model.graph)} - has
    if missing:
        raise ValueError(f"it has no {', '.join(sorted(missing))}")
    onnx.checker.check_model(model)
    # Constants from outside of the function, which tf2onnx mistakes for inputs.
    captured = {inner.name: value for value, inner in function.get_concrete_function().graph.captures}
    for given in [given for given in model.graph.input if given.name in captured]:
        model.graph.input.remove(given)
        model.graph.initializer.append(onnx.numpy_helper.from_array(captured[given.name].numpy(), given.name))
    for value in [*model.graph.input, *model.graph.output]:
        for size in value.type.tensor_type.shape.dim[:1]:
            if size.dim_param:  # the number of images, which tf2onnx names differently for each input
                size.dim_param = "n"
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in description.items()})
    return model.SerializeToString()


def _nodes(graph):
    """All nodes of an ONNX graph and its subgraphs."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)


def _litert(function, variables):
    """The content of a LiteRT file for the function."""
    root = tf.Module()
    root.function, root.state = function, variables
    with tempfile.TemporaryDirectory() as folder:  # converting the function directly would lose the names of its inputs
        tf.saved_model.save(root, folder, signatures=function)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        return converter.convert()


def of_model(model: keras.Model) -> Any:
    """Wraps a Keras model with known inputs as a function for `write`. Its outputs are "output_0" and so on, as in Keras.

    Raises:
        ValueError: If the inputs of the model are not known.
    """
    given = getattr(model, "inputs", None)
    if not given:
        raise ValueError(
            "`model` must be built from `keras.Input`s to be exported as ONNX or LiteRT, or a Sequential that has one. "
            f"Received: {model!r}"
        )
    structure = given[0] if isinstance(model, keras.Sequential) else model.input
    given = tf.nest.flatten(structure)

    @tf.function(
        input_signature=[tf.TensorSpec(x.shape, x.dtype, name=re.sub(r"\W", "_", x.name)) for x in given], autograph=False
    )
    def predict(*inputs):
        outputs = tf.nest.flatten(model(tf.nest.pack_sequence_as(structure, inputs), training=False))
        return {f"output_{place}": output for place, output in enumerate(outputs)}

    return predict
