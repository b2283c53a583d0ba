"""Packages of the extra "study"."""

import importlib
from typing import Any


def load(module: str) -> Any:
    """Imports a module of the extra "study", such as "scipy.stats". Raises ImportError with what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'This needs {module.partition(".")[0]}, which is not installed: pip install "keras_ganaug[study]"'
        ) from error
