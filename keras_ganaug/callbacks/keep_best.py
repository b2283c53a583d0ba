"""The best generator of a training."""

import io
import json
import os
import warnings
import zipfile

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _files
from keras_ganaug.callbacks.gan_callback import GANCallback, despite_file_errors

_UNREADABLE = (OSError, tf.errors.OpError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class KeepBest(GANCallback):
    """Keeps the generator that was best in a metric; at the end of `fit` it is what `generate` and `export` give.

    A GAN's samples often are best long before the end. After the fit the averaged generator is the best one; the networks
    that train are those of the end.

    Args:
        metric: The name of a number that `fit` logs, such as "convergence" of a BEGAN, or that a callback before this one
            does, such as "diversity" of a `CollapseAlarm`, whose epochs count alone; or a callable from the GAN to a
            number, such as a distance between features of its samples and of real images.
        mode: "min" or "max": which is better. Defaults to "min".
        every: Epochs from one evaluation to the next, at least 1; the last epoch is always evaluated. Defaults to 1.
        path: Folder in which the best generator is kept too, in one file, so that a run that is killed does not lose it;
            local, or of any file system that TensorFlow knows, such as "gs://bucket/best". A training that goes on, with
            `initial_epoch` or by `BackupAndRestore`, takes it up from there; one that begins replaces what another has
            left. Where it cannot be written, as on a full disk, a warning says so and the training goes on. Defaults to
            None: in memory alone.
        name: Name under which a callable's value is logged. Defaults to "metric".

    Raises:
        ValueError, TypeError: For another mode, a metric of another kind, or a `path` that is no folder or may not be
            written; where a training goes on, for a folder with the generator of another GAN or metric. When it is first
            evaluated, for a name that is not logged, or a callable that gives no number.

    Attributes:
        best: The best value so far, or None.
        best_epoch: The epoch at whose end that was, counted from 0, or None.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> gan.compile()
    >>> brightness = lambda gan: abs(gan.generate([0, 1], seed=1).mean() - 128)
    >>> keep_best = kga.callbacks.KeepBest(brightness, every=2)
    >>> images = np.random.randint(0, 256, [32, 8, 8, 1], "uint8")
    >>> _ = gan.fit(images, np.arange(32) % 2, batch_size=16, epochs=4, verbose=0, callbacks=[keep_best])
    >>> keep_best.best_epoch in (1, 3)
    True
    """

    def __init__(self, metric, mode="min", every=1, path=None, name="metric"):
        super().__init__()
        if not (isinstance(metric, str) or callable(metric)):
            raise TypeError(f"`metric` must be a logged name or a callable from the GAN to a number. Received: {metric!r}")
        self.metric = metric
        self.mode = _checks.one_of(mode, ("min", "max"), "mode")
        self.every = _checks.positive_int(every, "every")
        if path is not None:
            _checks.new_folder(path)
            path = os.path.expanduser(os.fspath(path))
        self.path = path
        self.name = metric if isinstance(metric, str) else name
        self.best = self.best_epoch = self._state = None
        self._unsaved = False

    def restore(self):
        """Makes the best generator so far the averaged one, as the end of `fit` does: for a fit that an error has ended."""
        if self._state is not None:
            for variable, value in zip(self.model.sampling_state, self._state, strict=True):
                variable.assign(value)

    def on_train_begin(self, logs=None):
        self._last = self.params.get("epochs", 0) - 1
        self._begun, self._skipped, self._found, self._told = False, None, False, False

    def on_epoch_begin(self, epoch, logs=None):
        if not self._begun:  # by now a callback may have restored the model
            self._begin(goes_on=epoch > 0 or int(self.model.step.numpy()) > 0)

    def on_epoch_end(self, epoch, logs=None):
        self._skipped = (epoch, logs) if (epoch + 1) % self.every and epoch != self._last else None
        if self._skipped is None:
            self._evaluate(epoch, logs)

    def on_train_end(self, logs=None):
        if not self._begun:  # resumed after its last epoch
            self._begin(goes_on=True)
        if self._skipped is not None:  # stopped by another callback
            self._evaluate(*self._skipped)
        self._save()  # where it could not be written before
        self.restore()

    @property
    def _file(self):
        return _files.join(self.path, "best.npz")

    @property
    def _old_record(self):
        """What was beside the file in folders of before, when it had no record within."""
        return _files.join(self.path, "best.json")

    def _begin(self, goes_on):
        self._begun = True
        if not goes_on:
            self.best = self.best_epoch = self._state = None
            self._unsaved = False
            if self.path is not None:
                despite_file_errors(self._clear, f"remove {self._file!r} of an earlier training")
        elif self.path is not None and not self._unsaved:
            self._take_up()

    def _clear(self):
        _files.remove(self._file)  # first: a record alone is nothing
        _files.remove(self._old_record)

    def _take_up(self):
        try:
            record, state = self._read()
        except _UNREADABLE as error:
            warnings.warn(
                f"`path`: the best generator so far cannot be read, and the search for the best one begins anew. Received: "
                f"{self._file!r}, {type(error).__name__}: {error}",
                stacklevel=2,
            )
            return
        if record is None:
            return
        same_shapes = [value.shape for value in state] == [tuple(variable.shape) for variable in self.model.sampling_state]
        metric, mode = record["metric"], record.get("mode", self.mode)
        if not same_shapes or (metric, mode) != (self.name, self.mode):
            raise ValueError(
                f"`path` must be the folder in which this training was kept, with metric {self.name!r} and mode "
                f"{self.mode!r}, or one where nothing is kept. Received: path={self.path!r}, with metric {metric!r}, "
                f"mode {mode!r}, and a generator whose weights have {'these' if same_shapes else 'other'} shapes"
            )
        self.best, self.best_epoch, self._state = record["best"], record["epoch"], state

    def _read(self):
        """What is kept: a dict, and the state of the generator; (None, None) where nothing is."""
        if not _files.exists(self._file):
            return None, None
        with tf.io.gfile.GFile(self._file, "rb") as file:
            content = io.BytesIO(file.read())
        with np.load(content) as stored:
            state = [stored[f"arr_{n}"] for n in range(len(stored.files) - ("record" in stored.files))]
            if "record" in stored.files:
                record = json.loads(stored["record"].item())
            elif _files.exists(self._old_record):
                record = json.loads(_files.read_text(self._old_record))
            else:
                return None, None
        return {name: record[name] for name in record.keys() | {"best", "epoch", "metric"}}, state

    def _evaluate(self, epoch, logs):
        if isinstance(self.metric, str):
            if self.metric not in (logs or {}):
                if self._found or self.best is not None:  # a callback logs it in other epochs
                    return
                raise ValueError(
                    f"`metric` must be one of {sorted(logs or {})}, or what a callback before this one logs in the epochs "
                    f"of `every`. Received: metric={self.metric!r}"
                )
            self._found = True
            value = float(logs[self.metric])
        else:
            value = self.metric(self.model)
            try:
                value = float(value)
            except (TypeError, ValueError) as error:
                raise TypeError(f"`metric` must give a number. Received: {value!r}, from {self.metric!r}") from error
            if logs is not None:
                logs[self.name] = value
        better = self.best is None or (value < self.best if self.mode == "min" else value > self.best)
        if not np.isfinite(value) and not self._told:
            self._told = True
            warnings.warn(
                f"`metric` must give finite numbers: an epoch of another one is never the best. Received: {value} in epoch "
                f"{epoch + 1}",
                stacklevel=2,
            )
        if np.isfinite(value) and better:
            self.best, self.best_epoch = value, epoch
            self._state = [variable.numpy() for variable in self.model.sampling_state]
            self._unsaved = self.path is not None
        self._save()

    def _save(self):
        if self._unsaved:
            self._unsaved = not despite_file_errors(self._write, f"write {self._file!r}, and the best is kept in memory")

    def _write(self):
        # One file: of two, a kill may leave a pair that does not belong together.
        record = {"best": self.best, "epoch": self.best_epoch, "metric": self.name, "mode": self.mode}
        content = io.BytesIO()
        np.savez(content, *self._state, record=np.array(json.dumps(record)))
        _files.write(self._file, content.getvalue())
        _files.remove(self._old_record)
