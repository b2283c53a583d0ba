"""Keras callbacks."""

from keras_ganaug.callbacks.autoencoder_start import AutoencoderStart
from keras_ganaug.callbacks.backup import Backup
from keras_ganaug.callbacks.collapse_alarm import CollapseAlarm
from keras_ganaug.callbacks.keep_best import KeepBest
from keras_ganaug.callbacks.refresh_bank import RefreshBank
from keras_ganaug.callbacks.sample_grid import SampleGrid
from keras_ganaug.callbacks.tensorboard import TensorBoard
from keras_ganaug.callbacks.time_left import TimeLeft

__all__ = [
    "AutoencoderStart",
    "Backup",
    "CollapseAlarm",
    "KeepBest",
    "RefreshBank",
    "SampleGrid",
    "TensorBoard",
    "TimeLeft",
]
