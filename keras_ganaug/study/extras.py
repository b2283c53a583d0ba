"""Packages that only studies need."""

import importlib


def load(module):
    """Imports a module of the extra "study".

    Args:
        module: Its name, such as "scipy.stats".

    Returns the module.

    Raises:
        ImportError: If its package is missing, with what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'This needs {module.partition(".")[0]}, which is not installed: pip install "keras_ganaug[study]"'
        ) from error
