"""Pictures of samples while a GAN trains."""

import copy
import importlib.util
import math
import os
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _extras, _files
from keras_ganaug.callbacks.gan_callback import GANCallback, despite_file_errors
from keras_ganaug.models import GAN, StarGAN
from keras_ganaug.plots.grids import grid_of

_SUFFIXES = (".jpeg", ".jpg", ".png")
_MOST = 256  # the most combinations of attributes that get a row each


class SampleGrid(GANCallback):
    """Draws a grid of samples, with one row for each class or combination of attributes, and writes it to a file.

    For a `StarGAN`, each row shows one of a few images and its translations into all domains.

    The latents are the same each time, so that you can follow the development of each image. Images with one channel are
    drawn in grey, with three in colour, with four in colour on white, where the fourth channel is the opacity. With two or
    more than four channels, the channels are drawn in grey next to each other. If a file cannot be written, for example on a
    full disk, a warning is given and the training continues.

    Args:
        path: File to write, ".png", ".jpg" or ".jpeg". "{epoch}" in its name is replaced by the epoch, counted from 1, so
            that each grid gets its own file. It may be on any file system that TensorFlow knows, such as
            "gs://bucket/samples.png". Defaults to "samples.png".
        every: Number of epochs between two grids, at least 1. Defaults to 1.
        columns: Number of images in a row. Defaults to 8.
        rows: Number of rows for a GAN without classes, or with more than 256 combinations of attributes, of which it draws
            that many. Defaults to 8.
        zoom: Pixels along each side for each pixel of an image. Defaults to 2.
        images: Images for a `StarGAN` to translate, (n, height, width, channels) in its `value_range`, at least one.
            Required for a `StarGAN`, and an error for other models. Defaults to None.
        class_names: Names of the classes for the captions, which need Pillow. With several attributes, a mapping from
            attribute to the names of its values. Defaults to None: those of the GAN, if it has any.

    Raises:
        ValueError, TypeError: For a number out of its range, or a path that is a folder, has another suffix, or has anything
            but "{epoch}" in braces. In `fit`, for `images` or `class_names` that do not fit the model. During training, for
            samples that are not finite.
        ImportError: If `class_names` is given without Pillow.

    Example:

    >>> import keras_ganaug as kga
    >>> grid = kga.callbacks.SampleGrid("samples/{epoch:03d}.png", every=5)  # gan.fit(..., callbacks=[grid])
    """

    needs = (GAN, StarGAN)

    def __init__(
        self,
        path: str | os.PathLike = "samples.png",
        every: int = 1,
        columns: int = 8,
        rows: int = 8,
        zoom: int = 2,
        images: Any = None,
        class_names: Any = None,
    ):
        super().__init__(every)
        self.path = os.path.expanduser(os.fspath(_checks.path(path)))
        self._file(1)
        self.columns, self.rows = _checks.positive_int(columns, "columns"), _checks.positive_int(rows, "rows")
        self.zoom = _checks.positive_int(zoom, "zoom")
        self.images = None if images is None else _checks.array(images, "images")
        if self.images is not None and not np.isfinite(self.images).all():
            raise ValueError("`images` must be finite. Received: NaN or infinite values")
        self.class_names = class_names
        if class_names is not None:
            _extras.load("PIL", "`class_names`", "images")

    def _file(self, epoch):
        """The file for an epoch, counted from 1."""
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
                "`images` must be given in the `fit` of a StarGAN, which translates them, and for no other model. "
                f"Received: images={given} in that of a {type(model).__name__}"
            )
        if self.images is not None:
            _checks.images_shape(self.images.shape, model.image_shape)
            if not len(self.images):
                raise ValueError(f"`images` must be at least one. Received: shape {self.images.shape}")
        copy.copy(model.condition).named(self.class_names)

    def _captions(self, labels):
        """A caption for each of the int32 labels. None if the classes have no names."""
        condition = copy.copy(self.model.condition).named(self.class_names)
        if condition.class_names is None:
            return None
        if importlib.util.find_spec("PIL") is None:
            warnings.warn(
                'The grid has no class names, which need Pillow: pip install "keras_ganaug[images]".', stacklevel=2
            )
            return None
        return [", ".join(condition.label_names(label)) for label in labels]

    def _translations(self):
        """A dict from column caption to images, (n, 1, height, width, channels); and None, since the rows have no names."""
        condition = self.model.condition
        domains = np.array([*np.ndindex(condition.sizes)], np.int32).reshape(-1, *condition.label_shape)[:_MOST]
        number, asked = len(self.images), np.tile(domains, (len(self.images), *[1] * len(condition.label_shape)))
        made = self.model.translate(np.repeat(self.images, len(domains), 0), asked, seed=0)
        made = made.reshape(number, len(domains), *self.model.image_shape)
        captions = self._captions(domains)
        if captions is None:
            return {"": np.concatenate([self.images[:, None].astype(made.dtype), made], axis=1)}, None
        columns = {name: made[:, n : n + 1] for n, name in enumerate(captions)}
        return {"image": self.images[:, None].astype(made.dtype), **columns}, None

    def _samples(self):
        """A dict of samples, (rows, columns, height, width, channels), without a caption; and the names of the rows."""
        gan, condition = self.model, self.model.condition
        if condition.label_shape and math.prod(condition.sizes) > _MOST:
            labels = condition.draw(self.rows, [0, 0]).numpy()
        else:
            labels = np.array([*np.ndindex(condition.sizes)], np.int32).reshape(-1, *condition.label_shape)
        rows = len(labels) if condition.conditional else self.rows
        images = gan.generate(np.repeat(labels, self.columns, 0) if condition.conditional else rows * self.columns, seed=0)
        captions = self._captions(labels) if condition.conditional else None
        return {"": images.reshape(rows, self.columns, *gan.image_shape)}, captions

    def grid(self) -> np.ndarray:
        """The picture, uint8 of shape (height, width, 1 or 3)."""
        groups, captions = self._samples() if self.images is None else self._translations()
        low, high = self.model.value_range
        return grid_of({name: (images - low) / (high - low) for name, images in groups.items()}, captions, self.zoom)

    def on_epoch_end(self, epoch, logs=None):
        if not self.due(epoch):
            return
        picture, file = self.grid(), self._file(epoch + 1)
        png = file.lower().endswith(".png")
        encoded = tf.io.encode_png(picture) if png else tf.io.encode_jpeg(picture, chroma_downsampling=False)
        despite_file_errors(lambda: _files.write(file, encoded.numpy()), f"write {file!r}")
