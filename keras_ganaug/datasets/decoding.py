"""Image files as pixels: upright, on a background, in the channels that are asked for.

TensorFlow decodes PNG, JPEG, GIF and BMP within its graph, Pillow the rest. What a file is shows in its first bytes; its
suffix may err.
"""

import io

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks

JPEG, PNG, TRANSPARENT_PNG, GIF, BMP, OTHER = range(6)
_HEAD = 1088  # bytes that hold the header of a BMP with its palette
_GRAY_PALETTE = bytes(value for gray in range(256) for value in (gray, gray, gray, 0))
_GIF_CONTROL = b"\x21\xf9\x04"
_ORIENTATION, _SHORT = 0x0112, 3


def pillow():
    """Pillow's modules `(Image, ImageOps)`, or None where Pillow is missing."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return None
    return Image, ImageOps


def format_of(contents):
    """Which of the formats above an image file is of. OTHER is all that TensorFlow cannot read, or would read wrongly."""
    head = tf.strings.join([tf.strings.substr(contents, 0, _HEAD), b"\0" * _HEAD])
    byte = tf.io.decode_raw(tf.strings.substr(head, 0, _HEAD), tf.uint8)

    def starts(mark, at=0):
        return tf.equal(tf.strings.substr(head, at, len(mark)), mark)

    def png():
        alpha = tf.not_equal(tf.bitwise.bitwise_and(byte[25], tf.constant(4, tf.uint8)), 0)
        return tf.where(alpha | _has(_before_pixels(contents), b"tRNS"), TRANSPARENT_PNG, PNG)

    def gif():
        # TensorFlow paints the transparent pixels in a colour of its own.
        flags = tf.strings.join([tf.strings.substr(_after(contents, _GIF_CONTROL), 0, 1), b"\0"])
        return tf.where(tf.io.decode_raw(tf.strings.substr(flags, 0, 1), tf.uint8)[0] % 2 == 0, GIF, OTHER)

    def bmp():
        # TensorFlow takes palettes for grey, and knows no compression.
        plain = starts(b"\0" * 4, 30) & (byte[14] >= 40)
        gray = (byte[28] == 8) & starts((54 + 1024).to_bytes(4, "little"), 10) & starts(_GRAY_PALETTE, 54)
        return tf.where(plain & ((byte[28] == 24) | (byte[28] == 32) | gray), BMP, OTHER)

    return tf.case(
        [
            (starts(b"\xff\xd8\xff"), lambda: tf.constant(JPEG)),
            (starts(b"\x89PNG\r\n\x1a\n"), png),
            (starts(b"GIF8"), gif),
            (starts(b"BM"), bmp),
        ],
        default=lambda: tf.constant(OTHER),
    )


def decode(contents, channels, background=255.0, with_pillow=True):
    """Decodes an image file within a graph.

    Args:
        contents: The bytes of the file, a scalar string tensor.
        channels: 1, 3 or 4.
        background: What lies behind transparent pixels: a number or three. Of no use with 4 channels. Defaults to 255.
        with_pillow: Whether files that TensorFlow cannot read go to Pillow; else they fail. Defaults to True.

    Returns `(image, facts)`: a uint8 tensor (height, width, channels), and an int32 tensor of three: the EXIF orientation that
    was undone, 1 to 8, whether a pixel is transparent, and whether there are further frames, which are not read.
    """

    def read(count):
        return tf.io.decode_image(contents, channels=count, expand_animations=False)

    def finished(pixels, orientation=1, some_transparent=False, further=False):
        pixels = upright(pixels, orientation)
        return pixels, tf.stack([tf.cast(fact, tf.int32) for fact in (orientation, some_transparent, further)])

    def opaque(pixels, *facts):
        return finished({1: to_gray, 3: tf.identity, 4: _with_alpha}[channels](pixels), *facts)

    def transparent(pixels, orientation=1, further=False):
        some = tf.reduce_any(pixels[..., 3] < 255)
        if channels < 4:
            pixels = tf.cond(some, lambda: compose(pixels, background), lambda: pixels[..., :3])
            pixels = to_gray(pixels) if channels == 1 else pixels
        return finished(pixels, orientation, some, further)

    def jpeg():
        orientation = orientation_of(tf.strings.substr(contents, 0, 1 << 17), b"Exif\0\0")
        if channels > 1:
            return opaque(read(3), orientation)
        four_inks = tf.equal(tf.io.extract_jpeg_shape(contents)[2], 4)  # TensorFlow makes colours of them, but no grey
        return finished(tf.cond(four_inks, lambda: to_gray(read(3)), lambda: read(1)), orientation)

    def png():
        orientation, animated = orientation_of(contents, b"eXIf"), _has(_before_pixels(contents), b"acTL")
        if channels == 1:
            return finished(read(1), orientation, False, animated)
        return opaque(read(3), orientation, False, animated)

    def transparent_png():
        return transparent(read(4), orientation_of(contents, b"eXIf"), _has(_before_pixels(contents), b"acTL"))

    def other():
        if not with_pillow:
            readable = _checks.assertion(
                False, "`directory` must hold files that TensorFlow or an installed Pillow can read"
            )
            with tf.control_dependencies([readable]):
                return opaque(read(3))
        pixels, turned, further = tf.numpy_function(pillow_pixels, [contents], (tf.uint8, tf.int32, tf.bool))
        image, facts = transparent(tf.ensure_shape(pixels, [None, None, 4]), further=tf.ensure_shape(further, []))
        return image, tf.concat([[tf.ensure_shape(turned, [])], facts[1:]], 0)  # Pillow has turned it

    branches = {
        JPEG: jpeg,
        PNG: png,
        TRANSPARENT_PNG: transparent_png,
        GIF: lambda: opaque(read(3), 1, False, _has(contents, b"NETSCAPE2.0")),
        BMP: lambda: opaque(read(3)),
        OTHER: other,
    }
    image, facts = tf.switch_case(format_of(contents), branches)
    return tf.ensure_shape(image, [None, None, channels]), facts


def compose(pixels, background):
    """Pixels (height, width, 4) laid over a background, as three channels."""
    alpha = tf.cast(pixels[..., 3:], tf.float32)
    behind = tf.broadcast_to(tf.constant(background, tf.float32), [3])
    mixed = (tf.cast(pixels[..., :3], tf.float32) * alpha + behind * (255.0 - alpha)) / 255.0
    return tf.cast(tf.round(mixed), tf.uint8)


def to_gray(pixels):
    """The luma of (height, width, 3) as one channel, rounded as Pillow and JPEG do."""
    weighted = tf.cast(pixels, tf.int32) * tf.constant([19595, 38470, 7471])
    return tf.cast(tf.bitwise.right_shift(tf.reduce_sum(weighted, -1, keepdims=True) + (1 << 15), 16), tf.uint8)


def _with_alpha(pixels):
    return tf.concat([pixels, tf.fill(tf.concat([tf.shape(pixels)[:2], [1]], 0), tf.constant(255, tf.uint8))], -1)


def upright(pixels, orientation):
    """Undoes an EXIF orientation, 1 to 8."""

    def one_of(*orientations):
        return tf.reduce_any(tf.equal(orientation, orientations))

    def turned():
        image = tf.cond(orientation > 4, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
        image = tf.cond(one_of(2, 3, 6, 7), lambda: tf.reverse(image, [1]), lambda: image)
        return tf.cond(one_of(3, 4, 7, 8), lambda: tf.reverse(image, [0]), lambda: image)

    if isinstance(orientation, int) and orientation == 1:
        return pixels
    return tf.cond(tf.equal(orientation, 1), lambda: pixels, turned)


def orientation_of(contents, mark):
    """The EXIF orientation, 1 to 8, in what follows `mark` in a file; 1 if there is none."""
    little = _after(contents, mark + b"II*\0")
    return tf.cond(
        tf.strings.length(little) > 0,
        lambda: _orientation(little, little_endian=True),
        lambda: _orientation(_after(contents, mark + b"MM\0*"), little_endian=False),
    )


def _orientation(tiff, little_endian):
    """The orientation in the first directory of a TIFF header, of which the first four bytes are left out."""
    most = 512  # entries of a directory
    length = tf.minimum(tf.strings.length(tiff), 1 << 16)
    tiff = tf.strings.join([tf.strings.substr(tiff, 0, 1 << 16), b"\0" * (6 + 12 * most)])

    def numbers(text, dtype):
        return tf.cast(tf.io.decode_raw(text, dtype, little_endian=little_endian), tf.int32)

    start = tf.clip_by_value(numbers(tf.strings.substr(tiff, 0, 4), tf.int32)[0], 4, length + 4) - 4
    count = tf.minimum(numbers(tf.strings.substr(tiff, start, 2), tf.uint16)[0], most)
    entries = tf.reshape(numbers(tf.strings.substr(tiff, start + 2, 12 * count), tf.uint16), [-1, 6])
    found = (entries[:, 0] == _ORIENTATION) & (entries[:, 1] == _SHORT)
    value = tf.reduce_max(tf.where(found, entries[:, 4], 1))
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _after(contents, mark):
    """What follows the first occurrence of `mark`, or nothing."""
    return tf.strings.reduce_join(tf.strings.split(contents, mark, maxsplit=1)[1:])


def _has(contents, mark):
    """Whether the bytes `mark` are in a file."""
    return tf.size(tf.strings.split(contents, mark, maxsplit=1)) > 1


def _before_pixels(contents):
    """The first chunks of a PNG."""
    return tf.strings.split(contents, b"IDAT", maxsplit=1)[0]


def pillow_pixels(contents):
    """Decodes an image file by Pillow.

    Returns `(pixels, orientation, further)`: upright uint8 RGBA, the orientation that was undone, and whether there are further
    frames or pages.
    """
    Image, ImageOps = pillow()
    with Image.open(io.BytesIO(contents)) as image:
        orientation = image.getexif().get(_ORIENTATION, 1)  # a TIFF loses it when it is loaded
        further, of_16_bits = getattr(image, "n_frames", 1) > 1, image.format == "PPM"
        image.load()
        image = ImageOps.exif_transpose(image) or image
        mode = image.mode
        if mode.startswith("I;16") or (mode == "I" and of_16_bits):
            image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
        elif mode in ("I", "F"):
            raise ValueError(f"its pixels are of 32 bits (Pillow's mode {mode!r}), whose range is not known: save it with 8")
        elif mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
            image = image.convert("RGBA" if mode in ("La", "RGBa") else "RGB")
        pixels = np.asarray(image.convert("RGBA"), np.uint8)
    return pixels, np.int32(orientation if orientation in range(1, 9) else 1), np.bool_(further)
