"""What a cross-validation prints while it runs."""

import time
from typing import Any

from keras_ganaug.callbacks import TimeLeft
from keras_ganaug.study import statistics


class Progress:
    """Prints a line after each training, with the longest time that is left: arms that are eliminated shorten it.

    Args:
        folds: Folds of all repetitions, each of which has a GAN of its own.
        verbose: Whether it prints.
    """

    def __init__(self, folds: int, verbose: bool) -> None:
        self.folds, self.verbose = folds, verbose
        self.to_come = 0  # trainings of phases that are still to come, at most
        self._phase, self._fold, self._here, self._arms, self._gans = "", 0, 0, 0, 0
        self._trainings, self._of_trainings, self._of_gans, self._last = 0, 0.0, 0.0, time.monotonic()

    def begin(self, phase: str, fold: int, trainings: int, arms: int) -> None:
        """A fold begins, counted from 0.

        Args:
            phase: What is tried, in words.
            fold: Which fold.
            trainings: How many there are in it.
            arms: How many there are in each later one, at most.
        """
        self._phase, self._fold, self._here, self._arms = phase, fold, trainings, arms
        self._last = time.monotonic()

    def made_gan(self, seconds: float) -> None:
        """A GAN was trained in so many seconds."""
        self._gans, self._of_gans, self._last = self._gans + 1, self._of_gans + seconds, self._last + seconds

    def trained(self, name: str, metrics: Any) -> None:
        """An arm was trained and measured."""
        now = time.monotonic()
        self._trainings, self._of_trainings, self._last = self._trainings + 1, self._of_trainings + now - self._last, now
        self._here = max(self._here - 1, 0)
        if self.verbose:
            metric = statistics.deciding([metrics])
            where = f"{self._phase}, fold {self._fold + 1} of at most {self.folds}"
            words = f"{metric.replace('_', ' ')} {metrics[metric]:.1%}"
            print(f"{where}, {name}: {words}, at most {TimeLeft.format(self.most_left)} left", flush=True)

    @property
    def most_left(self) -> float:
        """Seconds that are left if no arm is eliminated, at the mean length of the trainings so far."""
        trainings = self._here + (self.folds - self._fold - 1) * self._arms + self.to_come
        left = trainings * self._of_trainings / max(self._trainings, 1)
        return left + (self.folds - self._gans) * self._of_gans / max(self._gans, 1)
