"""Lists a folder with one subfolder for each class: its images, and everything else."""

import collections
import dataclasses
import os
import re
from collections.abc import Collection, Iterable

import numpy as np
import tensorflow as tf

from keras_ganaug import _files
from keras_ganaug.datasets import decoding

# Suffixes that TensorFlow reads, that Pillow may read (it is asked if it is installed), and that neither reads.
_OF_TENSORFLOW = frozenset(".apng .bmp .dib .gif .jfif .jpe .jpeg .jpg .png".split())
_OF_PILLOW = frozenset(
    ".avif .avifs .cur .dcx .dds .icns .ico .j2k .jp2 .jpx .pbm .pcx .pgm .pnm .ppm .psd .qoi .sgi .tga .tif .tiff .webp "
    ".xbm .xpm".split()
)
_FOREIGN = frozenset(
    ".arw .bpg .cr2 .cr3 .dcm .dng .eps .exr .hdr .heic .heif .hif .jxl .jxr .nef .nii .orf .raf .raw .rw2 .svg".split()
)
# Formats that Pillow lists but reads only with other programs, or that are not pictures.
_NO_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}
_SIGNATURES = (b"RIFF", b"II*\0", b"MM\0*", b"GIF8", b"BM")
# Folders that archives and operating systems add.
_LITTER = {"__MACOSX", "__pycache__", "$RECYCLE.BIN", "@eaDir", "System Volume Information", "lost+found"}
_SPLIT = re.compile(
    r"(?P<of>.*[ _-])?"
    r"(?P<part>train|training|test|testing|val|valid|validation|validate|dev|eval|evaluation|holdout|hold[ _-]out)"
    r"([ _-]?(set|data|images|imgs))?[ _-]?\d*",
    re.IGNORECASE,
)


@dataclasses.dataclass
class Scan:
    """The paths in a folder, grouped by what they are.

    Attributes:
        root: The folder.
        images: The images of each class, by class name, in the order of Keras's loader.
        nested: The names of each class's own subfolders.
        others: Paths that are not read, by kind, a key of `folder_report.KINDS`.
    """

    root: str
    images: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    nested: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    others: dict[str, list[str]] = dataclasses.field(default_factory=lambda: collections.defaultdict(list))

    @property
    def counts(self) -> dict[str, int]:
        """The number of images in each class."""
        return {name: len(paths) for name, paths in self.images.items()}

    @property
    def paths(self) -> list[str]:
        """All images, sorted by class."""
        return [path for paths in self.images.values() for path in paths]

    def within(self, path: str) -> str:
        """A path relative to the folder, for messages."""
        return legible(path.removeprefix(self.root if self.root.endswith("/") else self.root + "/"))


def legible(path: str) -> str:
    """A printable version of a path, whatever bytes it contains."""
    return os.fsencode(path).decode("utf-8", "replace")


def as_bytes(paths: Iterable[str]) -> np.ndarray:
    """Paths in the form that TensorFlow accepts."""
    return np.array([os.fsencode(path) for path in paths], object)


def suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def scan(root: str, follow_links: bool = False) -> Scan:
    """Lists a folder without opening files."""
    found, image = Scan(root), decoding.pillow()
    of_pillow: Collection[str] = _OF_PILLOW
    kinds = dict.fromkeys(_FOREIGN, "foreign")
    if image:
        formats = image.registered_extensions()
        of_pillow = {end for end, name in formats.items() if name in image.OPEN and name not in _NO_PICTURES}
    kinds |= dict.fromkeys(of_pillow, "images" if image else "unread") | dict.fromkeys(_OF_TENSORFLOW, "images")
    for name in sorted(entry.rstrip("/") for entry in tf.io.gfile.listdir(root)):
        path = _files.join(root, name)
        if not _files.is_folder(path):
            kind = "hidden" if name.startswith(".") else "in_root" if suffix(name) in kinds else "other"
            found.others[kind].append(path)
        elif _is_litter(name):
            found.others["litter"].append(path)
        else:
            found.images[name], found.nested[name] = [], []
            for folder, folders, files in _walk(found, path, follow_links):
                if folder == path:
                    found.nested[name] = folders
                for file in sorted(files):
                    kind = "hidden" if file.startswith(".") else kinds.get(suffix(file), "other")
                    (found.images[name] if kind == "images" else found.others[kind]).append(_files.join(folder, file))
    return found


def _walk(found, folder, follow_links):
    """Yields folders like `os.walk`, in the order of Keras's loader, without litter, and without links unless followed."""
    remote, places, seen = _files.is_remote(folder), [], set()
    for path, folders, files in tf.io.gfile.walk(folder) if remote else os.walk(folder, followlinks=follow_links):
        path, inner = path.rstrip("/"), {name.rstrip("/") for name in folders}
        litter, links = {name for name in inner if _is_litter(name)}, set()
        if not remote:
            seen.add(os.path.realpath(path))
            links = {name for name in inner - litter if os.path.islink(os.path.join(path, name))}
            if follow_links:  # but avoid cycles
                links = {name for name in links if os.path.realpath(os.path.join(path, name)) in seen}
        for kind, names in (("litter", litter), ("links", links)):
            found.others[kind] += [_files.join(path, name) for name in sorted(names)]
        folders[:] = sorted(inner - litter - links)  # walk only into these
        places.append((path, list(folders), files))
    return sorted(places, key=lambda place: place[0])


def _is_litter(name):
    return name.startswith(".") or name in _LITTER


def splits_among(names: Iterable[str]) -> list[str]:
    """The names of folders that look like the parts of a split, such as "train" and "test". Empty if only one does.

    They may share a prefix, as in "seg_train" and "seg_test".
    """
    matches = {name: _SPLIT.fullmatch(name) for name in names}
    parts = {name: (match["of"] or "", match["part"].lower()) for name, match in matches.items() if match}
    number = collections.Counter(of for of, _ in set(parts.values()))
    return [name for name, (of, _) in parts.items() if number[of] > 1]


def inspect(found: Scan) -> np.ndarray:
    """Decodes every image once. Moves those that cannot be read to the kinds "broken" and "unread".

    Returns int32 (n, 7) for the others: the result of `decoding.header`, whether any pixel is transparent, whether any is
    coloured, height and width.
    """

    @tf.autograph.experimental.do_not_convert
    def look(number, path):
        contents = tf.io.read_file(path)
        header = decoding.header_of(contents)
        pixels = decoding.decode(contents, header, 4)
        transparent = tf.reduce_any(pixels[..., 3] < 255)
        colored = tf.reduce_any((pixels[..., :3] != pixels[..., :1]) & (pixels[..., 3:] > 0))
        return number, tf.concat([header, tf.cast([transparent, colored], tf.int32), tf.shape(pixels)[:2]], 0)

    paths = found.paths
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), as_bytes(paths)))
    dataset = dataset.map(look, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors().batch(256)
    facts, read = np.zeros([len(paths), 7], np.int32), np.zeros(len(paths), bool)
    for numbers, rows in dataset.as_numpy_iterator():
        facts[numbers], read[numbers] = rows, True
    gone = {paths[number] for number in np.flatnonzero(~read)}
    for path in (path for path in paths if path in gone):
        found.others["unread" if not decoding.pillow() and _needs_pillow(path) else "broken"].append(path)
    found.images = {name: [path for path in paths if path not in gone] for name, paths in found.images.items()}
    return facts[read]


def modes(paths: Iterable[str]) -> dict[str, int]:
    """How image files store their pixels, in words, and how many do, the most frequent first. Empty without Pillow."""
    found: collections.Counter[str] = collections.Counter()
    for path in paths if decoding.pillow() else ():
        with tf.io.gfile.GFile(os.fsencode(path), "rb") as file:
            mode = decoding.mode(file)
        found.update([] if mode is None else [mode])
    return dict(found.most_common())


def _contents(path):
    try:
        return tf.io.read_file(os.fsencode(path)).numpy()
    except tf.errors.OpError:
        return None


def _needs_pillow(path):
    """Whether a file that TensorFlow cannot read starts like a format that Pillow reads."""
    contents = _contents(path) or b""
    begins = contents.startswith(_SIGNATURES) or contents[4:8] == b"ftyp"
    return begins and decoding.header(contents)[0] == decoding.PILLOW


def why(path: str) -> str:
    """Why an image cannot be read, in a few words. "" if unknown."""
    contents = _contents(path)
    if not contents:
        return "it cannot be opened" if contents is None else "it is empty"
    try:
        if decoding.pillow() and decoding.header(contents)[0] == decoding.PILLOW:
            decoding.pillow_pixels(contents)
    except ValueError as error:
        return str(error)
    except Exception:  # Pillow's decoders raise many kinds of errors
        pass
    return ""
