"""TensorBoard for the training of a GAN."""

import os
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _extras, _files, _replicas
from keras_ganaug.callbacks.collapse_alarm import CollapseAlarm
from keras_ganaug.callbacks.gan_callback import check_model, despite_file_errors
from keras_ganaug.callbacks.sample_grid import SampleGrid
from keras_ganaug.models import GAN, StarGAN


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's TensorBoard callback, with samples and their diversity.

    It shows everything that `fit` logs, such as the losses of both players and `augment_p`, the probability of an
    `AdaptiveAugment`. It adds a grid of samples with class names, drawn by `SampleGrid`. If it is given real images, it also
    shows the diversity of each class, as measured by `CollapseAlarm`, where 1 is the diversity of the real images. View the
    logs with `tensorboard --logdir logs`. It needs tensorboard, which TensorFlow does not install: `pip install
    "keras_ganaug[tensorboard]"`.

    Args:
        log_dir: Folder of the logs. Defaults to "logs".
        images: Real images in the GAN's `value_range`, array of shape (n, height, width, channels), to compare the diversity
            with. For a `StarGAN`, the images to translate. Defaults to None.
        labels: Their labels, see `CollapseAlarm`. Defaults to None.
        every: Number of epochs between two grids and measurements of the diversity, at least 1. Defaults to 1.
        columns: Number of images in a row of the grid. Defaults to 8.
        class_names: See `SampleGrid`. Defaults to None.
        **options: Further arguments of `keras.callbacks.TensorBoard`. `write_graph` is off by default, since a GAN has
            several networks.

    Raises:
        ImportError: If tensorboard is not installed.
        ValueError, TypeError: See `SampleGrid` and `CollapseAlarm`.

    Example:

    >>> import keras_ganaug as kga
    >>> board = kga.callbacks.TensorBoard("logs", every=5)  # gan.fit(..., callbacks=[board])
    """

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        images: Any = None,
        labels: Any = None,
        every: int = 1,
        columns: int = 8,
        class_names: Any = None,
        **options: Any,
    ):
        _extras.load("tensorboard", type(self).__name__, "tensorboard")
        log_dir = os.path.expanduser(os.fspath(_checks.path(log_dir, "log_dir")))
        super().__init__(log_dir, **{"write_graph": False, **options})
        self._images, self._labels = images, labels
        self._grid_options = {"every": every, "columns": columns, "class_names": class_names}
        SampleGrid(**self._grid_options)  # checks the options now
        self._alarm = None if images is None else CollapseAlarm(images, labels, every=every)
        self._samples_writer: Any = None

    def set_model(self, model):
        check_model(self, model, (GAN, StarGAN))
        if not _replicas.is_chief():
            self._not_kept = tempfile.TemporaryDirectory()  # Keras writes in each worker; only the chief's logs are kept
            self.log_dir = self._not_kept.name
        translates = isinstance(model, StarGAN)
        self._grid = SampleGrid(images=self._images if translates else None, **self._grid_options)
        self._grid.set_model(model)
        if translates:
            self._alarm = None
        if self._alarm is not None:
            self._alarm.set_model(model)
        super().set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        despite_file_errors(lambda: super(TensorBoard, self).on_epoch_end(epoch, logs), "write for TensorBoard")
        if self._grid.due(epoch):
            picture = self._grid.grid()
            scalars = {} if self._alarm is None else self._alarm.shares(self._grid.class_names)
            despite_file_errors(lambda: self._write(epoch, picture, scalars), "write for TensorBoard")

    def _write(self, epoch, picture, scalars):
        if self._samples_writer is None:
            self._samples_writer = tf.summary.create_file_writer(_files.join(self.log_dir, "samples"))
        with self._samples_writer.as_default(step=epoch):
            tf.summary.image("samples", picture[None])
            for name, value in scalars.items():
                if np.isfinite(value):
                    tf.summary.scalar(f"diversity/{name}", value)
        self._samples_writer.flush()

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        if self._samples_writer is not None:
            self._samples_writer.close()
            self._samples_writer = None
