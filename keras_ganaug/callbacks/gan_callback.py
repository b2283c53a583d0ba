"""What the callbacks of a GAN's training share."""

import warnings

import keras
import tensorflow as tf


class GANCallback(keras.callbacks.Callback):
    """A callback that needs a GAN, and says so when another model's `fit` is given it."""

    def set_model(self, model):
        if not hasattr(model, "sampling_state"):
            raise TypeError(
                f"`callbacks`: a {type(self).__name__} must be given to the `fit` of a GAN. "
                f"Received: that of a {type(model).__name__}"
            )
        super().set_model(model)


def despite_file_errors(action, what):
    """Calls a function that writes files. Where the file system fails, such as a full disk, it warns and goes on.

    Args:
        action: Function without arguments.
        what: What it does, for "could not WHAT".

    Returns whether it was done.
    """
    try:
        action()
    except (OSError, tf.errors.OpError) as error:
        warnings.warn(f"Could not {what}; the training goes on. {type(error).__name__}: {error}", stacklevel=3)
        return False
    return True
