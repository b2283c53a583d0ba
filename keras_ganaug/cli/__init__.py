"""The command `keras-ganaug`: trains a generator on a folder of images, and tests whether it helps a classifier."""

try:
    import click as _click  # noqa: F401
except ImportError as error:
    raise ImportError('The command keras-ganaug needs click: pip install "keras_ganaug[cli]"') from error

from keras_ganaug.cli.commands import main

__all__ = ["main"]
