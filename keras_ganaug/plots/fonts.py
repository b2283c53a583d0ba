"""Fonts that have the characters of a caption, such as those of class names in other languages."""

import importlib.util
import os
import unicodedata
from collections.abc import Sequence
from typing import Any

from keras_ganaug import _extras

_FILES = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial Unicode.ttf"),
    *("NotoSansCJK-Regular.ttc", "PingFang.ttc", "msyh.ttc", "YuGothM.ttc", "malgun.ttf"),
)
"""Fonts of Linux, macOS and Windows, which Pillow looks for in the folders of the system."""


def font_for(texts: Sequence[str], size: int) -> tuple[Any, list[str]]:
    """Returns a font for texts, and the texts with only characters of this font.

    This is Pillow's own font, which has little more than ASCII, or else the one with most of the characters: that of
    matplotlib, or one of the system. Characters that it lacks lose their accents or become their code, such as "\\u6f22".
    """
    fonts = _extras.load("PIL.ImageFont", "A caption", "images")
    texts = [unicodedata.normalize("NFC", text) for text in texts]  # macOS takes accents apart in the names of folders
    characters = {character for text in texts for character in text if character != "\n"}
    font, missing = None, characters
    for source in (None, _of_matplotlib(), *_FILES):
        each = _loaded(fonts, source, size)
        lacks = characters - _has(each, characters) if each else characters
        if font is None or len(lacks) < len(missing):
            font, missing = each, lacks
        if not missing:
            break
    return font, ["".join(_ascii(each) if each in missing else each for each in text) for text in texts]


def _of_matplotlib():
    """The font that comes with matplotlib, which need not be imported for it."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return "DejaVuSans.ttf"
    return os.path.join(os.path.dirname(spec.origin), "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")


def _loaded(fonts, source, size):
    if source is None:
        return fonts.load_default(size)
    try:  # the basic layout draws any character, while the other one fails for line separators
        return fonts.truetype(source, size, layout_engine=fonts.Layout.BASIC)
    except OSError:
        return None


def _has(font, characters):
    """The characters that a font has: those that it draws unlike a character that does not exist."""
    unknown = bytes(font.getmask("\uffff"))
    return {each for each in characters if each.isspace() or bytes(font.getmask(each)) != unknown}


def _ascii(character):
    """A character without its accent, or else its code."""
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return bare or character.encode("ascii", "backslashreplace").decode()
