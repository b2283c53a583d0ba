"""Shows the remaining time of the whole training."""

from time import monotonic
from typing import TextIO

from keras_ganaug import _progress


class TimeLeft(_progress.Steps):
    """Prints a line after each epoch, with the elapsed and the remaining time of the whole training.

    Keras's own progress bar covers only the current epoch. With a progress bar, the line appears below it. With `verbose=0`,
    as for a log file, it is the only output. It then also shows the steps within an epoch: on a terminal in a line that is
    updated in place, elsewhere in a line every 30 seconds.

    Args:
        stream: Where to write. Defaults to standard output.

    Example:

    >>> import keras_ganaug as kga
    >>> time_left = kga.callbacks.TimeLeft()  # gan.fit(..., verbose=0, callbacks=[time_left])
    >>> kga.callbacks.TimeLeft.format(3725)
    '1 h 2 min'
    """

    def __init__(self, stream: TextIO | None = None):
        super().__init__(stream=stream)

    @staticmethod
    def format(seconds: float) -> str:
        """Formats a duration in words."""
        return _progress.words(seconds)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._line = None

    def on_epoch_begin(self, epoch, logs=None):
        self._write()
        super().on_epoch_begin(epoch, logs)

    def on_train_end(self, logs=None):
        self._write()

    def _write(self):
        if self._line is not None:
            _progress.say(self._line, self.stream)
        self._line = None

    def on_epoch_end(self, epoch, logs=None):
        epochs = self.params["epochs"]
        steps = self._steps / (epoch + 1 - self._first) * (epochs - epoch - 1)
        values = " ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        spent, left = self.format(monotonic() - self._begun), self.format(self.seconds(steps))
        # Written later: Keras ends the line of its progress bar after all callbacks.
        self._line = f"epoch {epoch + 1}/{epochs}  {values}  after {spent}, {left} left"
