"""Prints the progress of a cross-validation."""

import contextlib
import time
from typing import Any

from keras_ganaug import _progress
from keras_ganaug.study import statistics


class Progress:
    """Prints a line after each training, with an upper bound of the remaining time. Eliminated arms shorten it.

    Args:
        folds: Total number of folds in all repetitions. Each has its own GAN.
        verbose: Whether to print.
    """

    def __init__(self, folds: int, verbose: bool) -> None:
        self.folds, self.verbose = folds, verbose
        self.to_come = 0  # maximum number of trainings in later phases
        self._phase, self._fold, self._here, self._arms, self._gans = "", 0, 0, 0, 0
        self._trainings, self._of_trainings, self._of_gans, self._last = 0, 0.0, 0.0, time.monotonic()

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
    def where(self) -> str:
        """The phase and the fold, in words."""
        return f"{self._phase}, fold {self._fold + 1} of at most {self.folds}"

    def making_gan(self) -> contextlib.AbstractContextManager:
        """The context in which the GAN of the fold is trained."""
        name = f"GAN of fold {self._fold + 1} of at most {self.folds}"
        about = f", about {_progress.words(self._of_gans / self._gans)}" if self._gans else ""
        return _progress.phase(name, f"training the {name}{about}", self.verbose)

    def made_gan(self, seconds: float) -> None:
        """Records the seconds that the training of a GAN took."""
        self._gans, self._of_gans, self._last = self._gans + 1, self._of_gans + seconds, self._last + seconds

    def trained(self, name: str, metrics: Any) -> None:
        """Records and prints that an arm was trained and measured."""
        now = time.monotonic()
        self._trainings, self._of_trainings, self._last = self._trainings + 1, self._of_trainings + now - self._last, now
        self._here = max(self._here - 1, 0)
        if self.verbose:
            metric = statistics.deciding([metrics])
            words = f"{metric.replace('_', ' ')} {metrics[metric]:.1%}"
            _progress.say(f"{self.where}, {name}: {words}, at most {_progress.words(self.most_left)} left")

    @property
    def most_left(self) -> float:
        """The remaining seconds if no arm is eliminated, by the mean duration of trainings so far."""
        trainings = self._here + (self.folds - self._fold - 1) * self._arms + self.to_come
        left = trainings * self._of_trainings / max(self._trainings, 1)
        return left + (self.folds - self._gans) * self._of_gans / max(self._gans, 1)
