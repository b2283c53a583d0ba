"""The emoji of a font as a folder of colour images: 3,000 pictures of people, faces, flags and things.

    apt-get install fonts-noto-color-emoji
    python benchmarks/emoji.py FOLDER

The font (Noto Color Emoji, SIL Open Font License) holds PNG files of 136 x 128 pixels with transparent background. Needs
fontTools, which comes with matplotlib. The font is looked for in `/usr/share/fonts`, or in the folder that the environment
variable `GLYPH_FONTS` names.
"""

import argparse
import os
from pathlib import Path

FILE = "NotoColorEmoji.ttf"
TONES = range(0x1F3FB, 0x1F400)
"""Code points that choose the colour of a skin."""
REGIONS = range(0x1F1E6, 0x1F200)
"""Those of the letters that name the region of a flag."""
PRIVATE = 0xF0000
"""The first of the code points that have no meaning of their own."""
FACES = (range(0x1F600, 0x1F645), range(0x1F910, 0x1F918), range(0x1F920, 0x1F930), range(0x1F970, 0x1F97B))


def kind(points):
    """The class of an emoji, which is a sequence of code points."""
    if any(point in REGIONS for point in points) or (points[0] == 0x1F3F4 and len(points) > 3):
        return "flags"
    if any(point in TONES for point in points):
        return "people"
    if len(points) == 1 and any(points[0] in faces for faces in FACES):
        return "faces"
    return "things"


def spelled(font):
    """The code points of each glyph, from those of single characters and the ligatures that are made of them."""
    points = {glyph: (point,) for point, glyph in font.getBestCmap().items() if point < PRIVATE}
    made = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, ligatures in getattr(table, "ligatures", {}).items():
                for each in ligatures:  # other spellings of the same may follow
                    made.setdefault(each.LigGlyph, (first, *each.Component))

    def of(glyph):
        if glyph not in points and glyph in made:
            points[glyph] = tuple(point for part in made[glyph] for point in of(part))
        return points.get(glyph, ())

    return {glyph: of(glyph) for glyph in font.getGlyphOrder()}


def write(folder):
    """Writes each emoji as `FOLDER/class/code points.png`. Returns the number of each class.

    Raises:
        FileNotFoundError: Without the font. Names the package.
    """
    from fontTools.ttLib import TTFont

    where = Path(os.environ.get("GLYPH_FONTS") or "/usr/share/fonts")
    file = next(iter(sorted(where.rglob(FILE))), None)
    if file is None:
        raise FileNotFoundError(f"There is no {FILE} in {where}: apt-get install fonts-noto-color-emoji")
    font, counts = TTFont(file), {}
    points = spelled(font)
    for glyph, bitmap in font["CBDT"].strikeData[0].items():
        own = points[glyph]
        if not own or (own[-1] in REGIONS and len(own) == 1) or max(own) < 0x1000:
            continue  # letters, digits and parts of emoji
        path = Path(folder, kind(own))
        path.mkdir(parents=True, exist_ok=True)
        (path / ("_".join(f"{point:x}" for point in own) + ".png")).write_bytes(bitmap.imageData)
        counts[path.name] = counts.get(path.name, 0) + 1
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    print(write(parser.parse_args().folder))


if __name__ == "__main__":
    main()
