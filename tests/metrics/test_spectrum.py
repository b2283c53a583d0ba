"""The power spectrum against closed forms and a sum over all frequencies."""

import numpy as np
import pytest

from keras_ganaug import metrics

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("direction", [(3, 0), (0, 3), (2, 2), (-2, 2)])
def test_a_wave_has_its_power_at_its_frequency(direction):
    """a cos(2π k·x / 16) + b: |DFT|² is (a · 256 / 2)² at ±k, and 0 elsewhere."""
    y, x = np.mgrid[:16, :16]
    wave = 5 + 3 * np.cos(2 * np.pi * (direction[0] * y + direction[1] * x) / 16)
    frequencies, power = metrics.power_spectrum(np.stack([wave, wave], -1)[None])
    np.testing.assert_allclose(frequencies, np.arange(1, 9) / 16)
    ring = int(np.hypot(*direction) + 0.5)
    on_a_ring = sum(int(np.hypot(j, k) + 0.5) == ring for j in range(-8, 8) for k in range(-8, 8))
    expected = np.zeros(8)
    expected[ring - 1] = 2 * (3 * 256 / 2) ** 2 / 256 / on_a_ring
    np.testing.assert_allclose(power, expected, atol=1e-9)


def test_white_noise_is_flat_and_a_checkerboard_is_not():
    noise = RNG.normal(scale=3, size=[400, 12, 8, 2])
    frequencies, power = metrics.power_spectrum(noise)
    np.testing.assert_allclose(power, 9, rtol=0.05)
    np.testing.assert_allclose(frequencies, np.arange(1, 5) / 8)
    stripes = noise + 2 * (np.arange(12) % 2)[:, None, None]  # half a cycle per pixel
    raised = metrics.power_spectrum(stripes)[1] / power
    assert raised[-1] > 1.1
    np.testing.assert_allclose(raised[:-1], 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(6, 10), (7, 5), (8, 8)])
def test_against_a_sum_over_all_frequencies(shape):
    """Each term of the discrete Fourier transform written out."""
    height, width = shape
    images = RNG.uniform(size=[2, height, width, 1])
    y, x = np.mgrid[:height, :width]
    side = min(shape)
    rings = {}
    for j in range(-(height // 2), height - height // 2):
        for k in range(-(width // 2), width - width // 2):
            terms = np.exp(-2j * np.pi * (j * y / height + k * x / width))
            power = np.mean([np.abs((image[..., 0] * terms).sum()) ** 2 for image in images]) / (height * width)
            rings.setdefault(int(np.hypot(j / height, k / width) * side + 0.5), []).append(power)
    expected = [np.mean(rings[ring]) for ring in range(1, side // 2 + 1)]
    np.testing.assert_allclose(metrics.power_spectrum(images)[1], expected, rtol=1e-9)


@pytest.mark.parametrize("images", [np.zeros([3, 8, 8]), np.zeros([1, 1, 8, 1]), np.full([1, 4, 4, 1], np.nan)])
def test_bad_images(images):
    with pytest.raises(ValueError, match=r"`images` must.*Received"):
        metrics.power_spectrum(images)
