"""The base of callbacks for a GAN's training."""

import warnings
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.models import GAN


class GANCallback(keras.callbacks.Callback):
    """A callback for GANs. It raises an error in the `fit` of any other model.

    Args:
        every: Number of epochs between two epochs in which it is `due`, at least 1. Defaults to 1.
    """

    needs: type | tuple[type, ...] = GAN
    """The class of models that this callback works with."""

    def __init__(self, every: int = 1):
        super().__init__()
        self.every = _checks.positive_int(every, "every")

    def set_model(self, model):
        check_model(self, model, self.needs)
        super().set_model(model)

    def due(self, epoch: int) -> bool:
        """Whether it acts at the end of this epoch, counted from 0."""
        return (epoch + 1) % self.every == 0


def check_model(callback: keras.callbacks.Callback, model: keras.Model, needs: type | tuple[type, ...]) -> None:
    """Checks that a callback works with the model whose `fit` it is passed to."""
    if not isinstance(model, needs):
        raise TypeError(
            f"`callbacks`: a {type(callback).__name__} must be given to the `fit` of a GAN. "
            f"Received: that of a {type(model).__name__}"
        )


def despite_file_errors(action: Callable, what: str) -> bool:
    """Calls a function that writes files. If the file system fails, warns "Could not WHAT" and returns False."""
    try:
        action()
    except (OSError, tf.errors.OpError) as error:
        warnings.warn(f"Could not {what}; the training continues. {type(error).__name__}: {error}", stacklevel=3)
        return False
    return True
