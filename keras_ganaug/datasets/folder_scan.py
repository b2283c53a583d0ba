"""What lies in a folder with one subfolder for each class: images, and all that is none."""

import dataclasses
import os
import re

import numpy as np
import tensorflow as tf

from keras_ganaug import _files
from keras_ganaug.datasets import decoding

_OF_TENSORFLOW = (".apng", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png")
# What Pillow can read: these, where it is missing and cannot be asked.
_OF_PILLOW = (
    *(".avif", ".avifs", ".cur", ".dcx", ".dds", ".icns", ".ico", ".j2k", ".jp2", ".jpx", ".pbm", ".pcx", ".pgm", ".pnm"),
    *(".ppm", ".psd", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp", ".xbm", ".xpm"),
)
# Formats that Pillow names, but reads only with the help of other programs, or that are no pictures.
_NO_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}
_SIGNATURES = (b"RIFF", b"II*\0", b"MM\0*", b"GIF8", b"BM")
# Pictures of cameras, drawing programs and scanners that neither of the two reads, unless a plugin of Pillow does.
_FOREIGN = frozenset(
    ".arw .bpg .cr2 .cr3 .dcm .dng .eps .exr .hdr .heic .heif .hif .jxl .jxr .nef .nii .orf .raf .raw .rw2 .svg".split()
)
# Folders that archives and operating systems leave beside the user's own.
_LITTER = {"__MACOSX", "__pycache__", "$RECYCLE.BIN", "@eaDir", "System Volume Information", "lost+found"}
_SPLIT = re.compile(
    r"(?P<of>.*[ _-])?"
    r"(?P<part>train|training|test|testing|val|valid|validation|validate|dev|eval|evaluation|holdout|hold[ _-]out)"
    r"([ _-]?(set|data|images|imgs))?[ _-]?\d*",
    re.IGNORECASE,
)


@dataclasses.dataclass
class Scan:
    """Paths of files by what they are.

    Attributes:
        root: The folder.
        images: The images of each class, by its name, in the order of Keras's loader.
        unread: Images that only Pillow could read, which is missing.
        broken: Images that cannot be decoded.
        in_root: Images in the folder itself, which belong to no class.
        foreign: Images of formats that are not read.
        other: Files that are no images.
        hidden: Hidden files.
        litter: Hidden folders, and those that archives and operating systems leave.
        links: Folders behind links that are not followed.
        nested: The names of each class's own subfolders.
    """

    root: str
    images: dict = dataclasses.field(default_factory=dict)
    unread: list = dataclasses.field(default_factory=list)
    broken: list = dataclasses.field(default_factory=list)
    in_root: list = dataclasses.field(default_factory=list)
    foreign: list = dataclasses.field(default_factory=list)
    other: list = dataclasses.field(default_factory=list)
    hidden: list = dataclasses.field(default_factory=list)
    litter: list = dataclasses.field(default_factory=list)
    links: list = dataclasses.field(default_factory=list)
    nested: dict = dataclasses.field(default_factory=dict)

    @property
    def counts(self):
        """How many images each class has."""
        return {name: len(paths) for name, paths in self.images.items()}

    @property
    def paths(self):
        """All images, class by class."""
        return [path for paths in self.images.values() for path in paths]

    def within(self, path):
        """A path from the folder on, for people."""
        return legible(path.removeprefix(self.root if self.root.endswith("/") else self.root + "/"))

    def some(self, paths, most=3):
        """A few of the paths, in words."""
        return ", ".join(map(self.within, paths[:most])) + (f" and {len(paths) - most} more" if len(paths) > most else "")


def legible(path):
    """A path that can be printed, whatever bytes are in it."""
    return os.fsencode(path).decode("utf-8", "replace")


def as_bytes(paths):
    """Paths as TensorFlow takes them."""
    return np.array([os.fsencode(path) for path in paths], object)


def scan(root, follow_links=False):
    """Lists a folder; opens no file."""
    found = Scan(root)
    of_tensorflow, of_pillow = frozenset(_OF_TENSORFLOW), _suffixes_of_pillow()
    readable = of_tensorflow | of_pillow if decoding.pillow() else of_tensorflow
    for name in sorted(entry.rstrip("/") for entry in tf.io.gfile.listdir(root)):
        path = _files.join(root, name)
        if not _files.is_folder(path):
            image = _suffix(name) in of_tensorflow | of_pillow | _FOREIGN
            (found.hidden if name.startswith(".") else found.in_root if image else found.other).append(path)
        elif _is_litter(name):
            found.litter.append(path)
        else:
            images = found.images[name] = []
            for folder, folders, files in _walk(found, path, follow_links):
                if folder == path:
                    found.nested[name] = folders
                for file in sorted(files):
                    if file.startswith("."):
                        kind = found.hidden
                    elif _suffix(file) in readable:
                        kind = images
                    elif _suffix(file) in of_pillow:
                        kind = found.unread
                    else:
                        kind = found.foreign if _suffix(file) in _FOREIGN else found.other
                    kind.append(_files.join(folder, file))
    return found


def _walk(found, folder, follow_links):
    """The folders as `os.walk` gives them, in the order of Keras's loader, without what is litter or behind links."""
    if _files.is_remote(folder):
        return _walk_remote(found, folder)
    places, seen = [], set()
    for path, folders, files in os.walk(folder, followlinks=follow_links):
        seen.add(os.path.realpath(path))
        left = {name for name in folders if _is_litter(name)}
        links = {name for name in folders if os.path.islink(os.path.join(path, name))} - left
        if follow_links:  # but not round in circles
            links = {name for name in links if os.path.realpath(os.path.join(path, name)) in seen}
        found.litter += [os.path.join(path, name) for name in sorted(left)]
        found.links += [os.path.join(path, name) for name in sorted(links)]
        folders[:] = sorted(set(folders) - left - links)
        places.append((path, list(folders), files))
    return sorted(places, key=lambda place: place[0])


def _walk_remote(found, folder):
    places, left = [], []
    for path, folders, files in tf.io.gfile.walk(folder):
        path, folders = path.rstrip("/"), sorted(name.rstrip("/") for name in folders)
        if any(f"{path}/".startswith(f"{other}/") for other in left):
            continue
        left += [_files.join(path, name) for name in folders if _is_litter(name)]
        places.append((path, [name for name in folders if not _is_litter(name)], files))
    found.litter += left
    return sorted(places, key=lambda place: place[0])


def _is_litter(name):
    return name.startswith(".") or name in _LITTER


def _suffix(name):
    return os.path.splitext(name)[1].lower()


def _suffixes_of_pillow():
    modules = decoding.pillow()
    if not modules:
        return frozenset(_OF_PILLOW)
    formats = modules[0].registered_extensions()
    return frozenset(suffix for suffix, name in formats.items() if name in modules[0].OPEN and name not in _NO_PICTURES)


def splits_among(names):
    """The names of folders that look like the parts of a split, such as "train" and "test"; none if only one does.

    Before the word they may have a name in common, as in "seg_train" and "seg_test".
    """
    matches = {name: _SPLIT.fullmatch(name) for name in names}
    parts = {name: (match["of"] or "", match["part"].lower()) for name, match in matches.items() if match}
    of_same = {of: {part for other, part in parts.values() if other == of} for of, _ in parts.values()}
    return [name for name, (of, _) in parts.items() if len(of_same[of]) > 1]


def inspect(found, channels):
    """Decodes every image once, as the dataset will. Moves those that cannot be read to `broken` or `unread`.

    Returns the facts of the others, an int32 array of the four columns that `decoding.decoder` tells of.
    """
    pillow, paths = decoding.pillow() is not None, found.paths
    decode = decoding.decoder(channels, with_pillow=pillow)

    @tf.autograph.experimental.do_not_convert
    def look(number, path):
        contents = tf.io.read_file(path)
        image, facts = decode(contents)
        return number, facts, tf.size(image)  # whose size keeps the decoding in the graph

    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), as_bytes(paths)))
    dataset = dataset.map(look, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors().batch(256)
    facts = {number: row for numbers, rows, _ in dataset.as_numpy_iterator() for number, row in zip(numbers, rows)}
    for number, path in enumerate(paths):
        if number not in facts:
            (found.unread if not pillow and _needs_pillow(path) else found.broken).append(path)
    gone = {*found.unread, *found.broken}
    found.images = {name: [path for path in paths if path not in gone] for name, paths in found.images.items()}
    return np.array([facts[number] for number in sorted(facts)], np.int32).reshape(-1, 4)


def _needs_pillow(path):
    """Whether a file that TensorFlow cannot read begins as those do that Pillow can."""
    try:
        contents = tf.io.read_file(os.fsencode(path)).numpy()
    except tf.errors.OpError:
        return False
    begins = contents.startswith(_SIGNATURES) or contents[4:8] == b"ftyp"
    return begins and int(decoding.look_at(contents)[0]) == decoding.OTHER


def why(path):
    """Why an image cannot be read, in a few words; "" if that is not known."""
    try:
        contents = tf.io.read_file(os.fsencode(path)).numpy()
    except tf.errors.OpError:
        return "it cannot be opened"
    if not contents:
        return "it is empty"
    if decoding.pillow() and int(decoding.look_at(contents)[0]) == decoding.OTHER:
        try:
            decoding.pillow_pixels(contents)
        except ValueError as error:
            return str(error)
        except Exception:  # Pillow's decoders fail in as many ways as there are formats
            return ""
    return ""
