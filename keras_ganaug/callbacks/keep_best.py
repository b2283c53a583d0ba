"""The best generator of a training."""

import json
from pathlib import Path

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.callbacks.gan_callback import GANCallback


class KeepBest(GANCallback):
    """Keeps the generator that was best in a metric; at the end of `fit` it is what `generate` and `export` give.

    A GAN's samples often are best long before the end. After the fit the averaged generator is the best one; the networks
    that train are those of the end.

    Args:
        metric: The name of a number that `fit` logs, such as "convergence" of a BEGAN, or a callable from the GAN to a
            number, such as a distance between features of its samples and of real images.
        mode: "min" or "max": which is better. Defaults to "min".
        every: Epochs from one evaluation to the next, at least 1; the last epoch is always evaluated. Defaults to 1.
        path: Folder in which the best generator is kept too, so that a run that is killed does not lose it; a run that is
            resumed goes on from there. Defaults to None: in memory alone.
        name: Name under which a callable's value is logged. Defaults to "metric".

    Raises:
        ValueError, TypeError: For another mode, or a metric of another kind. At the end of the first epoch, for a name that
            is not logged.

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
        self.path = None if path is None else Path(_checks.path(path))
        self.name = metric if isinstance(metric, str) else name
        self.best = self.best_epoch = self._state = None

    def on_train_begin(self, logs=None):
        self._last = self.params.get("epochs", 0) - 1
        if self.path is not None and (self.path / "best.json").is_file():
            record = json.loads((self.path / "best.json").read_text(encoding="utf-8"))
            self.best, self.best_epoch = record["best"], record["epoch"]
            with np.load(self.path / "best.npz") as stored:
                self._state = [stored[f"arr_{n}"] for n in range(len(stored.files))]

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch != self._last:
            return
        if isinstance(self.metric, str):
            if self.metric not in (logs or {}):
                raise ValueError(f"`metric` must be one of {sorted(logs or {})}. Received: metric={self.metric!r}")
            value = float(logs[self.metric])
        else:
            value = float(self.metric(self.model))
            if logs is not None:
                logs[self.name] = value
        better = self.best is None or (value < self.best if self.mode == "min" else value > self.best)
        if np.isfinite(value) and better:
            self.best, self.best_epoch = value, epoch
            self._state = [variable.numpy() for variable in self.model.sampling_state]
            self._write()

    def on_train_end(self, logs=None):
        if self._state is not None:
            for variable, value in zip(self.model.sampling_state, self._state, strict=True):
                variable.assign(value)

    def _write(self):
        if self.path is None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        # First beside and then in place: a run that is killed in between leaves the old ones.
        np.savez(self.path / "new.npz", *self._state)
        (self.path / "new.npz").replace(self.path / "best.npz")
        record = json.dumps({"best": self.best, "epoch": self.best_epoch, "metric": self.name})
        (self.path / "best.json").write_text(record + "\n", encoding="utf-8")
