"""Shows the remaining time of the whole training."""

import sys
import time
from typing import TextIO

import keras


class TimeLeft(keras.callbacks.Callback):
    """Prints a line after each epoch, with the elapsed and the remaining time of the whole training.

    Keras's own progress bar covers only the current epoch. With a progress bar, the line appears below it. With `verbose=0`,
    as for a log file, it is the only output.

    Args:
        stream: Where to write. Defaults to standard output.

    Example:

    >>> import keras_ganaug as kga
    >>> time_left = kga.callbacks.TimeLeft()  # gan.fit(..., verbose=0, callbacks=[time_left])
    >>> kga.callbacks.TimeLeft.format(3725)
    '1 h 2 min'
    """

    def __init__(self, stream: TextIO | None = None):
        super().__init__()
        self.stream = stream

    @staticmethod
    def format(seconds: float) -> str:
        """Formats a duration in words."""
        if seconds < 100:
            return f"{seconds:.0f} s"
        minutes = round(seconds / 60)
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

    def on_train_begin(self, logs=None):
        self._start, self._first, self._line = time.monotonic(), None, None

    def on_epoch_begin(self, epoch, logs=None):
        self._write()
        if self._first is None:
            self._first = epoch  # not 0 in a resumed fit

    def on_train_end(self, logs=None):
        self._write()

    def _write(self):
        if self._line is not None:
            print(self._line, file=self.stream or sys.stdout, flush=True)
        self._line = None

    def on_epoch_end(self, epoch, logs=None):
        epochs = self.params["epochs"]
        spent = time.monotonic() - self._start
        left = spent / (epoch + 1 - self._first) * (epochs - epoch - 1)
        values = " ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        # Written later: Keras ends the line of its progress bar after all callbacks.
        self._line = f"epoch {epoch + 1}/{epochs}  {values}  {self.format(spent)}, {self.format(left)} left"
