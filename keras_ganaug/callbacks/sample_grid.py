"""Pictures of the samples while a GAN trains."""

import math
import os
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _files
from keras_ganaug.callbacks.gan_callback import GANCallback, despite_file_errors
from keras_ganaug.models import GAN, StarGAN

_SUFFIXES = (".jpeg", ".jpg", ".png")
_MOST = 256  # combinations of attributes, of each of which there is a row


class SampleGrid(GANCallback):
    """Draws a grid of samples, a row for each class or combination of attributes, as a file and for TensorBoard.

    Of a `StarGAN` it draws a row for each of a few images: the image, and its translations into all domains.

    The latents are the same each time, so that one sees how each image develops. Images of one channel are drawn in grey,
    of three in colour, of four in colour on white, with the fourth channel for how opaque a pixel is. Of two and of more
    than four channels each is drawn in grey, beside the one before it. Where a file cannot be written, as on a full disk, a
    warning says so and the training goes on.

    Args:
        path: File to write, ".png", ".jpg" or ".jpeg"; with "{epoch}" in its name, which stands for the epoch counted from
            1, one for each time. Local, or of any file system that TensorFlow knows, such as "gs://bucket/samples.png".
            None for TensorBoard alone. Defaults to "samples.png".
        every: Epochs from one grid to the next, at least 1. Defaults to 1.
        columns: Images in a row. Defaults to 8.
        rows: Rows of a GAN without classes, or of one whose attributes have more than 256 combinations: these are drawn.
            Defaults to 8.
        log_dir: Folder of TensorBoard's logs, or None. Defaults to None.
        zoom: Pixels for each pixel of an image, along each side. Defaults to 2.
        images: Images that a `StarGAN` translates, (n, height, width, channels) in its `value_range`, at least one. Needed
            for that, and for no other. Defaults to None.

    Raises:
        ValueError, TypeError: For a number out of its range, neither `path` nor `log_dir`, or a path that is a folder, has
            another suffix, or in whose name something else is in braces; in `fit`, for `images` that do not fit the model.
            In training, for samples that are not finite.

    Example:

    >>> import keras_ganaug as kga
    >>> grid = kga.callbacks.SampleGrid("samples/{epoch:03d}.png", every=5)  # gan.fit(..., callbacks=[grid])
    """

    needs = (GAN, StarGAN)

    def __init__(
        self,
        path: str | os.PathLike | None = "samples.png",
        every: int = 1,
        columns: int = 8,
        rows: int = 8,
        log_dir: str | os.PathLike | None = None,
        zoom: int = 2,
        images: Any = None,
    ):
        super().__init__(every)
        if path is None and log_dir is None:
            raise ValueError("`path` or `log_dir` must be given. Received: path=None, log_dir=None")
        self.path = None if path is None else os.path.expanduser(os.fspath(_checks.path(path)))
        self._file(1)
        self.columns, self.rows = _checks.positive_int(columns, "columns"), _checks.positive_int(rows, "rows")
        self.zoom = _checks.positive_int(zoom, "zoom")
        self.images = None if images is None else _checks.array(images, "images")
        if self.images is not None and not np.isfinite(self.images).all():
            raise ValueError("`images` must be finite. Received: NaN or infinite values")
        self._writer = None if log_dir is None else tf.summary.create_file_writer(os.path.expanduser(os.fspath(log_dir)))

    def _file(self, epoch):
        """The file of an epoch, counted from 1."""
        if self.path is None:
            return None
        try:
            file = self.path.format(epoch=epoch)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f'`path` must be a file, with nothing in braces but "{{epoch}}". Received: path={self.path!r}'
            ) from error
        if _files.is_folder(file):
            raise ValueError(f"`path` must be a file. Received: path={self.path!r}, which is a folder")
        if not file.lower().endswith(_SUFFIXES):
            raise ValueError(f"`path` must be a file that ends in one of {_SUFFIXES}. Received: path={self.path!r}")
        return file

    def set_model(self, model):
        super().set_model(model)
        if isinstance(model, StarGAN) == (self.images is None):
            given = None if self.images is None else f"an array of shape {self.images.shape}"
            raise ValueError(
                "`images` must be given in the `fit` of a StarGAN, which translates them, and of no other model. "
                f"Received: images={given} in that of a {type(model).__name__}"
            )
        if self.images is not None:
            _checks.images_shape(self.images.shape, model.image_shape)
            if not len(self.images):
                raise ValueError(f"`images` must be at least one. Received: shape {self.images.shape}")

    def _translations(self):
        """Rows of an image and its translations into all domains, (n, 1 + domains, height, width, channels)."""
        condition = self.model.condition
        domains = np.array([*np.ndindex(condition.sizes)], np.int32).reshape(-1, *condition.label_shape)[:_MOST]
        number, asked = len(self.images), np.tile(domains, (len(self.images), *[1] * len(condition.label_shape)))
        made = self.model.translate(np.repeat(self.images, len(domains), 0), asked, seed=0)
        made = made.reshape(number, len(domains), *self.model.image_shape)
        return np.concatenate([self.images[:, None].astype(made.dtype), made], axis=1)

    def _samples(self):
        """Rows of samples, (rows, columns, height, width, channels)."""
        gan, condition = self.model, self.model.condition
        if condition.label_shape and math.prod(condition.sizes) > _MOST:
            labels = condition.draw(self.rows, [0, 0]).numpy()
        else:
            labels = np.array([*np.ndindex(condition.sizes)], np.int32).reshape(-1, *condition.label_shape)
        rows = len(labels) if condition.conditional else self.rows
        images = gan.generate(np.repeat(labels, self.columns, 0) if condition.conditional else rows * self.columns, seed=0)
        return images.reshape(rows, self.columns, *gan.image_shape)

    def grid(self) -> np.ndarray:
        """The picture, uint8 of shape (height, width, 1 or 3)."""
        images = self._samples() if self.images is None else self._translations()
        rows, columns = images.shape[:2]
        low, high = self.model.value_range
        images = _drawn(np.clip((images.reshape(-1, *images.shape[2:]) - low) / (high - low), 0.0, 1.0))
        _, height, width, channels = images.shape
        images = np.pad(images, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=255)  # a line between images
        images = images.reshape(rows, columns, height + 1, width + 1, channels).transpose(0, 2, 1, 3, 4)
        picture = images.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]
        return picture.repeat(self.zoom, 0).repeat(self.zoom, 1)

    def on_epoch_end(self, epoch, logs=None):
        if not self.due(epoch):
            return
        picture, file = self.grid(), self._file(epoch + 1)
        if file is not None:
            png = file.lower().endswith(".png")
            encoded = tf.io.encode_png(picture) if png else tf.io.encode_jpeg(picture, chroma_downsampling=False)
            despite_file_errors(lambda: _files.write(file, encoded.numpy()), f"write {file!r}")
        if self._writer is not None:
            despite_file_errors(lambda: self._log(picture, epoch + 1), "write the grid for TensorBoard")

    def _log(self, picture, step):
        # As `tf.summary.image` writes it, which needs TensorBoard to be installed where the training runs.
        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="images")
        metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin)
        height, width = picture.shape[:2]
        with self._writer.as_default():
            png = tf.io.encode_png(picture).numpy()
            tf.summary.write("samples", [str(width), str(height), png], step=step, metadata=metadata)
        self._writer.flush()


def _drawn(images):
    """uint8 images of 1 or 3 channels for images in [0, 1] of any number."""
    channels = images.shape[-1]
    if channels == 4:
        opacity = images[..., 3:]
        images = images[..., :3] * opacity + 1.0 - opacity
    elif channels not in (1, 3):
        images = np.concatenate(np.split(images, channels, axis=-1), axis=2)
    return np.round(images * 255.0).astype(np.uint8)
