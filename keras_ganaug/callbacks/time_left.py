"""How long the whole training still takes."""

import sys
import time
from typing import TextIO

import keras


class TimeLeft(keras.callbacks.Callback):
    """Says after each epoch how long the training took so far and how long it will still take: a line for each epoch.

    Keras's own progress bar tells of the current epoch alone. Below such a bar it writes a line of its own; with
    `verbose=0`, as for a log file, its lines are all there is.

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
        """A length of time in words."""
        if seconds < 100:
            return f"{seconds:.0f} s"
        minutes = round(seconds / 60)
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

    def on_train_begin(self, logs=None):
        self._start, self._first, self._line = time.monotonic(), None, None

    def on_epoch_begin(self, epoch, logs=None):
        self._write()
        if self._first is None:
            self._first = epoch  # of a fit that was resumed

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
        # Written when Keras has ended the line of its bar, which it does after all callbacks.
        self._line = f"epoch {epoch + 1}/{epochs}  {values}  {self.format(spent)}, {self.format(left)} left"
