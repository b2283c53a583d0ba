"""Keras callbacks."""

from keras_ganaug.callbacks.refresh_bank import RefreshBank

__all__ = ["RefreshBank"]
