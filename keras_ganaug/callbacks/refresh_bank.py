"""Renews the samples of a bank between epochs."""

from collections.abc import Callable

import keras

from keras_ganaug import _checks
from keras_ganaug.augmentation import dataset_map


class RefreshBank(keras.callbacks.Callback):
    """Renews the bank of a `gan_augment` between epochs of the classifier's training.

    Args:
        gan_augment: The result of `keras_ganaug.gan_augment` with the engine "bank".
        every: Number of epochs that use the same bank, at least 1. Defaults to 1.

    Raises:
        TypeError: If `gan_augment` has no bank to renew.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> augment = kga.gan_augment(gan, bank_size=16)
    >>> callback = kga.callbacks.RefreshBank(augment, every=2)  # classifier.fit(..., callbacks=[callback])
    """

    def __init__(self, gan_augment: Callable, every: int = 1):
        super().__init__()
        if not isinstance(gan_augment, dataset_map._MapFunction) or gan_augment.engine != "bank":
            raise TypeError(
                '`gan_augment` must be what keras_ganaug.gan_augment(..., engine="bank") returned. '
                f"Received: gan_augment={gan_augment!r}"
            )
        self.gan_augment, self.every = gan_augment, _checks.positive_int(every, "every")

    def on_train_begin(self, logs=None):
        self._first = None

    def on_epoch_begin(self, epoch, logs=None):
        # At the start of an epoch, not at its end: no bank is needed after the last epoch.
        if self._first is None:
            self._first = epoch
        elif (epoch - self._first) % self.every == 0:
            self.gan_augment.refresh()
