"""The command in a process of its own: its help without TensorFlow, and its output without TensorFlow's log lines."""

import os
import subprocess
import sys

import pytest

import keras_ganaug as kga
from keras_ganaug import _command

pytest.importorskip("click.testing")

from keras_ganaug.cli import options


def process(tmp_path, *parts, module=False):
    """The standard output and the standard error of a command."""
    script = tmp_path / "keras-ganaug"  # like the one that pip installs
    script.write_text("import sys\nfrom keras_ganaug.cli import main\nsys.exit(main())\n")
    root = os.path.dirname(os.path.dirname(kga.__file__))
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, *(("-X", "importtime") if "--help" in parts else ())]
    command += ["-m", "keras_ganaug.cli"] if module else [str(script)]
    done = subprocess.run([*command, *map(str, parts)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("module", [False, True])
@pytest.mark.parametrize("parts", [["--help"], ["train", "--help"], ["study", "--help"]])
def test_help_imports_no_tensorflow(tmp_path, parts, module):
    told, imported = process(tmp_path, *parts, module=module)
    assert "keras-ganaug train photos" in told or "--steps" in told
    modules = {line.rpartition("|")[2].strip() for line in imported.splitlines()}
    assert {"click", "keras_ganaug.cli.commands"} <= modules
    assert not {"tensorflow", "keras", "keras_ganaug.models"} & modules


def test_choices_are_those_of_the_package():
    assert options.MODELS == kga.fitting.planning.MODELS
    assert options.ARMS == tuple(kga.study.arms.all_arms())


def test_no_log_line_reaches_standard_error(tmp_path):
    pytest.importorskip("PIL.Image")
    kga.to_directory(kga.load_pretrained("digits"), tmp_path / "digits", {"1": 12, "2": 12}, seed=0)
    told, errors = process(tmp_path, "info", tmp_path / "digits", "--model", "GAN", "--minutes", "0.02")
    assert "24 images of 2 classes" in told and "training steps" in told
    assert errors == ""


def test_the_log_level_of_the_user_is_respected(monkeypatch):
    silent, reloaded = [], []
    monkeypatch.setattr(_command, "_import_silently", silent.append)
    monkeypatch.setattr(_command.importlib, "reload", reloaded.append)
    for level in ("0", None):
        monkeypatch.setattr(_command, "waits", True)
        monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
        if level is not None:
            monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
        _command.load()
        _command.load()  # there is nothing left to import
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == (level or "3")
    assert silent == ["tensorflow"]
    assert reloaded == [kga, kga]
