"""Keeps the best generator of a training."""

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _files, _replicas
from keras_ganaug.callbacks.gan_callback import GANCallback, despite_file_errors
from keras_ganaug.models.adversarial_model import AdversarialModel

_UNREADABLE = (OSError, tf.errors.OpError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class KeepBest(GANCallback):
    """Keeps the generator with the best value of a metric. After `fit`, `generate` and `export` use it.

    A GAN's samples are often best long before the end of the training. When `fit` ends, the averaged generator is the best
    one. The networks that train keep their final weights.

    Args:
        metric: The name of a logged number, such as "convergence" of a BEGAN or "diversity" of a `CollapseAlarm` that comes
            before this callback; only epochs that log it count. Or a callable from the GAN to a number, such as a distance
            between features of its samples and of real images.
        mode: "min" or "max", the direction that is better. Defaults to "min".
        every: Number of epochs between two evaluations, at least 1. The last epoch is always evaluated. Defaults to 1.
        path: Folder that also stores the best generator, in one file, so that a killed run does not lose it. It may be on
            any file system that TensorFlow knows, such as "gs://bucket/best". A resumed training, with `initial_epoch` or
            from `BackupAndRestore`, continues from this file; a new training overwrites it. If it cannot be written, for
            example on a full disk, a warning is given and the training continues. Defaults to None: in memory only.
        name: Name under which the value of a callable is logged. Defaults to "metric".

    Raises:
        ValueError, TypeError: For an unknown mode, a metric of another type, or a `path` that is not a folder or not
            writable. When a training is resumed, for a folder with the generator of another GAN or metric. At the first
            evaluation, for a name that is not logged, or a callable that does not return a number.

    Attributes:
        best: The best value so far, or None.
        best_epoch: The epoch of the best value, counted from 0, or None.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> gan = kga.CGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> gan.compile()
    >>> brightness = lambda gan: abs(gan.generate([0, 1], seed=1).mean() - 128)
    >>> keep_best = kga.callbacks.KeepBest(brightness, every=2)
    >>> images = np.random.randint(0, 256, [32, 8, 8, 1], "uint8")
    >>> _ = gan.fit(images, np.arange(32) % 2, batch_size=16, epochs=4, verbose=0, callbacks=[keep_best])
    >>> keep_best.best_epoch in (1, 3)
    True
    """

    needs = AdversarialModel

    def __init__(
        self,
        metric: str | Callable[[Any], float],
        mode: str = "min",
        every: int = 1,
        path: str | os.PathLike | None = None,
        name: str = "metric",
    ):
        super().__init__(every)
        if not (isinstance(metric, str) or callable(metric)):
            raise TypeError(f"`metric` must be a logged name or a callable from the GAN to a number. Received: {metric!r}")
        self.metric, self.mode = metric, _checks.one_of(mode, ("min", "max"), "mode")
        self.path = None
        if path is not None:
            _checks.new_folder(path)
            self.path = os.path.expanduser(os.fspath(path))
            self._file = _files.join(self.path, "best.npz")
            self._old_record = _files.join(self.path, "best.json")  # for folders of older versions, whose file has no record
        self.name = metric if isinstance(metric, str) else name
        self.best: float | None = None
        self.best_epoch: int | None = None
        self._state: list[np.ndarray] | None = None
        self._unsaved = False

    def restore(self) -> None:
        """Sets the averaged generator to the best one so far, as the end of `fit` does. Use it if an error ended the fit."""
        if self._state is not None:
            for variable, value in zip(self.model.sampling_variables, self._state, strict=True):
                variable.assign(value)

    def on_train_begin(self, logs=None):
        self._last = self.params.get("epochs", 0) - 1
        self._begun, self._skipped, self._found, self._warned = False, None, False, False

    def on_epoch_begin(self, epoch, logs=None):
        if not self._begun:  # not in `on_train_begin`: another callback may restore the model after it
            self._begin(goes_on=epoch > 0 or int(self.model.step.numpy()) > 0)

    def on_epoch_end(self, epoch, logs=None):
        self._skipped = None if self.due(epoch) or epoch == self._last else (epoch, logs)
        if self._skipped is None:
            self._evaluate(epoch, logs)

    def on_train_end(self, logs=None):
        if not self._begun:  # resumed after its last epoch
            self._begin(goes_on=True)
        if self._skipped is not None:  # stopped by another callback
            self._evaluate(*self._skipped)
        self._save()  # in case it could not be written before
        self.restore()

    def _begin(self, goes_on):
        self._begun = True
        if not goes_on:
            self.best = self.best_epoch = self._state = None
            self._unsaved = False
        if self.path is not None and not self._unsaved:
            if goes_on:
                self._resume()
            else:
                despite_file_errors(self._clear, f"remove {self._file!r} of an earlier training")

    def _clear(self):
        _files.remove(self._file)  # first, since a record alone is harmless
        _files.remove(self._old_record)

    def _resume(self):
        try:
            record, state = self._read()
        except _UNREADABLE as error:
            warnings.warn(
                "`path`: the best generator so far cannot be read, so the search for the best one starts anew. Received: "
                f"{self._file!r}, {type(error).__name__}: {error}",
                stacklevel=2,
            )
            return
        if record is None:
            return
        fits = [value.shape for value in state] == [tuple(variable.shape) for variable in self.model.sampling_variables]
        metric, mode = record["metric"], record.get("mode", self.mode)
        if not fits or (metric, mode) != (self.name, self.mode):
            raise ValueError(
                f"`path` must be the folder of this training, with metric {self.name!r} and mode "
                f"{self.mode!r}, or an empty one. Received: path={self.path!r}, with metric {metric!r}, mode {mode!r}, and "
                f"a generator whose weights have {'these' if fits else 'other'} shapes"
            )
        self.best, self.best_epoch, self._state = record["best"], record["epoch"], state

    def _read(self):
        """Reads the stored dict and state of the generator. (None, None) if nothing is stored."""
        if not _files.exists(self._file):
            return None, None
        with tf.io.gfile.GFile(self._file, "rb") as file, np.load(io.BytesIO(file.read())) as stored:
            arrays = dict(stored)
        if "record" not in arrays and not _files.exists(self._old_record):
            return None, None
        record = json.loads(arrays.pop("record").item() if "record" in arrays else _files.read_text(self._old_record))
        state = [arrays[f"arr_{n}"] for n in range(len(arrays))]
        return {name: record[name] for name in record.keys() | {"best", "epoch", "metric"}}, state

    def _value(self, logs):
        """The value of the metric. None in an epoch for which another callback does not log it."""
        if not isinstance(self.metric, str):
            value = self.metric(self.model)
            try:
                return float(value)
            except (TypeError, ValueError) as error:
                raise TypeError(f"`metric` must give a number. Received: {value!r}, from {self.metric!r}") from error
        if self.metric not in logs and not (self._found or self.best is not None):
            raise ValueError(
                f"`metric` must be one of {sorted(logs)}, or logged by a callback before this one in the epochs of "
                "`every`. "
                f"Received: metric={self.metric!r}"
            )
        self._found = True
        return float(logs[self.metric]) if self.metric in logs else None

    def _evaluate(self, epoch, logs):
        logs = {} if logs is None else logs
        value = self._value(logs)
        if value is None:
            return
        with self.model.distribute_strategy.scope():
            value = _replicas.agreed(value)  # so that all workers keep the same generator
        logs[self.name] = value
        better = self.best is None or (value < self.best if self.mode == "min" else value > self.best)
        if not np.isfinite(value) and not self._warned:
            self._warned = True
            warnings.warn(
                f"`metric` must give finite numbers: an epoch with any other value is never the best. Received: {value} in "
                "epoch "
                f"{epoch + 1}",
                stacklevel=2,
            )
        if np.isfinite(value) and better:
            self.best, self.best_epoch = value, epoch
            self._state = [variable.numpy() for variable in self.model.sampling_variables]
            self._unsaved = self.path is not None
        self._save()

    def _save(self):
        if self._unsaved:
            self._unsaved = not despite_file_errors(self._write, f"write {self._file!r}, so the best is in memory only")

    def _write(self):
        # One file: a kill between two files could leave a pair that does not match.
        record = {"best": self.best, "epoch": self.best_epoch, "metric": self.name, "mode": self.mode}
        content = io.BytesIO()
        np.savez(content, *(self._state or ()), record=np.array(json.dumps(record)))
        _files.write(self._file, content.getvalue())
        _files.remove(self._old_record)
