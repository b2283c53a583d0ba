"""Decodes image files: turns them upright, composes them on a background, and converts their channels.

TensorFlow decodes PNG, JPEG, GIF and BMP; Pillow decodes the rest. The format follows from the first bytes of a file, since
its suffix may be wrong.
"""

import io
import re
import struct
from typing import Any

import numpy as np
import tensorflow as tf

# Ways to read a file: by TensorFlow (as it is, with alpha, or in colour and then converted to grey), or by Pillow.
PLAIN, ALPHA, COLORS, PILLOW = range(4)
_ORIENTATION = 0x0112  # the EXIF tag
_FRAME = b"\x21\xf9\x04"  # the graphic control extension of a GIF
_INKS = re.compile(
    rb"\xff[\xc0-\xcf]\0\x14\x08.{4}\x04", re.DOTALL
)  # a JPEG with four channels, which TensorFlow cannot convert to grey
_BMP = struct.Struct("<10xIIiiHHI")  # offset of the pixels, header size, width, height, planes, bits, compression
_MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with opacity",
    "P": "palette",
    "PA": "palette with opacity",
    "RGB": "RGB",
    "RGBA": "RGB with opacity",
    **dict.fromkeys(("I;16", "I;16B", "I;16L", "I;16N"), "16 bits"),
}
_GRAY_PALETTE = bytes(value for gray in range(256) for value in (gray, gray, gray, 0))


def pillow() -> Any:
    """Pillow's module `Image`, or None if Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        return None
    return Image


def header(contents: bytes) -> np.ndarray:
    """Reads the header of an image file: int32 (way to read it, EXIF orientation from 1 to 8, further frames).

    The way is PILLOW for every file that TensorFlow cannot read or would read wrongly.
    """
    way, orientation, further = PILLOW, 1, False
    if contents.startswith(b"\xff\xd8\xff"):
        way = COLORS if _INKS.search(contents) else PLAIN
        orientation = _orientation(_after(contents, b"Exif\0\0", 1 << 17))
    elif contents.startswith(b"\x89PNG\r\n\x1a\n"):
        chunks = contents[: contents.find(b"IDAT")]
        way = ALPHA if contents[25:26] in (b"\4", b"\6") or b"tRNS" in chunks else PLAIN
        orientation, further = _orientation(_after(contents, b"eXIf")), b"acTL" in chunks
    elif contents.startswith(b"GIF8"):
        control = _after(contents, _FRAME)
        if not control[:1] or control[0] % 2 == 0:  # TensorFlow fills transparent pixels with another colour
            way, further = COLORS, _FRAME in control
    elif contents.startswith(b"BM") and len(contents) >= _BMP.size:  # TensorFlow mistakes palettes for grey
        start, size, *_, bits, compression = _BMP.unpack_from(contents)
        gray = bits == 8 and start == 54 + 1024 and contents.startswith(_GRAY_PALETTE, 54)
        way = COLORS if size >= 40 and not compression and (gray or bits in (24, 32)) else PILLOW
    if way == PILLOW and pillow():
        try:
            with pillow().open(io.BytesIO(contents)) as image:
                orientation, further = image.getexif().get(_ORIENTATION, 1), getattr(image, "n_frames", 1) > 1
        except Exception:  # Pillow's readers raise many kinds of errors; decoding reports them
            pass
    return np.array([way, orientation if orientation in range(1, 9) else 1, further], np.int32)


def mode(file: Any) -> str | None:
    """How an open image file stores its pixels, in words. None if it cannot be told, as without Pillow."""
    image = pillow()
    try:
        start = file.read(25)
        if start.startswith(b"\x89PNG\r\n\x1a\n") and start[24] == 16:
            return "16 bits"  # which Pillow tells of grey images alone
        file.seek(0)
        with image.open(file) as opened:
            return _MODES.get(opened.mode, opened.mode)
    except Exception:  # Pillow's readers raise many kinds of errors
        return None


def header_of(contents: tf.Tensor) -> tf.Tensor:
    """`header` as a graph operation."""
    return tf.ensure_shape(tf.numpy_function(header, [contents], tf.int32, stateful=False), [3])


def _after(contents, mark, end=None):
    """The bytes after the first occurrence of a mark."""
    place = contents.find(mark, 0, end)
    return b"" if place < 0 else contents[place + len(mark) :]


def _orientation(tiff):
    """The orientation from the first EXIF directory. 1 if there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if (tag, kind) == (_ORIENTATION, 3):
                return value
    except struct.error:  # the data end too early
        pass
    return 1


def pillow_pixels(contents: bytes) -> np.ndarray:
    """Decodes an image file with Pillow: upright uint8 RGBA (height, width, 4)."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(contents)) as image:
        of_16_bits = image.format == "PPM"
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or (image.mode == "I" and of_16_bits):
            image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
        elif image.mode in ("I", "F"):
            raise ValueError(
                f"its pixels are of 32 bits (Pillow's mode {image.mode!r}), whose range is not known: save it with 8"
            )
        elif image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
            image = image.convert("RGBA" if image.mode in ("La", "RGBa") else "RGB")
        return np.asarray(image.convert("RGBA"), np.uint8)


def _tried(contents):
    """`pillow_pixels`, and what is wrong with the file, or "". TensorFlow would log the traceback of an error."""
    try:
        return pillow_pixels(contents), np.array(b"", object)
    except Exception as error:  # Pillow's decoders raise many kinds of errors
        return np.zeros([0, 0, 4], np.uint8), np.array(f"{type(error).__name__}: {error}".encode(), object)


def decode(
    contents: tf.Tensor, header: tf.Tensor, channels: int, background: tuple[float, ...] = (255.0,), with_pillow: bool = True
) -> tf.Tensor:
    """Decodes an image file within a graph.

    Args:
        contents: Bytes of the file, a scalar string.
        header: The result of `header_of`.
        channels: 1, 3 or 4.
        background: Colour behind transparent pixels: one number or three. Unused with 4 channels.
        with_pillow: Whether a file may need Pillow. Defaults to True.

    Returns a uint8 tensor (height, width, channels).
    """

    def read(count):
        return tf.io.decode_image(contents, channels=count, expand_animations=False)

    def plain():
        return tf.pad(read(3), [[0, 0], [0, 0], [0, 1]], constant_values=255) if channels == 4 else read(channels)

    def composed(pixels):
        if channels == 4:
            return pixels
        alpha = tf.cast(pixels[..., 3:], tf.float32)
        behind = tf.broadcast_to(tf.constant(background, tf.float32), [3])
        mixed = (tf.cast(pixels[..., :3], tf.float32) * alpha + behind * (255.0 - alpha)) / 255.0
        mixed = tf.cast(tf.round(mixed), tf.uint8)
        return _gray(mixed) if channels == 1 else mixed

    def by_pillow():
        pixels, wrong = tf.numpy_function(_tried, [contents], (tf.uint8, tf.string))
        with tf.control_dependencies([tf.debugging.Assert(tf.equal(wrong, ""), [wrong])]):
            return composed(tf.ensure_shape(pixels, [None, None, 4]))

    ways = [plain, lambda: composed(read(4)), (lambda: _gray(read(3))) if channels == 1 else plain, by_pillow]
    pixels = tf.switch_case(header[0], ways if with_pillow else ways[:PILLOW])
    orientation = tf.where(header[0] == PILLOW, 1, header[1])
    return tf.ensure_shape(
        tf.cond(orientation > 1, lambda: _upright(pixels, orientation), lambda: pixels), [None, None, channels]
    )


def _upright(pixels, orientation):
    """Undoes an EXIF orientation, 1 to 8."""
    backwards = [tf.reduce_any(orientation == which) for which in ([3, 4, 7, 8], [2, 3, 6, 7])]
    pixels = tf.transpose(pixels, tf.where(orientation > 4, [1, 0, 2], [0, 1, 2]))
    return tf.reverse(pixels, tf.boolean_mask([0, 1], tf.stack(backwards)))


def _gray(pixels):
    """Converts (height, width, 3) to one channel of luma, rounded as in Pillow and JPEG."""
    weighted = tf.cast(pixels, tf.int32) * tf.constant([19595, 38470, 7471])
    return tf.cast(tf.bitwise.right_shift(tf.reduce_sum(weighted, -1, keepdims=True) + (1 << 15), 16), tf.uint8)
