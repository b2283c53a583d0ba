"""What a long computation prints: a line when a phase begins, and the steps of its trainings with the remaining time.

On a terminal, the line with the steps is updated in place. Elsewhere, as in a log file, there is one every 30 seconds.
"""

from __future__ import annotations

import contextlib
import contextvars
import shutil
import sys
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, TextIO

import keras

_PAUSE = 30.0  # seconds between two lines of progress in a log file
_REFRESH = 0.2  # seconds between two updates on a terminal
_SHORT = 1.0  # seconds; a shorter training shows nothing
_phase: contextvars.ContextVar[str | None] = contextvars.ContextVar("phase", default=None)


class _Last:
    """The last output."""

    time = monotonic()
    shown: tuple[TextIO, int] | None = None
    """The terminal and the length of the line that the next one replaces."""


def words(seconds: float) -> str:
    """A duration in words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def clear() -> None:
    """Removes the line of progress from the terminal."""
    if _Last.shown is not None:
        stream, length = _Last.shown
        stream.write(f"\r{' ' * length}\r")
        stream.flush()
    _Last.shown = None


def say(text: str, stream: TextIO | None = None) -> None:
    """Prints a line. `stream` defaults to standard output."""
    clear()
    print(text, file=stream or sys.stdout, flush=True)
    _Last.time = monotonic()


def show(text: str, stream: TextIO | None = None) -> None:
    """Prints a line of progress: on a terminal in place of the last one, elsewhere only 30 seconds after the last output."""
    stream = stream or sys.stdout
    if stream.isatty():
        clear()
        text = text[: shutil.get_terminal_size().columns - 1]  # a longer line could not be removed
        stream.write(text)
        stream.flush()
        _Last.shown = stream, len(text)
    elif monotonic() - _Last.time >= _PAUSE:
        say(text, stream)


@contextlib.contextmanager
def phase(what: str | None, begins: str = "", told: bool = True) -> Iterator[None]:
    """Within the context, trainings show their steps.

    Args:
        what: What is trained, in words. None shows nothing.
        begins: A line that is printed first. Defaults to "": none.
        told: False changes nothing. Defaults to True.
    """
    if not told:
        yield
        return
    if begins:
        say(begins)
    token = _phase.set(what)
    try:
        yield
    finally:
        _phase.reset(token)
        clear()


def tell(text: str, stays: bool = True) -> None:
    """Prints what the current phase does, if there is one. If it does not stay, it is a line of progress."""
    if _phase.get() is not None:
        (say if stays else show)(f"{_phase.get()}: {text}")


def with_steps(callbacks: Sequence[Any] = (), part: str = "", total: int | None = None) -> list[Any]:
    """Adds `Steps` to the callbacks of a training within a phase, unless one of them shows its steps.

    `part` names the training. `total` is its number of steps, if it is not epochs times steps.
    """
    what, all_callbacks = _phase.get(), [*callbacks]
    if what is not None and not any(isinstance(each, Steps) for each in callbacks):
        all_callbacks.append(Steps(f"{what}, {part}" if part else what))
    for each in all_callbacks:
        if isinstance(each, Steps):
            each.total = total
    return all_callbacks


class Steps(keras.callbacks.Callback):
    """Shows the steps of a training and the remaining time. If Keras prints its own progress bar, this shows nothing.

    Args:
        what: What is trained, in words. Defaults to "".
        stream: Where to write. Defaults to standard output.
    """

    async_safe = True  # Keras then does not wait for each batch
    _supports_tf_logs = True  # nor does Keras 2
    total: int | None = None

    def __init__(self, what: str = "", stream: TextIO | None = None):
        super().__init__()
        self.what, self.stream = what, stream

    def on_train_begin(self, logs=None):
        self._begun, self._compiled, self._next = monotonic(), None, 0.0
        self._first, self._epoch, self._before, self._steps = None, 0, 0, 0  # the last two are of this fit alone

    def on_epoch_begin(self, epoch, logs=None):
        self._first = epoch if self._first is None else self._first  # not 0 in a resumed fit
        self._epoch, self._before = epoch, self._steps

    def on_train_batch_end(self, batch, logs=None):
        now, per_epoch = monotonic(), self.params.get("steps")
        self._steps = self._before + batch + 1
        if self._compiled is None:
            self._compiled, self._next = (now, self._steps), now + _SHORT
        if per_epoch and not self.params.get("verbose") and now >= self._next:
            self._next, done = now + _REFRESH, self._epoch * per_epoch + batch + 1
            total = self.total or self.params["epochs"] * per_epoch
            text = f"{done:,} of {total:,} steps, {words(self.seconds(max(total - done, 0)))} left"
            show(f"{self.what}: {text}" if self.what else text, self.stream)

    def seconds(self, steps: float) -> float:
        """The time of so many steps, by those so far. The first one is left out: it includes compiling."""
        since, first = self._compiled or (self._begun, 0)
        if self._steps <= first:
            since, first = self._begun, 0
        return steps * (monotonic() - since) / max(self._steps - first, 1)
