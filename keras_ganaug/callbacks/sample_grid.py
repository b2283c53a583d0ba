"""Pictures of the samples while a GAN trains."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks
from keras_ganaug.callbacks.gan_callback import GANCallback


class SampleGrid(GANCallback):
    """Draws a grid of samples, a row for each class, as a PNG file and for TensorBoard.

    The latents are the same each time, so that one sees how each image develops.

    Args:
        path: PNG file to write; with "{epoch}" in its name, which stands for the epoch counted from 1, one for each time.
            None for TensorBoard alone. Defaults to "samples.png".
        every: Epochs from one grid to the next, at least 1. Defaults to 1.
        columns: Images in a row. Defaults to 8.
        rows: Rows of a GAN without classes; one with classes has a row for each. Defaults to 8.
        log_dir: Folder of TensorBoard's logs, or None. Defaults to None.
        zoom: Pixels for each pixel of an image, along each side. Defaults to 2.

    Raises:
        ValueError: For a number out of its range, neither `path` nor `log_dir`, or a path that is a folder or in whose name
            something else is in braces.

    Example:

    >>> import keras_ganaug as kga
    >>> grid = kga.callbacks.SampleGrid("samples/{epoch:03d}.png", every=5)  # gan.fit(..., callbacks=[grid])
    """

    def __init__(self, path="samples.png", every=1, columns=8, rows=8, log_dir=None, zoom=2):
        super().__init__()
        if path is None and log_dir is None:
            raise ValueError("`path` or `log_dir` must be given. Received: path=None, log_dir=None")
        self.path = None if path is None else _checks.path(path)
        self._file(1)
        self.every, self.columns = _checks.positive_int(every, "every"), _checks.positive_int(columns, "columns")
        self.rows, self.zoom = _checks.positive_int(rows, "rows"), _checks.positive_int(zoom, "zoom")
        self._writer = None if log_dir is None else tf.summary.create_file_writer(str(log_dir))

    def _file(self, epoch):
        """The PNG file of an epoch, counted from 1."""
        if self.path is None:
            return None
        try:
            file = Path(str(self.path).format(epoch=epoch))
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f'`path` must be a PNG file, with nothing in braces but "{{epoch}}". Received: path={str(self.path)!r}'
            ) from error
        if file.is_dir():
            raise ValueError(f"`path` must be a PNG file. Received: path={str(self.path)!r}, which is a folder")
        return file

    def grid(self):
        """The picture, uint8 of shape (height, width, 1 or 3)."""
        gan = self.model
        rows = gan.num_classes or self.rows
        labels = np.repeat(np.arange(rows), self.columns) if gan.num_classes else rows * self.columns
        images = gan.generate(labels, seed=0)
        low, high = gan.value_range
        images = np.clip(np.round((images - low) / (high - low) * 255.0), 0, 255).astype(np.uint8)
        # PNG knows grey and colour: of any other number of channels the first is drawn.
        images = images if images.shape[-1] == 3 else images[..., :1]
        _, height, width, channels = images.shape
        images = np.pad(images, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=255)  # a line between images
        images = images.reshape(rows, self.columns, height + 1, width + 1, channels).transpose(0, 2, 1, 3, 4)
        picture = images.reshape(rows * (height + 1), self.columns * (width + 1), channels)[:-1, :-1]
        return picture.repeat(self.zoom, 0).repeat(self.zoom, 1)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        picture = self.grid()
        png = tf.io.encode_png(picture).numpy()
        if self.path is not None:
            path = self._file(epoch + 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)
        if self._writer is not None:
            # As `tf.summary.image` writes it, which needs TensorBoard to be installed where the training runs.
            plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="images")
            metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin)
            height, width = picture.shape[:2]
            with self._writer.as_default():
                tf.summary.write("samples", [str(width), str(height), png], step=epoch + 1, metadata=metadata)
            self._writer.flush()
