"""Four styles of grey images, made by operators: what the setting "unseen" of `transfer.py` draws its images in."""

import numpy as np
from scipy import ndimage

NAMES = ("plain", "outline", "dither", "texture")
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


def plain(images, rng):
    return images


def outline(images, rng):
    """Sobel edges, dark on light."""
    gradients = [
        ndimage.correlate1d(ndimage.correlate1d(images, [-1.0, 0.0, 1.0], axis), [1.0, 2.0, 1.0], other)
        for axis, other in ((1, 2), (2, 1))
    ]  # SciPy's own filter would smooth along all other axes, over neighbouring images too
    return 255 - np.clip(np.hypot(*gradients) / 3, 0, 255)


def dither(images, rng):
    """Black and white, by an ordered pattern of 4 × 4 pixels that begins anywhere."""
    height, width = images.shape[1:3]
    thresholds = np.tile((_BAYER + 0.5) / 16 * 255, (-(-height // 4) + 1, -(-width // 4) + 1))
    y, x = rng.integers(0, 4, [2, len(images)])
    rows, columns = y[:, None, None] + np.arange(height)[:, None], x[:, None, None] + np.arange(width)
    return np.where(images > thresholds[rows, columns], 255.0, 0.0)


def texture(images, rng):
    """The object filled with one texture of stripes, on a ground of smooth noise."""
    n, height, width = images.shape
    angle, phase = rng.uniform(0, np.pi, [n, 1, 1]), rng.uniform(0, 2 * np.pi, [n, 1, 1])
    frequency = rng.uniform(1.2, 2.0, [n, 1, 1])
    y, x = np.mgrid[:height, :width]
    stripes = 0.5 + 0.5 * np.sin(frequency * (np.cos(angle) * x + np.sin(angle) * y) + phase)
    noise = ndimage.gaussian_filter(rng.normal(size=images.shape), (0, 1.5, 1.5))
    noise = 0.5 + 0.18 * noise / noise.std(axis=(1, 2), keepdims=True)
    inside = np.clip(images / 96, 0, 1)
    return np.clip(inside * images * (0.35 + 0.65 * stripes) + (1 - inside) * 255 * noise * 0.8, 0, 255)


OPERATORS = (plain, outline, dither, texture)


def in_style(images, styles, seed):
    """Images (n, height, width, 1) in styles, each a number from 0 to 3, as uint8."""
    made, rng = np.empty(images.shape, np.uint8), np.random.default_rng([seed, 23])
    for style, operator in enumerate(OPERATORS):
        rows = np.flatnonzero(np.asarray(styles) == style)
        values = operator(images[rows, ..., 0].astype(np.float64), rng)
        made[rows, ..., 0] = np.rint(values).astype(np.uint8)
    return made
