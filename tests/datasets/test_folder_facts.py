"""What `describe_directory` tells is what is in the files, by their own library."""

import json

import numpy as np
import pytest

import keras_ganaug as kga

Image = pytest.importorskip("PIL.Image", reason="it writes the files, and reads some of them")


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    grey, color = rng.integers(0, 256, [40, 60], "uint8"), rng.integers(0, 256, [90, 90, 3], "uint8")
    for name in ("cat", "dog", "dog/inner"):
        (tmp_path / name).mkdir()
    Image.fromarray(grey).save(tmp_path / "cat" / "wide.png")
    Image.fromarray(np.dstack([grey, grey, grey])).save(tmp_path / "cat" / "grey_in_three_channels.png")
    Image.fromarray(color).save(tmp_path / "cat" / "palette.gif")
    Image.fromarray(color).convert("CMYK").save(tmp_path / "dog" / "inks.jpg")
    Image.fromarray(color).save(tmp_path / "dog" / "inner" / "deep.webp")
    alpha = np.dstack([grey, grey, grey, np.where(grey > 127, 255, 0).astype("uint8")])
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side
    Image.fromarray(alpha).save(tmp_path / "dog" / "transparent.png", exif=exif)
    (tmp_path / "dog" / "cut.png").write_bytes((tmp_path / "cat" / "wide.png").read_bytes()[:60])
    (tmp_path / "dog" / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def test_what_is_in_a_folder(folder):
    facts = kga.datasets.describe_directory(folder)
    assert facts.classes == {"cat": 3, "dog": 3}
    assert facts.images == 6
    assert facts.formats == {".png": 3, ".gif": 1, ".jpg": 1, ".webp": 1}
    assert facts.modes == {"RGB": 2, "grey": 1, "CMYK": 1, "palette": 1, "RGB with opacity": 1}
    assert "Pixels: RGB 2," in str(facts)
    assert (facts.heights, facts.widths) == ((40, 75, 90), (40, 75, 90))  # one of them is turned upright
    assert (facts.not_square, facts.colored, facts.transparent) == (3, 3, 1)
    assert list(facts.broken) == ["dog/cut.png"]
    assert any("notes.txt" in text for text in facts.not_read)
    assert any(".hidden.png" in text for text in facts.not_read)
    assert (facts.image_size, facts.color_mode) == (64, "rgb")
    told = str(facts)
    for part in ("6 images of 2 classes", "dog/cut.png", "EXIF", "background", "3 that are not square", "deeper folders"):
        assert part in told
    assert json.loads(json.dumps(facts.to_dict()))["classes"] == facts.classes


def test_ways_to_store_pixels(folder):
    wide = np.random.default_rng(0).integers(0, 65536, [9, 9], "uint16")
    Image.fromarray(wide).save(folder / "dog" / "wide.tiff")
    Image.fromarray(wide).save(folder / "dog" / "wide.png")
    Image.fromarray(wide > 9).save(folder / "dog" / "bits.png")
    modes = kga.datasets.describe_directory(folder).modes
    assert (modes["16 bits"], modes["black and white"], modes["grey"]) == (2, 1, 1)


def test_the_advice_fits_the_images(folder):
    for name in ("cat/palette.gif", "dog/inks.jpg", "dog/inner/deep.webp"):
        (folder / name).unlink()
    facts = kga.datasets.describe_directory(folder)
    assert (facts.image_size, facts.color_mode) == (32, "grayscale")
    train = kga.datasets.from_directory(folder, 12, facts.color_mode, skip_broken=True, verbose=False)
    assert next(iter(train))[0].shape == (12, 12, 1)


def test_what_is_no_folder_of_classes(tmp_path):
    with pytest.raises(ValueError, match="existing folder"):
        kga.datasets.describe_directory(tmp_path / "missing")
    with pytest.raises(TypeError, match="`directory`"):
        kga.datasets.describe_directory(3)
    with pytest.raises(ValueError, match="two classes"):
        kga.datasets.describe_directory(tmp_path)
