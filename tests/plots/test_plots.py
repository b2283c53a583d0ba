"""Pictures, pixel by pixel."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import plots
from keras_ganaug.plots import fonts

pytest.importorskip("matplotlib")
RNG = np.random.default_rng(0)


def pixels(picture):
    return tf.io.decode_png(bytes(picture)).numpy()


def test_groups_of_columns_are_apart():
    images = RNG.uniform(-1, 1, [2, 5, 4, 6, 1])
    picture = pixels(plots.image_grid({"": images[:, :3], "real": images[:, 3:]}, ["one", "two"], (-1, 1), zoom=10))
    assert picture.shape[2] == 1
    grid = picture[-(2 * 5 - 1) * 10 :, :, 0]
    left = picture.shape[1] - (20 + 13 + 3) * 10  # three images, two images, and the space between the groups
    assert left > 0
    assert (picture[: -(2 * 5 - 1) * 10] < 128).any()  # a caption
    expected = np.round((images[..., 0] + 1) * 127.5)
    for row in range(2):
        for column in range(5):
            top, start = 50 * row, left + 70 * column + 20 * (column > 2)
            np.testing.assert_array_equal(grid[top + 5 : top + 40 : 10, start + 5 : start + 60 : 10], expected[row, column])
    assert (grid[:, left + 200 : left + 230] == 255).all()


def test_a_grid_is_as_large_as_can_be_seen_and_a_caption_as_long_as_its_group():
    images = np.zeros([1, 1, 8, 9, 3])
    short, long = (pixels(plots.image_grid({name: images})) for name in ("a", "a very long caption for one image"))
    assert short.shape == long.shape == (56 + 21, 63, 3)
    assert pixels(plots.image_grid({"": images})).shape == (56, 63, 3)


def test_captions_have_the_letters_of_other_languages_or_their_code(monkeypatch):
    def drawn(name):
        return pixels(plots.image_grid({"": np.zeros([1, 1, 8, 8, 1])}, [name]))

    font, texts = fonts.font_for(["Gefühle", "кошка", "Gefu\u0308hle"], 13)
    assert texts == ["Gefühle", "кошка", "Gefühle"]
    other = pytest.importorskip("matplotlib.ft2font").FT2Font(font.path)  # the codes that the font's own table has
    assert all(other.get_char_index(ord(letter)) for letter in "Gefühleкошка")
    assert not np.array_equal(drawn("ä"), drawn("ö"))
    monkeypatch.setattr(fonts, "_FILES", ())
    monkeypatch.setattr(fonts, "_of_matplotlib", lambda: "no such font.ttf")
    font, texts = fonts.font_for(["Gefühle", "漢", "a\nb\u2029"], 13)
    assert texts == ["Gefuhle", "\\u6f22", "a\nb\u2029"]
    np.testing.assert_array_equal(drawn("Gefühle"), drawn("Gefuhle"))
    assert fonts.font_for(["cat"], 13)[0].getname() == ("Aileron", "Regular")


def test_a_picture_is_shown_and_written(tmp_path):
    picture = plots.image_grid({"": np.zeros([1, 1, 2, 2, 1])}, zoom=1)
    picture.save(tmp_path / "new" / "a.png")
    assert (tmp_path / "new" / "a.png").read_bytes() == picture == picture._repr_png_()
    assert picture.to_data_url().startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize("features", [None, lambda images: images.reshape(len(images), -1)[:, :9]])
def test_copies_come_first_beside_their_originals(features):
    training = RNG.uniform(0, 255, [30, 6, 6, 1])
    samples = RNG.uniform(0, 255, [10, 6, 6, 1])
    samples[7], samples[3] = training[21], training[4] + 0.1  # the second is a copy but for a little
    panel = plots.nearest_images(samples, training, rows=2, columns=1, names=[*"abcdefghij"], features=features, zoom=3)
    picture = pixels(panel)[..., 0]
    right, gap = picture.shape[1] - 18, 9
    for row, (sample, original) in enumerate([(7, 21), (3, 4)]):
        tile = picture[-(2 * 21 - 3) :][21 * row + 1 : 21 * row + 18 : 3]
        np.testing.assert_array_equal(tile[:, right + 1 :: 3], np.round(training[original, ..., 0]))
        np.testing.assert_array_equal(
            tile[:, right - gap - 17 : right - gap : 3], np.round(np.minimum(samples[sample, ..., 0], 255))
        )


def test_a_spectrum_is_drawn_for_each_set():
    sets = {name: RNG.uniform(0, 255, [5, 8, 8, 3]) for name in ("real", "synthetic")}
    both, one = (pixels(plots.spectra(each)) for each in (sets, {"real": sets["real"]}))
    assert both.shape == one.shape
    assert (both != one).any()


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("groups", lambda: plots.image_grid({})),
        ("groups", lambda: plots.image_grid({"a": np.zeros([1, 2, 8, 8])})),
        ("groups", lambda: plots.image_grid({"a": np.zeros([1, 2, 8, 8, 1]), "b": np.zeros([2, 2, 8, 8, 1])})),
        ("groups", lambda: plots.image_grid({"a": np.full([1, 2, 8, 8, 1], np.nan)})),
        ("row_names", lambda: plots.image_grid({"a": np.zeros([1, 2, 8, 8, 1])}, ["a", "b"])),
        ("zoom", lambda: plots.image_grid({"a": np.zeros([1, 2, 8, 8, 1])}, zoom=0)),
        ("training", lambda: plots.nearest_images(np.zeros([1, 8, 8, 1]), np.zeros([1, 8, 9, 1]))),
        ("names", lambda: plots.nearest_images(*np.zeros([2, 3, 8, 8, 1]), names=["a"])),
        ("sets", lambda: plots.spectra([])),
        ("value_range", lambda: plots.spectra({"a": np.zeros([1, 8, 8, 1])}, (1, 0))),
    ],
)
def test_bad_arguments(named, call):
    with pytest.raises((ValueError, TypeError), match=rf"`{named}.*Received"):
        call()


@pytest.mark.parametrize(
    ("module", "words", "call"),
    [
        ("PIL.Image", r"A caption needs Pillow.*\[images\]", lambda: plots.image_grid({"a": np.zeros([1, 2, 8, 8, 1])})),
        ("matplotlib.figure", r"needs matplotlib.*\[study\]", lambda: plots.spectra({"a": np.zeros([1, 8, 8, 1])})),
        ("sklearn.neighbors", r"needs scikit-learn.*\[study\]", lambda: plots.nearest_images(*np.zeros([2, 3, 8, 8, 1]))),
    ],
)
def test_what_is_missing_is_named(module, words, call, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=words):
        call()
