"""Texts about a folder of images: reports below the histogram, warnings and errors."""

import collections
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from keras_ganaug import _files
from keras_ganaug.datasets import decoding, folder_scan
from keras_ganaug.datasets.folder_scan import Scan, legible

KINDS = {
    "unread": '{n} image{s} ({suffixes}) that need Pillow, `pip install "keras_ganaug[images]"`: {some}',
    "broken": "{n} broken: {some}",
    "in_root": "{n} image{s} outside of the subfolders, of no class: {some}",
    "foreign": "{n} image{s} of formats that neither TensorFlow nor Pillow reads ({suffixes}): {some}; convert them to "
    "PNG or JPEG",
    "other": "{n} file{s} of other kinds ({suffixes}): {some}",
    "links": "{n} folder{s} behind links: {some}; `follow_links=True` reads it",
    "hidden": "{n} hidden file{s}: {some}",
    "litter": "{n} folder{s}, hidden or of an archive: {some}",
}
"""The kinds of files that are not read, and the text about each."""


def not_read(found: Scan, kinds: Collection[str] = KINDS.keys()) -> list[str]:
    """Texts about the files of these kinds that were not read."""
    return [
        text.format(
            n=len(paths),
            s="" if len(paths) == 1 else "s",
            suffixes=by_suffix(paths),
            some=_some([found.within(path) for path in paths[:3]], len(paths), " and {} more"),
        )
        for kind, text in KINDS.items()
        if kind in kinds and (paths := found.others[kind])
    ]


def _some(texts, number, more=", ..."):
    """The first texts, and how many more there are."""
    return ", ".join(texts) + (more.format(number - len(texts)) if number > len(texts) else "")


def by_suffix(paths: Sequence[str]) -> str:
    """The number of files with each suffix."""
    suffixes = collections.Counter(folder_scan.suffix(legible(path)) or "no suffix" for path in paths)
    return _some([f"{suffix} {count}" for suffix, count in suffixes.most_common(6)], len(suffixes))


def names(folders: Collection[str]) -> str:
    """A list of names in Python syntax."""
    return f"[{_some([repr(legible(name)) for name in list(folders)[:10]], len(folders))}]"


def with_reasons(found: Scan, most: int) -> str:
    """Broken files with the reasons."""
    broken = found.others["broken"]
    texts = [f"{found.within(path)} ({folder_scan.why(path)})".removesuffix(" ()") for path in broken[:most]]
    return _some(texts, len(broken), " and {} more")


def done(found: Scan, facts: np.ndarray | None, color_mode: str, background: object) -> Iterator[str]:
    """One line for each step that was applied to the images. `facts` is the result of `folder_scan.inspect`, or None."""
    if facts is not None:
        ways, orientation, further, transparent = facts.T[:4]
        by_pillow = [path for path, way in zip(found.paths, ways) if way == decoding.PILLOW]
        if by_pillow:
            yield f"Read by Pillow: {len(by_pillow)} ({by_suffix(by_pillow)})."
        if (orientation > 1).any():
            yield f"Turned upright by their EXIF orientation: {(orientation > 1).sum()}."
        if transparent.any() and color_mode != "rgba":
            yield f"Transparent pixels laid on the background {background}: in {transparent.sum()}."
        if further.any():
            yield f"With several frames or pages, only the first of which is read: {further.sum()}."
    inner = [legible(f"{name}/{folder}") for name, folders in found.nested.items() for folder in folders]
    if inner:
        yield f"Images in deeper folders belong to the class of the top folder: {_some(inner[:5], len(inner))}."


def warnings_of(found: Scan, printed: bool, splits: Sequence[str]) -> Iterator[str]:
    """Warnings about probable mistakes, and about files that were not read unless they are printed.

    Args:
        found: The folder.
        printed: Whether the files that were not read are printed.
        splits: Subfolders that look like the parts of a split.
    """
    if splits:
        yield (
            f"The subfolders {splits} of `directory` are used as classes, but look like the parts of a split. If they are "
            f"classes, pass `class_names={names(found.images)}`. If not, sort each by class and load it by itself"
        )
    if found.others["broken"]:
        number = len(found.others["broken"])
        yield f"`directory` has broken files, which were left out, {number}: {with_reasons(found, 20)}"
    for text in not_read(found, ("unread", "in_root", "foreign", *(() if printed else ("other", "links")))):
        yield f"Not read in `directory`: {text}"


def check_splits(found: Scan) -> list[str]:
    """Returns the subfolders that look like the parts of a split. Raises a ValueError if each has the classes inside."""
    splits = folder_scan.splits_among(found.images)
    inner = sorted({name for split in splits for name in found.nested[split]})
    if inner:
        calls = " and ".join(f"`from_directory({legible(_files.join(found.root, split))!r}, ...)`" for split in splits[:3])
        raise ValueError(
            f"`directory` must be the folder whose subfolders are the classes. Received: {legible(found.root)!r}, whose "
            f"subfolders {splits[:5]} look like the parts of a split, with {names(inner)} in them. Load each part: {calls}. "
            f"If they are classes, pass `class_names={names(found.images)}`"
        )
    return splits


def check_classes(found: Scan, skip_broken: bool) -> None:
    """Raises an error unless there are two classes with an image each, and no broken file that may not be skipped."""
    if len(found.images) < 2:
        below = next((_files.join(found.root, name) for name in found.images if found.nested[name]), None)
        way = f". Perhaps its classes are one folder below: `directory={legible(below)!r}`" if below else ""
        way = way or ". Make a subfolder for each class, and move its images there"
        loose = f" and {len(found.others['in_root'])} images next to them" if found.others["in_root"] else ""
        raise ValueError(
            "`directory` must have a subfolder for each of at least two classes; all images have the same label. "
            f"Received: the subfolders {names(found.images)}{loose} in {legible(found.root)!r}{way}"
        )
    if found.others["broken"] and not skip_broken:
        raise ValueError(
            "Every file of `directory` must be an image that can be decoded; `skip_broken=True` leaves out the others. "
            f"Received broken: {with_reasons(found, 5)}"
        )
    empty = [name for name, paths in found.images.items() if not paths]
    if empty:
        texts = not_read(found, ("unread", "broken", "foreign", "other", "links"))
        raise ValueError(
            "Every class of `directory` must have at least one image that can be read. "
            f"Received: none in {names(empty)}{'. Not read: ' if texts else ''}{'; '.join(texts)}"
        )
