"""Grids of images, with captions."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _extras
from keras_ganaug.plots.fonts import font_for
from keras_ganaug.plots.picture import Picture

_SIDE = 56  # default minimum of an image's smaller side, in pixels
_GAP = 8  # pixels around captions
_FONT = 13


def image_grid(
    groups: Mapping[str, np.ndarray],
    row_names: Sequence[str] | None = None,
    value_range: tuple[float, float] = (0, 255),
    zoom: int | None = None,
) -> Picture:
    """Draws images in rows, with groups of columns side by side, such as real images next to synthetic ones.

    Images with one channel are drawn in grey, with three in colour, with four in colour on white, where the fourth channel
    is the opacity. With two or more than four channels, the channels are drawn in grey next to each other. Captions need
    Pillow.

    Args:
        groups: Mapping from the caption of a group, which may be empty, to its images, (rows, columns, height, width,
            channels). All groups have the same number of rows.
        row_names: One caption for each row. Defaults to None: no captions.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        zoom: Pixels along each side for each pixel of an image. Defaults to None: images are at least 56 pixels wide and
            high.

    Returns a `plots.Picture`.

    Raises:
        ValueError, TypeError: For images that do not fit together, or are not finite.
        ImportError: If captions are given without Pillow.

    Example:

    >>> import keras_ganaug as kga
    >>> images, labels = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    >>> rows = {"zeros and ones": [images[labels == c][:5] for c in range(2)]}
    >>> kga.plots.image_grid(rows, row_names=["0", "1"], value_range=(0, 16)).save("digits.png")
    """
    low, high = _checks.value_range(value_range)
    if not isinstance(groups, Mapping) or not groups:
        raise TypeError(f"`groups` must be a mapping from captions to images, not empty. Received: groups={groups!r}")
    arrays = {str(name): np.asarray(images) for name, images in groups.items()}
    like = {(each.shape[0], *each.shape[2:]) for each in arrays.values()}
    if any(each.ndim != 5 or not each.size for each in arrays.values()) or len(like) > 1:
        raise ValueError(
            "`groups` must be images of shape (rows, columns, height, width, channels), all with the same number of rows "
            "and the same size. "
            f"Received: shapes {[each.shape for each in arrays.values()]}"
        )
    for each in arrays.values():
        if not np.isfinite(each).all():
            raise ValueError("`groups` must be images of finite values. Received: NaN or infinite values")
    rows, _, *size, _ = next(iter(arrays.values())).shape
    if row_names is not None and len(row_names) != rows:
        raise ValueError(f"`row_names` must be one for each of {rows} rows. Received: {list(row_names)}")
    zoom = max(1, -(-_SIDE // min(size))) if zoom is None else _checks.positive_int(zoom, "zoom")
    picture = grid_of({name: (each - low) / (high - low) for name, each in arrays.items()}, row_names, zoom)
    return Picture(tf.io.encode_png(picture).numpy())


def grid_of(groups: Mapping[str, np.ndarray], row_names: Sequence[str] | None, zoom: int) -> np.ndarray:
    """The picture of `image_grid` as uint8 (height, width, 1 or 3), from images in [0, 1]."""
    tiles = [_tiled(images).repeat(zoom, 0).repeat(zoom, 1) for images in groups.values()]
    row_height = tiles[0].shape[0] / len(next(iter(groups.values())))
    gap = max(3 * zoom, _GAP)  # between groups
    lefts = np.cumsum([0, *(each.shape[1] + gap for each in tiles)])
    widths = [each.shape[1] for each in tiles]
    picture = np.concatenate([np.pad(each, [(0, 0), (0, gap), (0, 0)], constant_values=255) for each in tiles], 1)
    picture = picture[:, :-gap]
    if row_names is None and not any(groups):
        return picture
    draw, font, canvas, heads, row_names = _canvas(picture, row_names, [*groups])
    left, top = canvas.size[0] - picture.shape[1], canvas.size[1] - picture.shape[0]
    for name, start, width in zip(heads, lefts, widths):
        draw.text((left + start, _GAP // 2), _shortened(name, font, width), fill=40, font=font)
    for number, name in enumerate(row_names):
        draw.text((left - _GAP, top + (number + 0.5) * row_height), name, fill=40, font=font, anchor="rm", align="right")
    drawn = np.repeat(np.asarray(canvas)[..., None], picture.shape[2], 2)
    drawn[top:, left:] = picture
    return drawn


def _canvas(picture, row_names, heads):
    """A white canvas around a picture, with room for captions; the object that draws on it; the font; and the captions."""
    image, draw_of = (_extras.load(f"PIL.{part}", "A caption", "images") for part in ("Image", "ImageDraw"))
    font, texts = font_for([*heads, *(row_names or ())], _FONT)
    heads, row_names = texts[: len(heads)], texts[len(heads) :]
    widths = [font.getlength(line) for name in row_names for line in name.split("\n")]
    left, top = (int(max(widths)) + 2 * _GAP if widths else 0), (_FONT + _GAP if any(heads) else 0)
    canvas = image.new("L", (left + picture.shape[1], top + picture.shape[0]), 255)
    return draw_of.Draw(canvas), font, canvas, heads, row_names


def _shortened(text, font, width):
    """Shortens a text to this width, with dots at the end."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _tiled(images):
    """Rows of images in [0, 1] side by side, separated by white lines: uint8 (height, width, 1 or 3)."""
    rows, columns = images.shape[:2]
    images = _pixels(np.clip(images.reshape(-1, *images.shape[2:]), 0.0, 1.0))
    _, height, width, channels = images.shape
    images = np.pad(images, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=255)
    images = images.reshape(rows, columns, height + 1, width + 1, channels).transpose(0, 2, 1, 3, 4)
    return images.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]


def _pixels(images):
    """Converts images in [0, 1] with any number of channels to uint8 with 1 or 3."""
    channels = images.shape[-1]
    if channels == 4:
        opacity = images[..., 3:]
        images = images[..., :3] * opacity + 1.0 - opacity
    elif channels not in (1, 3):
        images = np.concatenate(np.split(images, channels, axis=-1), axis=2)
    return np.round(images * 255.0).astype(np.uint8)
