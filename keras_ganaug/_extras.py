"""Packages of the extras, such as "study"."""

import importlib
from typing import Any

_NAMES = {"PIL": "Pillow"}


def load(module: str, what: str = "This", extra: str = "study") -> Any:
    """Imports a module of an extra, such as "scipy.stats" of "study". Raises ImportError that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f'{what} needs {_NAMES.get(package, package)}, which is not installed: pip install "keras_ganaug[{extra}]"'
        ) from error
