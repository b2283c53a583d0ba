"""Trains the arms of a study in other processes, by an executor as in `concurrent.futures`."""

from __future__ import annotations

import copy
import importlib
import os
import pickle
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from keras_ganaug import _progress, _random, _watch
from keras_ganaug.study.progress import StudyProgress
from keras_ganaug.study.results import Results
from keras_ganaug.study.training import Trainer

_PROCESS = os.getpid()  # of the process that imported this module; a fork has another one
_GAN = None  # in the place of an arm's name: the task that trains the GAN of a seed


def run(study: Any, executor: Executor, keys: Any, results: dict, trained: Callable[..., Any]) -> None:
    """Trains what is missing in `results`, and adds it there. Each training is a task, which stores its own result.

    Args:
        study: The `AugmentationStudy`, with a `directory`.
        executor: The executor. The GAN of a seed is trained before the arms that need it.
        keys: Key and settings of each result, by seed and arm.
        results: The metrics so far, by seed and arm.
        trained: Function of (seed, arm, metrics), called after each training.

    Raises:
        ValueError, TypeError: If the study or the executor does not allow it, before any training.
        RuntimeError: If trainings failed, after all others. Their results are stored, and the next run does the rest.
    """
    missing = [(seed, name) for seed in study.seeds for name in study.arms if (seed, name) not in results]
    _check(study, executor, [place for place in missing if place not in keys])
    payloads = {seed: _packed(study, seed, keys) for seed in dict.fromkeys(seed for seed, _ in missing)}
    waiting: dict[int, list] = {}
    ready: list[tuple[int, str | None]] = []
    for seed, name in missing:
        if study.arms[name].needs_generator and not study.generator_path(seed).exists():
            waiting.setdefault(seed, []).append((seed, name))
        else:
            ready.append((seed, name))
    ready = [*((seed, _GAN) for seed in waiting), *ready]
    running: dict[Future, tuple[int, str | None]] = {}
    failed: dict[tuple[int, str | None], BaseException] = {}
    try:
        while ready or running:
            for place in ready:
                try:
                    running[executor.submit(_train, payloads[place[0]], place[1], _PROCESS)] = place
                except (BrokenExecutor, RuntimeError) as broken:  # it takes no more
                    failed[place] = broken
            ready = []
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                place = seed, name = running.pop(future)
                error = future.exception()
                if error is not None:
                    failed[place] = error
                    _progress.say(f"FAILED: {_in_words(*place)}: {type(error).__name__}: {error}")
                elif name is _GAN:
                    ready += waiting.pop(seed)
                else:
                    results[place] = future.result()
                    trained(seed, name, results[place])
    except BaseException:
        for future in running:
            future.cancel()
        raise
    if failed:
        place, first = next(iter(failed.items()))
        lacking = len(failed) + sum(map(len, waiting.values())) - sum(name is _GAN for _, name in failed)
        raise RuntimeError(
            f"{lacking} of {len(missing)} trainings are missing, since tasks failed. The others are stored, and the next "
            f"run does the rest. Received: {_in_words(*place)}: {type(first).__name__}: {first}"
        ) from first


def _in_words(seed, name):
    return f"seed {seed}, {'its GAN' if name is _GAN else name}"


def _check(study, executor, unstable):
    if not isinstance(executor, Executor):
        raise TypeError(
            "`executor` must be a `concurrent.futures.Executor`, such as a ProcessPoolExecutor, or Dask's "
            f"`client.get_executor()`. Received: executor={executor!r}"
        )
    if isinstance(executor, ThreadPoolExecutor):
        raise ValueError(
            "`executor` must run processes: trainings set the random state of their whole process. "
            f"Received: executor={executor!r}"
        )
    if study.directory is None:
        raise ValueError(
            "`directory` must be given with an executor: a folder that all its processes see, in which they find the GANs "
            "and store results. Received: directory=None"
        )
    if unstable:
        names = sorted({name for _, name in unstable})
        raise ValueError(
            "With an executor, all arms must be cached: give their functions a `cache_key`, see the warning above. "
            f"Received: arms {names} without one"
        )


def _packed(study, seed, keys):
    """The study with the data of one seed, as bytes."""
    alone = copy.copy(study)
    alone.data = study.data.of_seed(seed)
    alone.verbose, alone.progress, alone._first = False, StudyProgress(False), None
    if study.build == study.default_build:
        alone.build = alone.default_build
    alone.seeds = [seed]
    content = alone, {name: keys[seed, name] for name in study.arms if (seed, name) in keys}
    try:
        return _pickler().dumps(content)
    except Exception as error:  # picklers raise any error
        raise TypeError(
            "The functions of a study must be picklable for an executor: define them at the top level of a module, or "
            f"install cloudpickle (pip install cloudpickle). Received: {type(error).__name__}: {error}"
        ) from error


def _pickler():
    """The module that pickles: cloudpickle if it is installed, which also supports lambdas and functions of a notebook."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return pickle


def _train(payload, name, parent):
    """Runs a task in another process: trains an arm and stores its metrics, or trains the GAN of the seed."""
    if os.getpid() == parent:
        raise ValueError("`executor` must run tasks in other processes. Received: one that ran a task in the same process")
    if os.getpid() != _PROCESS:
        raise ValueError(
            "`executor` must start new processes: TensorFlow does not work in a fork. Use ProcessPoolExecutor("
            'mp_context=multiprocessing.get_context("spawn")). Received: one that forks'
        )
    with _watch.telling_once(), _random.preserved():
        study, keys = pickle.loads(payload)
        trainer = Trainer(study, study.seeds[0])
        if name is _GAN:
            trainer.generator  # noqa: B018
            if not study.generator_path(study.seeds[0]).exists():
                raise ValueError(
                    "`make_generator` must give a GAN or a Keras model for an executor: its processes read it from a file. "
                    f"Received: {trainer.generator!r}"
                )
            return None
        metrics = trainer.measure(study.arms[name])
    Results(study.directory / "results.json").record(*keys[name], metrics)
    return metrics
