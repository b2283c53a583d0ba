"""Packages of the extra "study"."""

import importlib
from typing import Any


def load(module: str, what: str = "This") -> Any:
    """Imports a module of the extra "study", such as "scipy.stats". Raises ImportError that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{what} needs {module.partition(".")[0]}, which is not installed: pip install "keras_ganaug[study]"'
        ) from error
