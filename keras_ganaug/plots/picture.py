"""A PNG picture."""

import base64
import io
from typing import Any

from keras_ganaug import _checks, _files


class Picture(bytes):
    """The bytes of a PNG file. Notebooks display it.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> picture = kga.plots.image_grid({"noise": np.random.uniform(0, 255, [2, 3, 8, 8, 1])})
    >>> picture[1:4]
    b'PNG'
    """

    def save(self, path: Any) -> None:
        """Writes the picture to a file, atomically."""
        _files.write(_checks.path(path), bytes(self))

    def to_data_url(self) -> str:
        """The picture as a data URL, for an HTML page."""
        return f"data:image/png;base64,{base64.b64encode(self).decode()}"

    def _repr_png_(self):
        return bytes(self)


def of_figure(figure: Any, dpi: int = 200) -> Picture:
    """Renders a matplotlib figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return Picture(buffer.getvalue())
