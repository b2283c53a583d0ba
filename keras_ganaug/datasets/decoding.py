"""Image files as pixels: upright, on a background, in the channels that are asked for.

TensorFlow decodes PNG, JPEG, GIF and BMP within its graph, Pillow the rest. What a file is shows in its first bytes; its
suffix may err.
"""

import functools
import io

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks

# How a file is read: by TensorFlow as it stands, with its alpha, or as colours that may become grey; or by Pillow.
PLAIN, ALPHA, COLORS, OTHER = range(4)
_HEAD = 1088  # bytes that hold the header of a BMP with its palette
_GRAY_PALETTE = bytes(value for gray in range(256) for value in (gray, gray, gray, 0))
_ORIENTATION, _SHORT = 0x0112, 3
_ENTRIES = 256  # most entries of a directory of EXIF
_EXIF = 1 << 17  # bytes of a JPEG in which its EXIF begins and ends


def pillow():
    """Pillow's modules `(Image, ImageOps)`, or None where Pillow is missing."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return None
    return Image, ImageOps


@functools.lru_cache(maxsize=16)
def decoder(channels, background=(255.0,), with_pillow=True):
    """A graph that decodes an image file.

    Args:
        channels: 1, 3 or 4.
        background: What lies behind transparent pixels: a tuple of one number or three. Of no use with 4 channels. Defaults
            to white.
        with_pillow: Whether files that TensorFlow cannot read go to Pillow; else they fail. Defaults to True.

    Returns a function of the bytes of the file, a scalar string tensor, to `(image, facts)`: a uint8 tensor (height, width,
    channels), and an int32 tensor of four: how the file was read, the EXIF orientation that was undone, whether a pixel is
    transparent, and whether there are further frames, which are not read.
    """

    def decoded(contents):
        return _decoded(contents, channels, background, with_pillow)

    return tf.function(decoded, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


def _decoded(contents, channels, background, with_pillow):
    way, orientation, further = look_at(contents)

    def read(count):
        return tf.io.decode_image(contents, channels=count, expand_animations=False)

    def told(transparent=False, turned=1, further=False):
        return tf.stack([tf.cast(fact, tf.int32) for fact in (transparent, turned, further)])

    def plain():
        return _with_alpha(read(3)) if channels == 4 else read(channels), told()

    def colors():
        return to_gray(read(3)) if channels == 1 else plain()[0], told()

    def composed(pixels):
        pixels = pixels if channels == 4 else compose(pixels, background)
        return to_gray(pixels) if channels == 1 else pixels

    def alpha():
        pixels = read(4)
        return composed(pixels), told(_some_transparent(pixels))

    def other():
        if not with_pillow:
            readable = _checks.assertion(False, "`directory` must hold files that TensorFlow can read if Pillow is missing")
            with tf.control_dependencies([readable]):
                return colors()
        pixels, turned, further = tf.numpy_function(pillow_pixels, [contents], (tf.uint8, tf.int32, tf.bool))
        pixels, turned, further = tf.ensure_shape(pixels, [None, None, 4]), tf.reshape(turned, []), tf.reshape(further, [])
        return composed(pixels), told(_some_transparent(pixels), turned, further)

    if channels == 1:  # TensorFlow makes colours of the four inks of a JPEG, but no grey
        is_jpeg = tf.equal(tf.strings.substr(contents, 0, 2), b"\xff\xd8")
        inks = tf.cond(is_jpeg, lambda: tf.equal(tf.io.extract_jpeg_shape(contents)[2], 4), lambda: tf.constant(False))
        way = tf.where(inks, COLORS, way)
    image, facts = tf.switch_case(way, {PLAIN: plain, ALPHA: alpha, COLORS: colors, OTHER: other})
    transparent, turned, frames = tf.unstack(facts, 3)
    by_tensorflow = tf.not_equal(way, OTHER)  # Pillow has turned the others
    image = upright(image, tf.where(by_tensorflow, orientation, 1))
    further = tf.where(by_tensorflow, tf.cast(further, tf.int32), frames)
    facts = tf.stack([way, tf.where(by_tensorflow, orientation, turned), transparent, further])
    return tf.ensure_shape(image, [None, None, channels]), facts


def _some_transparent(pixels):
    return tf.reduce_any(pixels[..., 3] < 255)


def look_at(contents):
    """What the bytes of an image file say: `(way, orientation, further)`, scalar tensors.

    `way` is how to read it, one of those above; OTHER is all that TensorFlow cannot read, or would read wrongly.
    `orientation` is that of EXIF, 1 to 8. `further` is whether there are further frames.
    """
    head = tf.strings.join([tf.strings.substr(contents, 0, _HEAD), b"\0" * _HEAD])
    byte = tf.cast(tf.io.decode_raw(tf.strings.substr(head, 0, _HEAD), tf.uint8), tf.int32)
    length = tf.strings.length(contents)

    def starts(mark, at=0):
        return tf.equal(tf.strings.substr(head, at, len(mark)), mark)

    def first(count, condition):
        """The first bytes, or nothing: what is of no use is not searched."""
        return tf.strings.substr(contents, 0, tf.where(condition, count, 0))

    jpeg, png, gif, bmp = starts(b"\xff\xd8\xff"), starts(b"\x89PNG\r\n\x1a\n"), starts(b"GIF8"), starts(b"BM")
    chunks = tf.strings.reduce_join(_parts(first(length, png), b"IDAT")[:1])
    alpha = png & ((tf.bitwise.bitwise_and(byte[25], 4) > 0) | _has(chunks, b"tRNS"))
    # TensorFlow paints the transparent pixels of a GIF in a colour of its own.
    frame = b"\x21\xf9\x04"
    after = _after(first(length, gif), frame)
    control = tf.strings.join([tf.strings.substr(after, 0, 1), b"\0"])
    clear = tf.equal(tf.io.decode_raw(tf.strings.substr(control, 0, 1), tf.uint8)[0] % 2, 1)
    # It takes the palette of a BMP for grey, and knows no compression.
    gray = (byte[28] == 8) & starts((54 + 1024).to_bytes(4, "little"), 10) & starts(_GRAY_PALETTE, 54)
    uncompressed = starts(b"\0" * 4, 30) & (byte[14] >= 40)
    bmp = bmp & uncompressed & ((byte[28] == 24) | (byte[28] == 32) | gray)
    way = tf.where(jpeg | png, tf.where(alpha, ALPHA, PLAIN), tf.where(bmp | (gif & ~clear), COLORS, OTHER))
    exif = _after(first(tf.where(jpeg, _EXIF, length), jpeg | png), tf.where(jpeg, b"Exif\0\0", b"eXIf"))
    orientation = tf.cond(tf.strings.length(exif) > 0, lambda: _orientation(exif), lambda: tf.constant(1))
    return way, orientation, _has(chunks, b"acTL") | _has(after, frame)


def _orientation(tiff):
    """The orientation in the first directory of EXIF, 1 to 8; 1 if there is none."""
    little, big = (tf.equal(tf.strings.substr(tiff, 0, 4), mark) for mark in (b"II*\0", b"MM\0*"))
    length = tf.minimum(tf.strings.length(tiff), _EXIF)
    tiff = tf.strings.join([tf.strings.substr(tiff, 0, _EXIF), b"\0" * (8 + 2 + 12 * _ENTRIES)])

    def bytes_at(start, count):
        return tf.cast(tf.io.decode_raw(tf.strings.substr(tiff, start, count), tf.uint8), tf.int32)

    def number(pair):
        return tf.where(little, pair[..., 0] + 256 * pair[..., 1], 256 * pair[..., 0] + pair[..., 1])

    place = bytes_at(4, 4)
    place = tf.where(little, place, place[::-1])
    start = tf.clip_by_value(tf.tensordot(place, [1, 1 << 8, 1 << 16, 1 << 24], 1), 0, length)
    entries = tf.reshape(bytes_at(start + 2, 12 * _ENTRIES), [_ENTRIES, 12])
    valid = tf.range(_ENTRIES) < number(bytes_at(start, 2))
    valid &= (number(entries[:, :2]) == _ORIENTATION) & (number(entries[:, 2:4]) == _SHORT)
    value = tf.reduce_max(tf.where(valid, number(entries[:, 8:10]), 0))
    return tf.where((little | big) & (value >= 1) & (value <= 8), value, 1)


def upright(pixels, orientation):
    """Undoes an EXIF orientation, 1 to 8."""

    def one_of(*orientations):
        return tf.reduce_any(tf.equal(orientation, orientations))

    def turned():
        image = tf.transpose(pixels, tf.where(orientation > 4, [1, 0, 2], [0, 1, 2]))
        backwards = tf.stack([one_of(3, 4, 7, 8), one_of(2, 3, 6, 7)])
        return tf.reverse(image, tf.boolean_mask([0, 1], backwards))

    return tf.cond(orientation > 1, turned, lambda: pixels)


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
    return tf.pad(pixels, [[0, 0], [0, 0], [0, 1]], constant_values=255)


def _parts(contents, mark):
    """What is before the first occurrence of `mark`, and what follows it, if there is one."""
    return tf.raw_ops.StringSplitV2(input=[contents], sep=mark, maxsplit=1).values


def _after(contents, mark):
    return tf.strings.reduce_join(_parts(contents, mark)[1:])


def _has(contents, mark):
    return tf.size(_parts(contents, mark)) > 1


def pillow_pixels(contents):
    """Decodes an image file by Pillow.

    Returns `(pixels, orientation, further)`: upright uint8 RGBA, the orientation that was undone, and whether there are
    further frames or pages.
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
