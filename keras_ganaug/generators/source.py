"""The names of before."""

from keras_ganaug.generators.generator import Generator as Source
from keras_ganaug.generators.generator import checked as resolve

__all__ = ["Source", "resolve"]
