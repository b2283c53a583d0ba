"""The rooms of the package: what a file and a class may hold, and which way imports go."""

import ast
from pathlib import Path

import pytest

import keras_ganaug

PACKAGE = Path(keras_ganaug.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = [  # each imports from those before it alone
    "conditions",
    "losses",
    "layers",
    "networks",
    "metrics",
    "plots",
    "penalties",
    "discriminator_augment",
    "generators",
    "datasets",
    "augmentation",
    "models",
    "callbacks",
    "fitting",
    "study",
    "testing",
    "cli",
]


def name(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short_and_its_classes_are_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            assert len(methods) <= 25, node.name


@pytest.mark.parametrize("path", FILES, ids=name)
def test_state_is_where_it_can_be_seen(path):
    text = path.read_text(encoding="utf-8")
    assert "SimpleNamespace" not in text
    assert "vars(self)[" not in text


def imported_rooms(path):
    """The rooms that a file imports from, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "keras_ganaug":
            below = node.module.split(".")[1:2] or [each.name for each in node.names]
            yield from (each for each in below if not each.startswith("_"))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_one_way(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    before = ROOMS[: ROOMS.index(own)] if own in ROOMS else []  # a private module imports from no room
    assert set(imported_rooms(path)) <= {own, *before}
