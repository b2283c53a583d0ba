"""What is said of a folder of images: below the histogram, in warnings and in errors."""

import collections
import os

from keras_ganaug import _files
from keras_ganaug.datasets import decoding, folder_scan
from keras_ganaug.datasets.folder_scan import legible

_INSTALL = 'pip install "keras_ganaug[images]"'


def done(found, facts, color_mode, background):
    """What was done to the images, a line each.

    Args:
        found: A `Scan`.
        facts: What `inspect` returned, or None.
        color_mode: As of `from_directory`.
        background: As of `from_directory`.
    """
    lines = []
    if facts is not None:
        form, orientation, transparent, further = facts.T
        by_pillow = [path for path, one in zip(found.paths, form) if one == decoding.OTHER]
        if by_pillow:
            lines.append(f"Read by Pillow: {len(by_pillow)} ({by_suffix(by_pillow)}).")
        if (orientation > 1).any():
            lines.append(f"Turned upright by their EXIF orientation: {(orientation > 1).sum()}.")
        if transparent.any() and color_mode != "rgba":
            lines.append(f"Transparent pixels laid on the background {background}: in {(transparent > 0).sum()}.")
        if further.any():
            lines.append(f"With several frames or pages, of which the first is read: {(further > 0).sum()}.")
    inner = [f"{legible(name)}/{legible(folder)}" for name, folders in found.nested.items() for folder in folders]
    if inner:
        shown = ", ".join(inner[:5]) + (", ..." if len(inner) > 5 else "")
        lines.append(f"Images in deeper folders are of the class of the upper one: {shown}.")
    return lines


def left_out(found):
    """What was not read, in words, by the attribute of the scan."""
    texts = {
        "unread": f"{_number(found.unread, 'image')} ({by_suffix(found.unread)}) that need Pillow, `{_INSTALL}`: "
        f"{found.some(found.unread)}",
        "broken": f"{len(found.broken)} broken: {found.some(found.broken)}",
        "in_root": f"{_number(found.in_root, 'image')} outside of the subfolders, of no class: {found.some(found.in_root)}",
        "foreign": f"{_number(found.foreign, 'image')} of formats that neither TensorFlow nor Pillow reads "
        f"({by_suffix(found.foreign)}): {found.some(found.foreign)}; convert them to PNG or JPEG",
        "other": f"{_number(found.other, 'file')} of other kinds ({by_suffix(found.other)}): {found.some(found.other)}",
        "links": f"{_number(found.links, 'folder')} behind links: {found.some(found.links)}; `follow_links=True` reads it",
        "hidden": f"{_number(found.hidden, 'hidden file')}: {found.some(found.hidden)}",
        "litter": f"{_number(found.litter, 'folder')}, hidden or of an archive: {found.some(found.litter)}",
    }
    return {name: text for name, text in texts.items() if getattr(found, name)}


def _number(paths, noun):
    return f"{len(paths)} {noun}{'' if len(paths) == 1 else 's'}"


def warnings_of(found, printed, splits):
    """What is surely not meant, and all else that was not read where nothing is printed.

    Args:
        found: A `Scan`.
        printed: Whether all that was left out is printed.
        splits: Subfolders that look like the parts of a split.
    """
    texts = left_out(found)
    if splits:
        yield (
            f"The subfolders {splits} of `directory` are taken for classes, and look like the parts of a split. If they are "
            f"classes, pass `class_names={names(found.images)}`; if not, sort each by class and load it by itself"
        )
    if found.broken:
        yield f"`directory` has broken files, which were left out, {len(found.broken)}: {with_reasons(found, 20)}"
    for name in ("unread", "in_root", "foreign") if printed else ("unread", "in_root", "foreign", "other", "links"):
        if name in texts:
            yield f"Not read in `directory`: {texts[name]}"


def refuse_splits(found):
    """Raises if the subfolders are the parts of a split, with the classes within them."""
    splits = folder_scan.splits_among(found.images)
    inner = sorted({name for split in splits for name in found.nested[split]})
    if inner:
        calls = " and ".join(f"`from_directory({legible(_files.join(found.root, split))!r}, ...)`" for split in splits[:3])
        raise ValueError(
            f"`directory` must be the folder whose subfolders are the classes. Received: {legible(found.root)!r}, whose "
            f"subfolders {splits[:5]} look like the parts of a split, with {names(inner)} in them. Load each part: {calls}. "
            f"If they are classes, pass `class_names={names(found.images)}`"
        )


def check_classes(found, skip_broken):
    """Raises unless there are two classes, an image in each, and no broken file that may not be left out."""
    if len(found.images) < 2:
        one = next((name for name in found.images if found.nested[name]), None)
        way = (
            f". Perhaps its classes are one folder below: `directory={legible(_files.join(found.root, one))!r}`"
            if one
            else ""
        )
        loose = f" and {len(found.in_root)} images beside them" if found.in_root else ""
        raise ValueError(
            "`directory` must have a subfolder for each of at least two classes; all images have the same label. "
            f"Received: the subfolders {names(found.images)}{loose} in {legible(found.root)!r}{way}"
        )
    if found.broken and not skip_broken:
        raise ValueError(
            "Every file of `directory` must be an image that can be decoded; `skip_broken=True` leaves out the others. "
            f"Received broken: {with_reasons(found, 5)}"
        )
    empty = [name for name, paths in found.images.items() if not paths]
    if empty:
        texts = [text for name, text in left_out(found).items() if name in ("unread", "broken", "foreign", "other", "links")]
        raise ValueError(
            "Every class of `directory` must have at least one image that can be read. "
            f"Received: none in {names(empty)}{'. Not read: ' if texts else ''}{'; '.join(texts)}"
        )


def with_reasons(found, most):
    """Broken files with what is known of why."""
    shown = [(found.within(path), folder_scan.why(path)) for path in found.broken[:most]]
    text = ", ".join(f"{path} ({reason})" if reason else path for path, reason in shown)
    return text + (f" and {len(found.broken) - most} more" if len(found.broken) > most else "")


def by_suffix(paths, most=6):
    """How many files there are of each suffix, in words."""
    suffixes = collections.Counter(os.path.splitext(legible(path))[1].lower() or "no suffix" for path in paths)
    return ", ".join(f"{suffix} {count}" for suffix, count in suffixes.most_common(most)) + (
        ", ..." if len(suffixes) > most else ""
    )


def names(folders, most=10):
    """A list of names as one types it."""
    shown = [repr(legible(name)) for name in list(folders)[:most]] + (["..."] if len(folders) > most else [])
    return f"[{', '.join(shown)}]"
