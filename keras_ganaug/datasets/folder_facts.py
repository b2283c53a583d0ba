"""Facts about a folder of images that matter before training."""

import dataclasses
import os
from collections import Counter
from typing import Any

import numpy as np

from keras_ganaug import _checks, _files
from keras_ganaug.datasets import folder_report, folder_scan
from keras_ganaug.datasets.pairs import format_histogram

_SIZES = (32, 64)
"""Advised image sizes. A CPU trains GANs of these sizes in minutes to an hour."""
_MADE_SQUARE = {"crop": "cropped to their middle", "pad": "padded to squares", "stretch": "stretched to squares"}
_SQUARE = 1.1  # images whose sides differ by less count as square


@dataclasses.dataclass(frozen=True)
class FolderFacts:
    """Facts about a folder of images. `print` shows them as sentences.

    Attributes:
        directory: The folder.
        classes: Number of images in each class.
        formats: Number of images with each file suffix.
        modes: Number of images that store their pixels in each way, such as "RGB", "grey", "palette", "CMYK" or "16 bits".
            Empty without Pillow.
        heights, widths: (smallest, median, largest), in pixels.
        not_square: Number of images that are not square.
        colored: Number of images with at least one coloured pixel.
        transparent: Number of images with at least one transparent pixel.
        broken: Mapping from the path of each unreadable file to the reason, "" if unknown.
        done: What `from_directory` does to the images, one sentence for each step.
        not_read: What is in the folder but not read, one text for each kind.
        image_size: The advised `image_size`.
        color_mode: The advised `color_mode`.
        fit: How images that are not square become square: "crop", "pad" or "stretch".
    """

    directory: str
    classes: dict[str, int]
    formats: dict[str, int]
    modes: dict[str, int]
    heights: tuple[int, int, int]
    widths: tuple[int, int, int]
    not_square: int
    colored: int
    transparent: int
    broken: dict[str, str]
    done: list[str]
    not_read: list[str]
    image_size: int
    color_mode: str
    fit: str = "crop"

    @property
    def images(self) -> int:
        """Number of readable images."""
        return sum(self.classes.values())

    def to_dict(self) -> dict[str, Any]:
        """All facts as plain values, for JSON."""
        return {"images": self.images, **dataclasses.asdict(self)}

    def __str__(self) -> str:
        number, formats = self.images, ", ".join(f"{suffix} {count}" for suffix, count in self.formats.items())
        lines = [f"{number} images of {len(self.classes)} classes in {self.directory}", format_histogram(self.classes)]
        lines += [f"Files: {formats}."]
        if self.modes:
            lines.append(f"Pixels: {', '.join(f'{mode} {count}' for mode, count in self.modes.items())}.")
        sides = [f"{low} to {high} (median {middle})" for low, middle, high in (self.widths, self.heights)]
        lines.append(f"Sizes: {sides[0]} pixels wide, {sides[1]} high.")
        lines.append(f"In colour: {self.colored} of {number}. The color mode is {self.color_mode!r}.")
        size = self.image_size
        shape = f", after {self.not_square} that are not square are {_MADE_SQUARE[self.fit]}" if self.not_square else ""
        lines.append(f"They are resized to {size} × {size} pixels{shape}.")
        lines += self.done
        if self.broken:
            lines.append(f"Broken, left out: {len(self.broken)}.")
            lines += [f"  {path}{f': {reason}' if reason else ''}" for path, reason in [*self.broken.items()][:20]]
            lines += [f"  and {len(self.broken) - 20} more"] if len(self.broken) > 20 else []
        lines += [f"NOT read: {text}." for text in self.not_read]
        return "\n".join(lines)


def describe_directory(directory: str | os.PathLike, follow_links: bool = False) -> FolderFacts:
    """Describes what `from_directory` would read from a folder, what it would not, and which settings fit.

    Decodes every file.

    Args:
        directory: Folder whose subfolders are the classes. `~` is the home folder.
        follow_links: Whether to follow symbolic links to folders. Defaults to False.

    Returns `FolderFacts`.

    Raises:
        ValueError: If the folder does not exist, has fewer than two classes or a class without a readable image, or if its
            subfolders are the parts of a split, such as "train" and "test".
        TypeError: If `directory` is not a path.

    Example:

    >>> import tempfile
    >>> import keras_ganaug as kga
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = kga.to_directory(kga.load_pretrained("digits"), folder, {"3": 5, "7": 2}, seed=0)
    ...     facts = kga.datasets.describe_directory(folder)
    >>> facts.classes, facts.heights, facts.color_mode, facts.image_size
    ({'3': 5, '7': 2}, (8, 8, 8), 'grayscale', 8)
    """
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"`directory` must be the path of a folder. Received: directory={directory!r}")
    root = os.path.expanduser(os.fspath(directory))
    _checks.boolean(follow_links, "follow_links")
    if not _files.is_folder(root):
        raise ValueError(f"`directory` must be an existing folder. Received: directory={os.fspath(directory)!r}")
    found = folder_scan.scan(root, follow_links)
    folder_report.check_splits(found)
    facts = folder_scan.inspect(found)
    folder_report.check_classes(found, skip_broken=True)
    *_, transparent, colored, heights, widths = facts.T
    ratios = np.maximum(heights, widths) / np.minimum(heights, widths)
    color_mode = "rgb" if colored.any() else "grayscale"
    kinds = folder_report.KINDS.keys() - {"broken"}
    return FolderFacts(
        directory=folder_scan.legible(root),
        classes={folder_scan.legible(name): count for name, count in found.counts.items()},
        formats=dict(Counter(folder_scan.suffix(folder_scan.legible(path)) for path in found.paths).most_common()),
        modes=folder_scan.modes(found.paths),
        heights=_spread(heights),
        widths=_spread(widths),
        not_square=int((ratios > _SQUARE).sum()),
        colored=int(colored.sum()),
        transparent=int(transparent.sum()),
        broken={found.within(path): folder_scan.why(path) for path in found.others["broken"]},
        done=list(folder_report.done(found, facts, color_mode, 255)),
        not_read=folder_report.not_read(found, kinds),
        image_size=_advised_size(int(np.median(np.minimum(heights, widths)))),
        color_mode=color_mode,
    )


def _spread(values):
    return int(values.min()), int(np.median(values)), int(values.max())


def _advised_size(side):
    """The largest advised size that the images reach. Smaller images keep their size."""
    return side if side < _SIZES[0] else max(size for size in _SIZES if size <= side)
