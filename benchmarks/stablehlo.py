"""Runs on JAX's runtime the train steps that `lowering.py` wrote. Needs JAX alone.

The programs are those that `tf.function(jit_compile=True)` would compile. Variables that a step updates take over the
buffers that they came in.
"""

import gzip
import json
import re

import jax
import numpy as np
from jax._src.interpreters import mlir
from jax._src.lib import xla_client
from jaxlib.mlir import ir

jax.config.update("jax_enable_x64", True)


def names(folder):
    """The steps in a folder, as the contents of their `NAME.json`."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


class Program:
    """One train step.

    Args:
        folder: The folder of `lowering.lower`.
        about: The contents of its `NAME.json`.
    """

    def __init__(self, folder, about):
        stem = about["name"].replace(" ", "_")
        self.about, self.client = about, jax.local_devices()[0].client
        with gzip.open(folder / f"{stem}.mlir.gz", "rt", encoding="utf-8") as file:
            text = file.read()
        with mlir.make_ir_context():
            module = ir.Module.parse(text)
            self.aliases = dict(_aliases(module.operation.attributes))
            self.code = mlir.module_to_bytecode(module)
        stored = np.load(folder / f"{stem}.npz")
        self.arguments = [jax.device_put(_array(each, stored)) for each in about["inputs"]]
        self.executable, self.outputs = None, None

    def compile(self):
        options = xla_client.CompileOptions()
        if hasattr(self.client, "compile_and_load"):
            devices = xla_client.DeviceList(tuple(self.client.local_devices()[:1]))
            self.executable = self.client.compile_and_load(self.code, devices, options)
        else:  # older releases
            self.executable = self.client.compile(self.code, options)

    def step(self):
        """Starts one step."""
        results = self.executable.execute_sharded(self.arguments).disassemble_into_single_device_arrays()
        self.outputs = [each[0] for each in results]
        for argument, output in self.aliases.items():
            self.arguments[argument] = self.outputs[output]

    def wait(self):
        jax.block_until_ready(self.outputs)

    def losses(self):
        """The scalars of the last step, by name."""
        return {name: float(output) for name, output in zip(self.about["outputs"], self.outputs)}


def _aliases(attributes):
    """Pairs of the number of an argument and that of the output which takes over its buffer."""
    if "mhlo.input_output_alias" in attributes:
        for entry in ir.ArrayAttr(attributes["mhlo.input_output_alias"]):
            found = re.search(r"parameter_number = (\d+).*output_index = array<i64: (\d+)>", str(entry))
            yield int(found[1]), int(found[2])


def _array(of, stored):
    if "array" in of:
        return stored[of["array"]]
    if "fill" in of:
        return np.full(of["shape"], of["fill"], of["dtype"])
    rng = np.random.default_rng(of["seed"])
    return (of["mean"] + of["deviation"] * rng.standard_normal(of["shape"])).astype(of["dtype"])
