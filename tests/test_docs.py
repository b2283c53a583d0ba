"""The worked examples of the documentation run."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_ganaug as kga

ROOT = Path(__file__).resolve().parents[1]
EXTENDING = ROOT / "docs" / "extending.md"
pytestmark = pytest.mark.skipif(not EXTENDING.exists(), reason="the package is installed without its documentation")


def test_a_twelfth_gan_takes_one_short_file(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", EXTENDING.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks[0].splitlines()) < 80
    names = {}
    for block in blocks:
        exec(block, names)
    gan = names["gan"]
    assert isinstance(gan, kga.GAN)
    images, _ = names["gan_augment"](np.zeros([4, 8, 8, 1], "uint8"), np.array([0, 1, 0, 1]))
    assert (images.numpy() != 0).any((1, 2, 3)).sum() == 1
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate([0, 1], seed=1), gan.generate([0, 1], seed=1))


def test_what_the_manual_says_may_be_changed_is_there():
    text = EXTENDING.read_text(encoding="utf-8")
    table = text[text.index("| to change") : text.index("State that")]
    for name in re.findall(r"`(\w+)\(", table):
        assert callable(getattr(kga.GAN, name)), name


def test_each_gan_is_a_short_file_that_states_what_differs():
    lines = {
        path.stem: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "keras_ganaug" / "models").glob("*.py")
    }
    assert all(lines[name] < 80 for name in ("wgan", "wgan_gp", "lsgan", "cgan", "acgan", "sngan", "sagan"))
