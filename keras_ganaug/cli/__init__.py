"""The command `keras-ganaug`: from a folder of images to a generator, and to whether it helps a classifier."""

try:
    import click as _click  # noqa: F401
except ImportError as error:
    raise ImportError('The command keras-ganaug needs click: pip install "keras_ganaug[cli]"') from error

from keras_ganaug.cli.commands import main

__all__ = ["main"]
