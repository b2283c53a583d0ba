"""Lowers train steps to StableHLO, for machines without TensorFlow.

Needs TensorFlow. `stablehlo.py` runs what this writes: for each step the program, and a description of its inputs.
"""

import gzip
import json
import re

import numpy as np
import tensorflow as tf

LITERAL = 1 << 14  # numbers of an array that are written as they are
_TYPES = {"float32": "f32", "float64": "f64", "bfloat16": "bf16", "float16": "f16", "bool": "i1"}
_TYPES |= {f"{s}int{n}": f"{t}i{n}" for s, t in (("", ""), ("u", "u")) for n in (8, 16, 32, 64)}


def lower(folder, name, step, arguments, facts, literal=LITERAL):
    """Writes one train step.

    Args:
        folder: Folder to write into; "NAME.mlir.gz", "NAME.npz" and "NAME.json".
        name: Name of the step.
        step: Function of Keras's `data`, such as a model's `train_step`, that returns a dict of scalars.
        arguments: The data: a tuple of arrays.
        facts: What else `NAME.json` says.
        literal: Float arrays with more numbers are described by mean and deviation, and drawn anew where they are needed.
            Defaults to 2^14.
    """
    compiled = tf.function(step, jit_compile=True, autograph=False)
    data = tuple(map(tf.constant, arguments))
    concrete = compiled.get_concrete_function(data)
    by_handle = {id(variable.handle): variable for variable in concrete.graph.variables}
    variables = [by_handle[id(handle)] for handle in concrete.captured_inputs]
    text = compiled.experimental_get_compiler_ir(data)(stage="stablehlo")
    text = text.decode() if isinstance(text, bytes) else text
    values = [each.numpy() for each in (*data, *variables)]
    check_inputs(text, values)
    literals, inputs = {}, []
    for number, value in enumerate(values):
        inputs.append(described(value, number, literal))
        if "array" in inputs[-1]:
            literals[inputs[-1]["array"]] = value
    stem = name.replace(" ", "_")
    with gzip.open(folder / f"{stem}.mlir.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    np.savez_compressed(folder / f"{stem}.npz", **literals)
    outputs = sorted(concrete.structured_outputs)
    about = {"name": name, "inputs": inputs, "outputs": outputs, **facts}
    (folder / f"{stem}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def check_inputs(text, values):
    """Checks that a program takes these arrays in this order, and calls nothing that only this machine has."""
    signature = re.search(r"func\.func (?:public )?@main\((.*?)\)\s*->", text, re.DOTALL)
    received = re.findall(r"%arg\d+: tensor<([^>]*)>", signature[1]) if signature else []
    expected = ["x".join([*map(str, each.shape), _TYPES[each.dtype.name]]) for each in values]
    if received != expected:
        raise ValueError(f"Expected: inputs {expected[:5]} and so on. Received: {received[:5]} and so on")
    calls = sorted(set(re.findall(r"custom_call @(\w+)", text)))
    if calls:
        raise ValueError(f"Expected: a program of StableHLO's own operations. Received: calls of {calls}")


def described(value, number, literal):
    """How to make an array again: it is filled with one number, drawn with a mean and a deviation, or stored."""
    shape = {"shape": list(value.shape), "dtype": value.dtype.name}
    if value.size and (value == value.flat[0]).all():
        return {**shape, "fill": value.flat[0].item()}
    if value.dtype == np.float32 and value.size > literal:
        return {**shape, "seed": number, "mean": float(value.mean()), "deviation": float(value.std())}
    return {**shape, "array": f"a{number}"}
