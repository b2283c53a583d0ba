"""What the callbacks of a GAN's training share."""

import warnings
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.models import GAN


class GANCallback(keras.callbacks.Callback):
    """A callback that needs a GAN, and says so when another model's `fit` is given it.

    Args:
        every: Epochs from one to the next in which it is `due`, at least 1. Defaults to 1.
    """

    needs: type | tuple[type, ...] = GAN
    """The class of the models whose `fit` takes it."""

    def __init__(self, every: int = 1):
        super().__init__()
        self.every = _checks.positive_int(every, "every")

    def set_model(self, model):
        check_model(self, model, self.needs)
        super().set_model(model)

    def due(self, epoch: int) -> bool:
        """Whether it acts at the end of an epoch, counted from 0."""
        return (epoch + 1) % self.every == 0


def check_model(callback: keras.callbacks.Callback, model: keras.Model, needs: type | tuple[type, ...]) -> None:
    """Checks that a callback is given to the `fit` of a model that it is for."""
    if not isinstance(model, needs):
        raise TypeError(
            f"`callbacks`: a {type(callback).__name__} must be given to the `fit` of a GAN. "
            f"Received: that of a {type(model).__name__}"
        )


def despite_file_errors(action: Callable, what: str) -> bool:
    """Calls a function that writes files, to do "WHAT". Where the file system fails, it warns, goes on and returns False."""
    try:
        action()
    except (OSError, tf.errors.OpError) as error:
        warnings.warn(f"Could not {what}; the training goes on. {type(error).__name__}: {error}", stacklevel=3)
        return False
    return True
