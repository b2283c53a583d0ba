"""The examples: what is cheap about them in each run, and with EXAMPLES=1 all of them to the end, with tiny budgets.

`EXAMPLES=1 pytest --dist load tests/test_examples.py` is a step of `.ci/run`, and takes minutes. `test_addons.py` has
tensorflow_addons.py; replay.py runs as its notebook.
"""

import importlib
import importlib.util
import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tools import small_gan

import keras_ganaug as kga
from keras_ganaug import _compat

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOKS = EXAMPLES / "notebooks"
pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="the package is installed without its examples")
whole = pytest.mark.skipif("EXAMPLES" not in os.environ, reason="takes minutes: EXAMPLES=1 runs it")
SCRIPTS = sorted({path.stem for path in EXAMPLES.glob("*.py")} - {"common", "tensorflow_addons"})


@pytest.fixture
def example(monkeypatch, tmp_path):
    """Imports an example, in an empty folder."""
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)
    yield importlib.import_module
    for name in [*SCRIPTS, "common"]:
        sys.modules.pop(name, None)


def run(name, monkeypatch, *arguments):
    """Runs a script as from a command line, with constants that the test set."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    return importlib.import_module(name).main()


def made(folder, name):
    """Whether the example drew its picture."""
    return (folder / f"{name}.png").read_bytes()[1:4] == b"PNG"


def maker():
    pytest.importorskip("jupytext", reason="notebooks are made by it")
    spec = importlib.util.spec_from_file_location("make_notebooks", NOTEBOOKS / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["folder", "replay"])
def test_notebooks_are_those_of_the_scripts(name):
    make = maker()
    notebook = make.nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    assert notebook == make.notebook(name), "python examples/notebooks/make.py makes them anew"
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_the_page_lists_all_examples():
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text(encoding="utf-8")
    links = {f"(../examples/{path.relative_to(EXAMPLES)})" for path in [*EXAMPLES.glob("*.py"), *NOTEBOOKS.glob("*.ipynb")]}
    assert not {link for link in links if link not in page} - {"(../examples/common.py)"}


@pytest.mark.parametrize("name", ["applications", "fashion_mnist", "folder", "multi_gpu", "replay", "unseen_combinations"])
def test_help(example, monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert f"python examples/{name}.py" in capsys.readouterr().out


def test_styles_of_unseen_combinations(example):
    """Each digit is seen in two styles; the oracle has the others, and no image of the training set."""
    unseen = example("unseen_combinations")
    images, labels = unseen.training_images(0)
    pairs = {(digit, style) for digit, style in labels.tolist()}
    assert len(pairs) == 20 and all(sum(digit == d for d, _ in pairs) == 2 for digit in range(10))
    others, their = unseen.oracle(0)
    assert len(others) == 3 * len(images)
    assert len(np.unique(np.concatenate([labels, their]), axis=0)) == 40


def test_replicas_are_compared(example, two_replicas, capsys):
    multi_gpu = example("multi_gpu")
    with two_replicas.scope():
        gan = small_gan()
    assert multi_gpu.compare_replicas("GAN", gan, two_replicas)
    weight = _compat.tf_variable(gan.generator.trainable_weights[0])
    two_replicas.experimental_local_results(weight)[1].assign_add(tf.ones(weight.shape))
    assert not multi_gpu.compare_replicas("GAN", gan, two_replicas)
    count = len(gan.weights)
    assert f"GAN: {count - 1} of {count} weights are equal on 2 replica(s)" in capsys.readouterr().out


@whole
def test_quickstart(example, monkeypatch, tmp_path, capfd):
    quickstart, replay = example("quickstart"), example("replay")
    for name, value in {"SEEDS": (0,), "GAN_EPOCHS": 1, "STEPS_PER_EPOCH": 4, "CLASSIFIER_STEPS": 4}.items():
        monkeypatch.setattr(quickstart, name, value)
    monkeypatch.setattr(replay, "GAN_STEPS", 10), monkeypatch.setattr(replay, "STEPS", 4)
    quickstart.main()
    printed = capfd.readouterr().out
    assert made(tmp_path, "quickstart") and "the generator" in printed and "[(5, 8, 8, 1)]" in printed


@whole
def test_unseen_combinations(example, monkeypatch, tmp_path, capsys):
    unseen = example("unseen_combinations")
    monkeypatch.setattr(unseen, "GAN_STEPS", 5), monkeypatch.setattr(unseen, "STEPS", 2)
    run("unseen_combinations", monkeypatch)
    assert made(tmp_path, "unseen_combinations") and "oracle" in capsys.readouterr().out


@whole
def test_applications(example, monkeypatch, tmp_path, capsys):
    run("applications", monkeypatch, "--turns", "1", "--steps", "2")
    assert made(tmp_path, "applications") and "adds" in capsys.readouterr().out


@whole
def test_multi_gpu(example, monkeypatch, tmp_path, capsys):
    multi_gpu = example("multi_gpu")
    monkeypatch.setattr(multi_gpu, "split_cpu", lambda: None)  # the tests did
    assert run("multi_gpu", monkeypatch, "--steps", "4") == 0
    assert made(tmp_path, "multi_gpu") and "on 2 replica(s)" in capsys.readouterr().out


@whole
@pytest.mark.skipif(not kga.datasets._DEBIAN_FASHION_MNIST.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_fashion_mnist(example, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", "fashion_mnist.py --steps 2 --classifier-steps 2 --seeds 0".split())
    runpy.run_path(str(EXAMPLES / "fashion_mnist.py"), run_name="__main__")
    assert made(tmp_path, "fashion_mnist") and "no clear difference" in capsys.readouterr().out


@whole
def test_folder(example, monkeypatch, tmp_path, capsys):
    """A folder of one's own; the notebook has the one that it makes."""
    kga.to_directory(kga.load_pretrained("digits"), tmp_path / "photos", {"3": 30, "7": 30})
    monkeypatch.setattr(sys, "argv", "folder.py photos --image-size 12 --minutes 0.05 --epochs 1".split())
    runpy.run_path(str(EXAMPLES / "folder.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert made(tmp_path, "folder") and (tmp_path / "folder_generator").is_dir()
    assert "60 images of 2 classes" in printed and "synthetic: " in printed


@whole
@pytest.mark.parametrize(("name", "few"), [("folder", "MINUTES, EPOCHS = 0.05, 1"), ("replay", "GAN_STEPS, STEPS = 10, 4")])
def test_notebooks_run(name, few, tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="it runs notebooks")
    notebook = maker().notebook(name)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += f"\n{few}"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == 1
