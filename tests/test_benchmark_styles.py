"""The styles of `benchmarks/styles.py`: each image is drawn for itself, and the outlines are SciPy's."""

from pathlib import Path

import numpy as np
import pytest

ndimage = pytest.importorskip("scipy.ndimage")
IMAGES = np.random.default_rng(0).integers(0, 256, [6, 12, 10, 1], "uint8")


@pytest.fixture
def styles(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    import styles

    return styles


def test_no_image_shows_in_another(styles):
    other = IMAGES.copy()
    other[2] = 0
    for style in range(len(styles.OPERATORS)):
        drawn, changed = (styles.in_style(images, np.full(len(images), style), seed=1) for images in (IMAGES, other))
        np.testing.assert_array_equal(np.delete(drawn, 2, axis=0), np.delete(changed, 2, axis=0))
        assert (drawn[2] != changed[2]).any()


def test_outlines_are_those_of_single_images(styles):
    for drawn, image in zip(styles.in_style(IMAGES, np.ones(len(IMAGES), int), seed=1), IMAGES[..., 0].astype("float64")):
        slope = np.hypot(ndimage.sobel(image, axis=0), ndimage.sobel(image, axis=1))
        np.testing.assert_array_equal(drawn[..., 0], np.rint(255 - np.clip(slope / 3, 0, 255)))
