"""What the callbacks of a GAN's training share."""

import keras


class GANCallback(keras.callbacks.Callback):
    """A callback that needs a GAN, and says so when another model's `fit` is given it."""

    def set_model(self, model):
        if not hasattr(model, "sampling_state"):
            raise TypeError(
                f"`callbacks`: a {type(self).__name__} must be given to the `fit` of a GAN. "
                f"Received: that of a {type(model).__name__}"
            )
        super().set_model(model)
