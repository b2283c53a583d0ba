"""Packages that extras install, such as the extra "study"."""

import importlib
from typing import Any

_NAMES = {"PIL": "Pillow", "imblearn": "imbalanced-learn", "sklearn": "scikit-learn"}


def load(module: str, what: str = "This", extra: str = "study") -> Any:
    """Imports a module from an extra, such as "scipy.stats". Raises an ImportError that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f'{what} needs {_NAMES.get(package, package)}, which is not installed: pip install "keras_ganaug[{extra}]"'
        ) from error
