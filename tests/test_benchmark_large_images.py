"""`benchmarks/large_images.py` on small images, and which emoji are what."""

import sys
from pathlib import Path

import pytest

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(Path(__file__).resolve().parents[1] / "benchmarks"), *sys.path])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("😀", "faces"),
        ("👩🏽", "people"),
        ("👩🏽‍🚀", "people"),
        ("👩‍🚀", "things"),
        ("🇩🇪", "flags"),
        ("🐐", "things"),
        ("🏴", "things"),
    ],
)
def test_the_classes_of_emoji(text, kind):
    import emoji

    assert emoji.kind(tuple(map(ord, text))) == kind


@pytest.mark.skipif(not FONT.exists(), reason="the package fonts-noto-color-emoji is not installed")
def test_the_folder_of_emoji(tmp_path):
    import emoji

    counts = emoji.write(tmp_path)
    assert counts["people"] > 1500 and counts["flags"] > 250 and counts["faces"] > 90 and counts["things"] > 1000
    names = {path.stem for path in tmp_path.glob("*/*.png")}
    assert {"1f600", "1f1e9_1f1ea", "1f1ef_1f1f5", "1f469_1f3fd_200d_1f680"} <= names
    assert not {"1f1e9", "31"} & names  # a part of flags, and a digit


def test_no_font_is_told(tmp_path, monkeypatch):
    import emoji

    pytest.importorskip("fontTools")
    monkeypatch.setenv("GLYPH_FONTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="fonts-noto-color-emoji"):
        emoji.write(tmp_path)


@pytest.mark.long
def test_a_row_of_the_table():
    import large_images

    result = large_images.trained("SNGAN", 8, 2, 4, 2)
    assert result["finite"] and result["step_s"] > 0 and result["parameters"] > 100
    page = large_images.page(
        {"sides": [8], "width": 2, "batch_size": 4, "steps": 2}, {"SNGAN 8": {**result, "finite": False}}
    )
    cells = [cell.strip() for cell in page.splitlines()[-1].strip("|").split("|")]
    assert cells == ["`SNGAN`", f"{result['compile_s']} s", f"{result['step_s']} s", "no"]
