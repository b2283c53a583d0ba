"""Hangul syllables in four fonts: what the setting of real styles of `transfer.py` draws its images from.

The class of a syllable is its first consonant, its style is the font: heavy, brush, hairline or marker. The fonts are those
of three Debian packages, and need Pillow to be drawn:

    apt-get install fonts-unfonts-core fonts-unfonts-extra fonts-nanum-extra

They are looked for in `/usr/share/fonts`, or in the folder that the environment variable `GLYPH_FONTS` names.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIDE = 28
"""Height and width of an image."""


class Font(NamedTuple):
    """A style."""

    file: str
    package: str
    """Of Debian."""
    size: int
    """At which syllables are about as large as those of the other fonts, in pixels."""


FONTS = {
    "heavy": Font("UnYetgul.ttf", "fonts-unfonts-extra", 23),
    "brush": Font("NanumBrush.ttf", "fonts-nanum-extra", 24),
    "hairline": Font("UnPenheulim.ttf", "fonts-unfonts-extra", 24),
    "marker": Font("UnPilgiBold.ttf", "fonts-unfonts-core", 23),
}
STYLES = tuple(FONTS)
_INITIALS = {"g": 0, "n": 2, "d": 3, "r": 5, "m": 6, "b": 7, "s": 9, "j": 12, "ch": 14, "h": 18}
"""The place of each first consonant among the 19 that Unicode orders syllables by, from U+AC00 on."""
CLASSES = tuple(_INITIALS)
PER_CLASS = 588
"""Syllables that begin alike: 21 vowels, by 28 ends."""


def load(folder=None):
    """All syllables of these classes in each of the styles.

    Args:
        folder: Where the fonts are, in whichever folder below it. Defaults to None: that of `GLYPH_FONTS`, or
            `/usr/share/fonts`.

    Returns:
        uint8 images (styles, n, height, width, 1), white on black; the class of each syllable, int (n,); the syllables,
        str (n,).

    Raises:
        FileNotFoundError: Without the fonts. Names the packages.
    """
    folder = Path(folder or os.environ.get("GLYPH_FONTS") or "/usr/share/fonts")
    files = {path.name: path for path in sorted(folder.rglob("*.ttf"))}
    missing = sorted({font.package for font in FONTS.values() if font.file not in files})
    if missing:
        raise FileNotFoundError(
            f"The fonts of the Debian packages {', '.join(missing)} must be in a folder, by default /usr/share/fonts, else "
            f"that of the environment variable GLYPH_FONTS. Received: {folder}"
        )
    syllables = [chr(0xAC00 + PER_CLASS * place + n) for place in _INITIALS.values() for n in range(PER_CLASS)]
    images = np.stack([_draw(files[font.file], font.size, syllables) for font in FONTS.values()])
    return images, np.repeat(np.arange(len(CLASSES)), PER_CLASS), np.array(syllables)


def _draw(file, size, syllables):
    """Syllables of a font, each in the middle of its image."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)
    images = np.empty((len(syllables), SIDE, SIDE, 1), np.uint8)
    for image, syllable in zip(images, syllables):
        left, top, right, bottom = font.getbbox(syllable)
        canvas = Image.new("L", (SIDE, SIDE))
        at = (SIDE - left - right) // 2, (SIDE - top - bottom) // 2
        ImageDraw.Draw(canvas).text(at, syllable, fill=255, font=font)
        image[..., 0] = np.asarray(canvas)
    return images
