"""A callback that makes a killed training end like one that was not killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from typing import Any

import tensorflow as tf

from keras_ganaug import _checks, _compat, _files, _replicas
from keras_ganaug.callbacks.gan_callback import check_model, despite_file_errors
from keras_ganaug.models.adversarial_model import AdversarialModel
from keras_ganaug.models.loop import Place, Resuming
from keras_ganaug.models.training_watch import check_finite

_KEPT = 2  # number of backups that are kept, in case the last one cannot be read


class Backup(Resuming):
    """Stores a training in a folder, and continues it there if the same `fit` is started again.

    The training then ends with the same weights, to the last bit, as if it had not been killed: also in the middle of an
    epoch, and also if it was killed while a backup was written. Keras's `BackupAndRestore` continues only at the start of an
    epoch. `Backup` stores all weights, optimizers and running values, the seed, the metrics of the current epoch, and the
    place in the data. If several processes train together, the chief writes, and all read: they must see the same folder.

    Arrays, and any data with `class_balanced`, continue at the right image. Another dataset is read from its start again,
    without training, up to the right batch. Its order must then be the same: give `shuffle` a seed. A dataset of unknown
    length without `steps` continues exactly only if each epoch has the same order.

    After a training has ended, the same `fit` restores its end and trains no more, unless `epochs` or `steps` ask for more.
    For a new training choose a new folder. `fit` calls this callback after all others, wherever it is in the list.

    Args:
        folder: Folder for the backups, which it creates. It holds the last two. It may be on any file system that TensorFlow
            knows.
        every: Number of training steps between two backups. A backup waits for the accelerator and takes about as long as
            `gan.save_weights`. There is also one after each epoch. Defaults to None: only after each epoch.

    Raises:
        ValueError, TypeError: For an argument out of its range, or a folder that cannot be written. `fit` raises a
            ValueError for a folder with the backup of another training. If a backup cannot be written later, as on a full
            disk, `fit` warns and the last good one stays.

    Example:

    >>> import tempfile
    >>> import keras_ganaug as kga
    >>> (images, labels), _ = (kga.datasets.to_arrays(part) for part in kga.datasets.load("digits"))
    >>> gan = kga.SNGAN((8, 8, 1), 10, width=4)
    >>> gan.compile()
    >>> backup = kga.callbacks.Backup(tempfile.mkdtemp(), every=2)
    >>> _ = gan.fit(images, labels, steps=5, callbacks=[backup], verbose=0)
    >>> again = kga.SNGAN((8, 8, 1), 10, width=4)
    >>> again.compile()
    >>> _ = again.fit(images, labels, steps=6, callbacks=[backup], verbose=0)  # one more step
    >>> int(again.step)
    6
    """

    def __init__(self, folder: str | os.PathLike, every: int | None = None):
        super().__init__()
        self.folder = os.path.expanduser(_checks.path(folder, "folder"))
        _checks.new_folder(self.folder, "folder")
        self.every = None if every is None else _checks.positive_int(every, "every")
        self._restored: dict[str, Any] | None = None
        self._place, self._start, self._last = Place(0), 0, 0

    def set_model(self, model):
        check_model(self, model, AdversarialModel)
        super().set_model(model)

    def restore(self, model: Any) -> None:
        check_model(self, model, AdversarialModel)
        self._restored, self._start = None, int(model.step)
        for number in reversed(self._numbers("json")):
            record = self._record(number)
            if record is None:
                warnings.warn(
                    "`folder` has a backup that cannot be read, so the training continues from the one before, if there is "
                    f"one. Received: {self._path(number)!r}, which is cut short or changed",
                    stacklevel=3,
                )
            elif record["finished"] and record["model_step"] == self._start:  # the same model is trained further
                return
            else:
                return self._load(model, number, record)

    def _load(self, model, number, record):
        this = f"a {_kind(model)} from step {self._start} on"
        if record["model"] != _kind(model) or self._start < record["start"]:
            raise ValueError(
                f"`folder` must be empty, or have the backup of this training: of {this}. "
                f"Received: {self.folder!r}, with that of a {record['model']} from step {record['start']} on"
            )
        self._start = record["start"]
        model.load_weights(self._path(number))
        model.seed = record["seed"]
        self._restored = record
        for rate, value in zip(_rates(model), record["rates"], strict=True):
            rate.assign(value)
        for metric in model.metrics:
            for variable, value in zip(metric.variables, record["metrics"][metric.name], strict=True):
                variable.assign(value)

    def place(self, plan: Any, initial_epoch: int) -> Place:
        self._place, record = Place(initial_epoch), self._restored
        if record is not None:
            taken, of_epoch = record["taken"], plan.steps_per_epoch
            if record["finished"] == _finish(plan) or (plan.steps is not None and taken >= plan.steps):
                self._place = Place(plan.epochs, 0, taken)
            elif of_epoch is None:
                self._place = Place(record["epoch"], record["step"], taken)
            else:  # by the steps, since epochs may have another length now
                self._place = Place(initial_epoch + taken // of_epoch, taken % of_epoch, taken)
        self._plan, self._last = plan, self._place.taken
        return self._place

    def on_epoch_begin(self, epoch, logs=None):
        if epoch != self._place.epoch:
            self._place = self._place._replace(epoch=epoch, step=0)

    def after_step(self, step: int) -> None:
        self._place = self._place._replace(step=step, taken=self._place.taken + step - self._place.step)
        due = self.every and self._place.taken - self._last >= self.every
        if due and step != self._plan.steps_in(self._place.epoch):  # otherwise the end of the epoch follows
            self._write()

    def on_epoch_end(self, epoch, logs=None):
        self._place = self._place._replace(epoch=epoch + 1, step=0)
        self._write()

    def on_train_end(self, logs=None):
        if self._restored is None or self._restored["finished"] != _finish(self._plan):
            self._write(_finish(self._plan))

    def _write(self, finished=None):
        check_finite(self.model, weights=True)
        self._last = self._place.taken
        numbers = self._numbers()
        number = max(numbers, default=0) + 1
        record = {
            **self._place._asdict(),
            "model": _kind(self.model),
            "model_step": int(self.model.step),
            "start": self._start,
            "seed": self.model.seed,
            "metrics": {metric.name: [float(v.numpy()) for v in metric.variables] for metric in self.model.metrics},
            "rates": [float(rate.numpy()) for rate in _rates(self.model)],
            "finished": finished,
        }
        written = despite_file_errors(lambda: self._write_files(number, record), f"write a backup to '{self.folder}'")
        if not _replicas.is_chief():  # it took part in the reading of values, and what it wrote is thrown away
            return
        for each in numbers[: 1 - _KEPT] if written else [number]:  # if it failed, the part of it that there is
            despite_file_errors(lambda each=each: self._remove(each), f"remove an old backup of '{self.folder}'")

    def _write_files(self, number, record):
        path = self._path(number)
        self.model.save_weights(path)
        if _replicas.is_chief():  # it counts as a backup only with the record, which is written last
            _files.write(self._path(number, "json"), json.dumps({**record, "digest": _digest(path)}))

    def _remove(self, number):
        for kind in ("json", "weights.h5"):
            _files.remove(self._path(number, kind))

    def _path(self, number, kind="weights.h5"):
        return _files.join(self.folder, f"backup_{number:06d}.{kind}")

    def _numbers(self, kind=""):
        """The numbers of the backups in the folder, from the first to the last."""
        names = tf.io.gfile.listdir(self.folder) if _files.exists(self.folder) else []
        found = (re.fullmatch(r"backup_(\d+)\.(json|weights\.h5)", name) for name in names)
        return sorted({int(each[1]) for each in found if each and each[2].startswith(kind)})

    def _record(self, number):
        """The record of a backup. None if it cannot be read, or its weights are not those that were written."""
        try:
            record = json.loads(_files.read_text(self._path(number, "json")))
            return record if record["digest"] == _digest(self._path(number)) else None
        except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError):
            return None


def _rates(model):
    return _compat.unsaved_rates([getattr(model, f"{player}_optimizer") for player in model.networks])


def _finish(plan):
    """What identifies the end of a training."""
    return [plan.epochs, plan.steps]


def _kind(model):
    shapes = [[int(size) for size in _compat.tf_variable(weight).shape] for weight in model.weights]
    digest = hashlib.blake2b(json.dumps(shapes).encode(), digest_size=4).hexdigest()
    return f"{type(model).__name__} with {len(shapes)} weights ({digest})"


def _digest(path):
    with tf.io.gfile.GFile(path, "rb") as file:
        return hashlib.blake2b(file.read(), digest_size=16).hexdigest()
