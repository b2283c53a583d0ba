"""`benchmarks/gpu.py`: what is lowered here, and that it computes the same where TensorFlow is not."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug import _compat

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
NO_JAX = "JAX is not installed: it comes with the extra `benchmarks`"
NO_TORCH = "PyTorch is not installed: it comes with the extra `benchmarks`"


def missing(name):
    return importlib.util.find_spec(name) is None


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.mark.skipif(not _compat.KERAS_3, reason="an older TensorFlow does not write StableHLO")
def test_what_is_written_of_a_step(tmp_path):
    import lowering

    weights = [tf.Variable(value) for value in (np.zeros([2, 3], "float32"), np.arange(5000, dtype="float32"))]

    def step(data):
        weights[0].assign_add(data[0])
        return {"sum": tf.reduce_sum(weights[0]) + tf.reduce_sum(weights[1])}

    given = (np.ones([2, 3], "float32"),)
    lowering.lower(tmp_path, "a step", step, given, {"width": 7}, literal=100)
    about = json.loads((tmp_path / "a_step.json").read_text())
    assert about["name"] == "a step" and about["width"] == 7 and about["outputs"] == ["sum"]
    data, *of = sorted(about["inputs"], key=lambda each: len(each["shape"]), reverse=True)
    assert (data["fill"], {each.get("fill") for each in of}) == (1.0, {0.0, None})
    [drawn] = [each for each in of if "seed" in each]
    assert (drawn["shape"], drawn["mean"]) == ([5000], 2499.5)
    assert drawn["deviation"] == pytest.approx(np.arange(5000).std())
    assert {file.name for file in tmp_path.iterdir()} == {"a_step.json", "a_step.npz", "a_step.mlir.gz"}


def test_other_inputs_and_calls_of_this_machine_are_refused():
    import lowering

    text = "func.func @main(%arg0: tensor<2x3xf32>, %arg1: tensor<i64>) -> (tensor<f32>) { stablehlo.add }"
    given = [np.zeros([2, 3], "float32"), np.array(1)]
    lowering.check_inputs(text, given)
    with pytest.raises(ValueError, match="Expected: inputs"):
        lowering.check_inputs(text, given[::-1])
    with pytest.raises(ValueError, match="onednn"):
        lowering.check_inputs(text + "stablehlo.custom_call @onednn(%arg0)", given)


@pytest.mark.skipif(missing("jax"), reason=NO_JAX)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SNGAN", "StyleGAN", "StarGAN"])
def test_the_losses_on_jax_are_those_of_tensorflow(name, tmp_path):
    import gpu
    import jax
    import stablehlo

    case = {name: ((8, 8, 1), 4, 8)}
    gpu.lower_all(tmp_path, case, ["float32"], literal=10**9)
    [about] = stablehlo.names(tmp_path)
    program = stablehlo.Program(tmp_path, about)
    program.compile()
    gan = getattr(kga, name)((8, 8, 1), gpu.CLASSES, width=4, seed=1)
    gan.compile()
    images = np.random.default_rng(0).integers(0, 256, [8, 8, 8, 1], "uint8")
    data = tf.constant(images), tf.constant(np.arange(8) % gpu.CLASSES)
    step = tf.function(gan.train_step, autograph=False)
    before = list(program.arguments)
    for _ in range(3):  # losses are running means
        program.step()
        program.wait()
        losses = {key: float(value) for key, value in step(data).items()}
        assert program.losses() == pytest.approx(losses, abs=1e-4)
    assert jax.devices()[0].platform != "cpu" or all(each.is_deleted() for each in _updated(program, before))


def _updated(program, arguments):
    """The arguments that a step takes over the buffers of."""
    updated = [arguments[number] for number in program.aliases]
    assert len(updated) > 20
    return updated


@pytest.mark.skipif(missing("jax"), reason=NO_JAX)
@pytest.mark.skipif(missing("torch"), reason=NO_TORCH)
@pytest.mark.long
def test_a_short_run_without_tensorflow(tmp_path):
    import gpu

    lowered, file = tmp_path / "lowered", tmp_path / "gpu.json"
    gpu.main(["--lower", str(lowered), "--tiny", "--cases", "SNGAN"])
    gpu.main(["--lower", str(lowered), "--tiny", "--cases", "augmented ResNet-50", "--precisions", "bfloat16"])
    script = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n"
        "for name in ('tensorflow', 'keras', 'keras_ganaug'): sys.modules[name] = None\n"
        "import torch; torch.compile = lambda function: function  # it takes a minute\n"
        "import gpu; gpu.main(sys.argv[1:])"
    )
    options = ["--rounds", "1", "--steps", "1", "--product", "64"]
    command = [sys.executable, "-c", script, "--run", lowered, "--json", file, *options]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(file.read_text())
    cases = ["SNGAN float32", "SNGAN bfloat16", "augmented ResNet-50 bfloat16"]
    assert list(report["cases"]) == cases and not report["left_out"]
    for case in report["cases"].values():
        assert all(each.get("ms", 0) > 0 for each in case["contenders"].values()), case
        assert len(case["contenders"]) == 4 and case["times_as_fast"] > 0 and 0 < case["share_of_peak"] < 1
    page = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert all(f"| {name}, " in page for name in cases)


def test_the_page_of_the_results_names_the_commands():
    import gpu

    assert gpu.COMMANDS.partition(" writes")[0] in (FOLDER.parent / "results" / "gpu.md").read_text(encoding="utf-8")
