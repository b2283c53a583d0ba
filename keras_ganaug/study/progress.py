"""Prints the progress of a study or a cross-validation."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from keras_ganaug import _progress
from keras_ganaug.study import statistics


class Times:
    """The durations of the trainings so far, from which the remaining time follows.

    Args:
        verbose: Whether to print.
    """

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        self._gans, self._of_gans = 0, 0.0
        self._trainings, self._of_trainings, self._last = 0, 0.0, time.monotonic()

    @contextlib.contextmanager
    def making_gan(self, name: str) -> Iterator[None]:
        """The context in which a GAN is trained. It prints a line first."""
        about, start = f", about {_progress.words(self._of_gans / self._gans)}" if self._gans else "", time.monotonic()
        with _progress.phase(name, f"training the {name}{about}", self.verbose):
            yield
        self.made_gan(time.monotonic() - start)

    def made_gan(self, seconds: float) -> None:
        """Records the seconds that the training of a GAN took."""
        self._gans, self._of_gans, self._last = self._gans + 1, self._of_gans + seconds, self._last + seconds

    def made_classifier(self) -> None:
        """Records that an arm was trained and measured."""
        now = time.monotonic()
        self._trainings, self._of_trainings, self._last = self._trainings + 1, self._of_trainings + now - self._last, now

    def left(self, trainings: int, gans: int) -> float:
        """The seconds of so many trainings of classifiers and GANs, by their mean durations so far."""
        left = trainings * self._of_trainings / max(self._trainings, 1)
        return left + gans * self._of_gans / max(self._gans, 1)


class StudyProgress(Times):
    """Prints a line after each training of a study."""

    def begin(self, total: int, done: int) -> None:
        """Starts a study with so many trainings, some of which are done."""
        self._total, self._done, self._last = total, done, time.monotonic()

    def trained(self, seed: int, name: str, metrics: Any, gans: int) -> None:
        """Prints that an arm was trained and measured. So many GANs are still to be trained."""
        self.made_classifier()
        self._done += 1
        if self.verbose:
            times = [self._of_gans + self._of_trainings, self.left(self._total - self._done, gans)]
            spent, left = map(_progress.words, times)
            what = f"{self._done}/{self._total} seed {seed}, {name}: {_measured(metrics)}"
            _progress.say(f"{what}, after {spent}, {left} left")


class Progress(Times):
    """Prints a line after each training, with an upper bound of the remaining time. Eliminated arms shorten it.

    Args:
        folds: Total number of folds in all repetitions. Each has its own GAN.
        verbose: Whether to print.
    """

    def __init__(self, folds: int, verbose: bool) -> None:
        super().__init__(verbose)
        self.folds = folds
        self.to_come = 0  # maximum number of trainings in later phases
        self._phase, self._fold, self._here, self._arms = "", 0, 0, 0

    def begin(self, phase: str, fold: int, trainings: int, arms: int) -> None:
        """Starts a fold, counted from 0.

        Args:
            phase: What is being tried, in words.
            fold: Index of the fold.
            trainings: Number of trainings in it.
            arms: Maximum number of trainings in each later fold.
        """
        self._phase, self._fold, self._here, self._arms = phase, fold, trainings, arms
        self._last = time.monotonic()

    @property
    def fold(self) -> str:
        """The fold, in words."""
        return f"fold {self._fold + 1} of at most {self.folds}"

    @property
    def where(self) -> str:
        """The phase and the fold, in words."""
        return f"{self._phase}, {self.fold}"

    def trained(self, name: str, metrics: Any) -> None:
        """Records and prints that an arm was trained and measured."""
        self.made_classifier()
        self._here = max(self._here - 1, 0)
        if self.verbose:
            _progress.say(f"{self.where}, {name}: {_measured(metrics)}, at most {_progress.words(self.most_left)} left")

    @property
    def most_left(self) -> float:
        """The remaining seconds if no arm is eliminated."""
        trainings = self._here + (self.folds - self._fold - 1) * self._arms + self.to_come
        return self.left(trainings, self.folds - self._gans)


def _measured(metrics):
    """The metric that decides, in words."""
    metric = statistics.deciding([metrics])
    return f"{metric.replace('_', ' ')} {metrics[metric]:.1%}"
