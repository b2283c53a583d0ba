"""Folders of images: every format and orientation against Pillow and Keras's loader, and what is said of the rest."""

import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.datasets import decoding

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")

RNG = np.random.default_rng(0)
PALETTE = {"dither": Image.Dither.NONE, "palette": Image.Palette.ADAPTIVE, "colors": 8}


def pixels(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def smooth(height=16, width=16):
    """Pixels that JPEG keeps."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(255, 0, height))
    return np.stack([red, green, np.full_like(red, 90)], -1).astype("uint8")


def saved(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)


def classes(root, counts, suffix=".png"):
    for name, count in counts.items():
        for number in range(count):
            saved(root / name / f"{number}{suffix}", pixels(8, 8, 3))
    return root


def by_file(root, image_size=8, **options):
    """The images of a folder by the names of their files."""
    data = kga.datasets.from_directory(root, image_size, **{"shuffle": False, "verbose": False, **options})
    return {Path(path).name: image for path, (image, _) in zip(data.file_paths, data.as_numpy_iterator(), strict=True)}


JPEG_TOLERANCE = 10  # two decoders differ by so much


@pytest.mark.parametrize(("color_mode", "mode"), [("rgb", "RGB"), ("grayscale", "L")])
def test_all_orientations(tmp_path, color_mode, mode, capsys):
    formats = {".jpg": {"quality": 100, "subsampling": 0}, ".png": {}, ".webp": {"lossless": True}, ".tif": {}}
    for orientation in range(1, 9):
        for (suffix, options), endian in zip(formats.items(), "<><>"):
            exif = Image.Exif()
            exif.endian = endian if orientation % 2 else {"<": ">", ">": "<"}[endian]
            exif[0x10F], exif[0x112] = "a camera", orientation
            stored = smooth(40, 24) if orientation < 5 else smooth(24, 40)
            saved(tmp_path / suffix[1:] / f"{orientation}{suffix}", stored, exif=exif, **options)
    images = by_file(tmp_path, (40, 24), color_mode=color_mode, verbose=True)
    assert "Turned upright by their EXIF orientation: 28." in capsys.readouterr().out
    assert len(images) == 32
    for name, image in images.items():
        with Image.open(next(tmp_path.rglob(name))) as stored:
            expected = np.asarray(ImageOps.exif_transpose(stored).convert(mode), float)
        tolerance = JPEG_TOLERANCE if name.endswith("jpg") else int(mode == "L")
        np.testing.assert_allclose(image.squeeze(), expected, atol=tolerance, err_msg=name)


def test_bad_exif_is_no_orientation(tmp_path):
    header = b"Exif\0\0MM\0*" + (8).to_bytes(4, "big")
    bad = {
        "value": header + struct.pack(">HHHIHH", 1, 0x112, 3, 1, 9, 0),
        "count": header + struct.pack(">H", 65535),
        "offset": b"Exif\0\0II*\0" + (2**31).to_bytes(4, "little"),
        "short": b"Exif\0\0II*\0",
        "other_tag": header + struct.pack(">HHHIHH", 1, 0x100, 3, 1, 6, 0),
    }
    for name, exif in bad.items():
        saved(tmp_path / name / f"{name}.jpg", smooth(), exif=exif, quality=100, subsampling=0)
    for name, image in by_file(tmp_path, 16).items():
        assert np.abs(image - smooth()).max() <= JPEG_TOLERANCE, name


def png(width, height, depth, color, rows, *chunks):
    """A PNG that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def transparent_files(root):
    rgba = pixels(8, 8, 4)
    palette = Image.fromarray(rgba[..., :3]).convert("P", **PALETTE)
    saved(root / "a" / "rgba.png", rgba)
    saved(root / "a" / "la.png", Image.fromarray(rgba).convert("LA"))
    saved(root / "a" / "palette.png", palette, transparency=bytes(range(0, 256, 32)))
    saved(root / "a" / "key.png", rgba[..., :3], transparency=tuple(int(value) for value in rgba[2, 3, :3]))
    saved(root / "a" / "gray_key.png", rgba[..., 0], transparency=int(rgba[2, 3, 0]))
    saved(root / "b" / "rgba.webp", rgba, lossless=True)
    saved(root / "b" / "palette.gif", palette, transparency=3)
    saved(root / "b" / "rgba.tif", rgba)
    saved(root / "b" / "half.png", np.concatenate([rgba[:4], np.full_like(rgba[4:], 255)]))
    wide = np.repeat(rgba[..., None], 2, -1).reshape(8, 64)  # 16 bits: the same byte twice
    (root / "b" / "rgba16.png").write_bytes(png(8, 8, 16, 6, [row.tobytes() for row in wide]))
    return root


@pytest.mark.parametrize(("background", "color_mode"), [(255, "rgb"), ((10, 200, 30), "rgb"), ((10, 200, 30), "grayscale")])
def test_transparent_pixels_are_composed(tmp_path, background, color_mode, capsys):
    images = by_file(transparent_files(tmp_path), background=background, color_mode=color_mode, verbose=True)
    assert f"Transparent pixels laid on the background {background}: in 10." in capsys.readouterr().out
    assert len(images) == 10
    color = background if isinstance(background, tuple) else (background,) * 3
    for name, image in images.items():
        with Image.open(next(tmp_path.rglob(name))) as stored:
            behind = Image.new("RGBA", stored.size, (*color, 255))
            composed = Image.alpha_composite(behind, stored.convert("RGBA")).convert("RGB")
        expected = np.asarray(composed if color_mode == "rgb" else composed.convert("L"), float)
        np.testing.assert_array_equal(image.squeeze(), expected, err_msg=name)


def test_alpha_stays_in_rgba(tmp_path):
    for name, image in by_file(transparent_files(tmp_path), color_mode="rgba").items():
        with Image.open(next(tmp_path.rglob(name))) as stored:
            np.testing.assert_array_equal(image, np.asarray(stored.convert("RGBA"), float), err_msg=name)


def odd_files(root):
    """Files that TensorFlow or Keras's loader refuses or takes for something else, and their pixels."""
    rgb, gray, wide = pixels(8, 8, 3), pixels(8, 8), RNG.integers(0, 65536, (8, 8), dtype=np.uint16)
    palette = Image.fromarray(rgb).convert("P", **PALETTE)
    bits = Image.fromarray(gray).convert("1")
    images = {
        "gray16.png": wide,
        "gray16.tif": wide,
        "bits.png": bits,
        "bits.bmp": bits,
        "palette.bmp": palette,
        "gray.bmp": gray,
        "color.bmp": rgb,
        "color.gif": Image.fromarray(rgb).quantize(8),
        "gray.ppm": gray,
        "color.ppm": rgb,
        "palette.tif": palette,
        "cmyk.tif": Image.fromarray(rgb).convert("CMYK"),
        "cmyk.jpg": Image.fromarray(smooth(8, 8)).convert("CMYK"),
        "color.jpg": smooth(8, 8),
        "gray.jpg": smooth(8, 8)[..., 0],
    }
    for number, (name, image) in enumerate(images.items()):
        saved(root / "ab"[number % 2] / name, image, **({"quality": 100, "subsampling": 0} if name.endswith("jpg") else {}))
    saved(root / "a" / "webp.jpg", rgb, format="WEBP", lossless=True)  # as the web has them
    saved(root / "b" / "jpeg.png", smooth(8, 8), format="JPEG", quality=100, subsampling=0)
    expected = {}
    for path in root.rglob("*.*"):
        with Image.open(path) as stored:
            wide_gray = stored.mode.startswith("I;16")
            expected[path.name] = Image.fromarray((wide >> 8).astype("uint8")) if wide_gray else stored.convert("RGB")
    return expected


@pytest.mark.parametrize(("color_mode", "mode"), [("rgb", "RGB"), ("grayscale", "L"), ("rgba", "RGBA")])
def test_odd_formats(tmp_path, color_mode, mode):
    expected = odd_files(tmp_path)
    images = by_file(tmp_path, color_mode=color_mode)
    assert images.keys() == expected.keys()
    for name, image in images.items():
        lossy = b"\xff\xd8" == next(tmp_path.rglob(name)).read_bytes()[:2]
        reference = np.asarray(expected[name].convert("RGB").convert(mode), float)
        np.testing.assert_allclose(image.squeeze(), reference, atol=JPEG_TOLERANCE if lossy else 0, err_msg=name)


def test_pixels_without_a_range_are_named(tmp_path):
    classes(tmp_path, {"a": 2, "b": 2})
    saved(tmp_path / "a" / "depth.tif", np.zeros([8, 8], "float32"))
    with pytest.raises(ValueError, match=r"depth\.tif \(its pixels are of 32 bits"):
        by_file(tmp_path)


KERAS_OPTIONS = [
    {},
    {"interpolation": "nearest"},
    {"interpolation": "bicubic", "color_mode": "grayscale"},
    {"crop_to_aspect_ratio": True},
    {"shuffle": False, "class_names": ["b", "a"]},
    *([{"pad_to_aspect_ratio": True}] if hasattr(keras, "ops") else []),
]


@pytest.mark.parametrize("options", KERAS_OPTIONS)
def test_ordinary_images_are_those_of_kerass_loader(tmp_path, options, monkeypatch):
    monkeypatch.setattr(decoding, "pillow_pixels", pytest.fail)  # which has no part in it
    for name in "ab":
        for number in range(3):
            saved(tmp_path / name / f"{number}.jpg", smooth(21, 13 + number), quality=80)
            saved(tmp_path / name / f"{number}.png", pixels(9 + number, 30, 3))
            saved(tmp_path / name / "deeper" / f"{number}.png", pixels(5, 5, 3))
    ours = kga.datasets.from_directory(tmp_path, (12, 10), seed=3, verbose=False, **options)
    theirs = keras.utils.image_dataset_from_directory(tmp_path, image_size=(12, 10), seed=3, batch_size=None, **options)
    paths, their_paths = ours.file_paths, [str(path) for path in theirs.file_paths]
    assert ours.element_spec[0].dtype == tf.float32 and ours.element_spec[1].dtype == tf.int32
    ours, theirs = list(ours.as_numpy_iterator()), list(theirs.as_numpy_iterator())
    if "class_names" in options:  # Keras 2 leaves the files in the order of the folders
        assert sorted(paths) == sorted(their_paths)
        ours = [ours[paths.index(path)] for path in their_paths]
    else:
        assert paths == their_paths
    for (x, y), (x_theirs, y_theirs) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(x, x_theirs)
        assert y == y_theirs


def test_channels_first(tmp_path):
    last = by_file(classes(tmp_path, {"a": 2, "b": 1}), (8, 6))
    first = by_file(tmp_path, (8, 6), data_format="channels_first")
    for name, image in last.items():
        np.testing.assert_array_equal(first[name], np.moveaxis(image, -1, 0))


def test_what_is_no_image_is_told_below_the_histogram(tmp_path, capsys):
    classes(tmp_path, {"a": 3, "b": 2})
    for name in ("._0.png", ".DS_Store", ".cache/x.png", "__MACOSX/._1.png"):
        (tmp_path / "a" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "a" / name).write_bytes(b"no image")
    classes(tmp_path, {"__MACOSX": 1, ".hidden": 1})
    (tmp_path / "b" / "notes.txt").write_text("hello")
    (tmp_path / "b" / "film.mp4").write_bytes(b"film")
    (tmp_path / "b" / "raw").write_bytes(b"raw")
    (tmp_path / "list.csv").write_text("a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = kga.datasets.from_directory(tmp_path, 8)
    assert data.class_names == ["a", "b"]
    assert int(data.cardinality()) == 5
    output = capsys.readouterr().out
    assert "NOT read: 4 files of other kinds (" in output
    assert all(part in output for part in (".txt 1", ".mp4 1", ".csv 1", "no suffix 1", "b/notes.txt"))
    assert "NOT read: 2 hidden files: a/._0.png, a/.DS_Store." in output or "a/.DS_Store, a/._0.png." in output
    assert "NOT read: 4 folders, hidden or of an archive" in output
    assert "__MACOSX" in output and ".hidden" in output
    with pytest.warns(UserWarning, match="4 files of other kinds"):
        kga.datasets.from_directory(tmp_path, 8, verbose=False)


def test_pictures_of_formats_that_nothing_reads_are_told(tmp_path):
    classes(tmp_path, {"a": 2, "b": 1})
    (tmp_path / "b" / "phone.HEIC").write_bytes(b"photo")
    with pytest.warns(UserWarning, match=r"1 image of formats that neither .*\(\.heic 1\): b/phone\.HEIC; convert"):
        kga.datasets.from_directory(tmp_path, 8)
    (tmp_path / "b" / "0.png").unlink()
    with pytest.raises(ValueError, match=r"none in \['b'\]\. Not read: 1 image of formats that neither"):
        kga.datasets.from_directory(tmp_path, 8)


def test_images_beside_the_classes_are_told(tmp_path):
    classes(tmp_path, {"a": 2, "b": 2})
    for number in range(7):
        saved(tmp_path / f"loose{number}.jpg", smooth())
    with pytest.warns(UserWarning, match=r"7 images outside of the subfolders.*loose0\.jpg"):
        kga.datasets.from_directory(tmp_path, 8)
    for name in "ab":
        for path in (tmp_path / name).iterdir():
            path.unlink()
        (tmp_path / name).rmdir()
    with pytest.raises(ValueError, match="7 images next to them"):
        kga.datasets.from_directory(tmp_path, 8)


def test_without_pillow_its_files_are_named(tmp_path, monkeypatch, capsys):
    classes(tmp_path, {"a": 3, "b": 3})
    classes(tmp_path, {"a": 2, "b": 1}, ".webp")
    classes(tmp_path, {"b": 1}, ".tiff")
    saved(tmp_path / "a" / "webp.jpg", pixels(8, 8, 3), format="WEBP")
    saved(tmp_path / "a" / "clear.gif", Image.fromarray(pixels(8, 8, 3)).quantize(8), transparency=3)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.warns(UserWarning, match=r'6 images .*that need Pillow, `pip install "keras_ganaug\[images\]"`'):
        data = kga.datasets.from_directory(tmp_path, 8)
    assert int(data.cardinality()) == 6
    np.testing.assert_array_equal(kga.datasets.class_histogram(data), [3, 3])
    output = capsys.readouterr().out
    assert "NOT read: 6 images (.webp 3, .tiff 1, " in output
    for path in tmp_path.glob("b/*.png"):
        path.unlink()
    with pytest.raises(ValueError, match=r"none in \['b'\]\. Not read: .*need Pillow"):
        kga.datasets.from_directory(tmp_path, 8)
    (tmp_path / "b" / "no.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"broken: b/no\.png"):
        kga.datasets.from_directory(tmp_path, 8)


@pytest.mark.parametrize(
    "parts", [("train", "test"), ("Training", "valid"), ("train_set", "val", "test1"), ("seg_train", "seg_test")]
)
def test_the_parts_of_a_split_are_no_classes(tmp_path, parts):
    for part in parts:
        classes(tmp_path / part, {"cat": 2, "dog": 2})
    with pytest.raises(ValueError, match="`directory` must be the folder whose subfolders are the classes") as caught:
        kga.datasets.from_directory(tmp_path, 8)
    for part in parts:
        assert part in str(caught.value)
        assert f"from_directory({str(tmp_path / part)!r}" in str(caught.value)
    assert "['cat', 'dog']" in str(caught.value)
    with warnings.catch_warnings():  # unless the user says so
        warnings.simplefilter("error")
        data = kga.datasets.from_directory(tmp_path, 8, class_names=list(parts))
    assert data.class_names == list(parts)


def test_the_parts_of_a_split_without_classes_in_them(tmp_path):
    classes(tmp_path, {"train": 2, "test": 2})
    with pytest.warns(UserWarning, match=r"\['test', 'train'\] of `directory` are used as classes.*class_names="):
        kga.datasets.from_directory(tmp_path, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kga.datasets.from_directory(tmp_path, 8, class_names=["test", "train"])
        classes(tmp_path / "vehicles", {"train": 2, "bus": 2, "value": 1})
        classes(tmp_path / "vehicles", {"blood_test": 1, "urine_test": 1, "bullet_train": 1})
        kga.datasets.from_directory(tmp_path / "vehicles", 8)


def test_classes_one_folder_below(tmp_path):
    classes(tmp_path / "data", {"cat": 2, "dog": 2})
    (tmp_path / "__MACOSX").mkdir()
    with pytest.raises(ValueError, match=r"one folder below: `directory='.*data'"):
        kga.datasets.from_directory(tmp_path, 8)


def test_home_and_one_size(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    classes(tmp_path / "pictures", {"a": 2, "b": 2})
    for path in ("~/pictures", Path("~/pictures")):
        data = kga.datasets.from_directory(path, 5)
        assert data.element_spec[0].shape == (5, 5, 3)
        assert int(data.cardinality()) == 4


def test_broken_files_can_be_left_out(tmp_path, capsys):
    classes(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "a" / "0.png").write_bytes(b"no image")
    (tmp_path / "b" / "1.png").write_bytes((tmp_path / "b" / "1.png").read_bytes()[:60])
    (tmp_path / "b" / "2.webp").write_bytes(b"RIFF....WEBP")
    (tmp_path / "b" / "3.jpg").touch()
    os.symlink(tmp_path / "gone.png", tmp_path / "a" / "link.png")
    names = ["a/0.png", "a/link.png", "b/1.png", "b/2.webp", "b/3.jpg"]
    with pytest.raises(ValueError, match=r"`directory` must be .*skip_broken=True") as caught:
        kga.datasets.from_directory(tmp_path, 8)
    assert all(name in str(caught.value) for name in names)
    assert "b/3.jpg (it is empty)" in str(caught.value)
    capsys.readouterr()
    with pytest.warns(UserWarning, match="broken files") as caught:
        train, validation = kga.datasets.from_directory(tmp_path, 8, skip_broken=True, validation_split=0.4)
    assert all(name in str(caught[0].message) for name in names)
    assert train.broken_files == validation.broken_files == [str(tmp_path / name) for name in names]
    assert len(list(train)) + len(list(validation)) == 6
    output = capsys.readouterr().out
    assert "6 images of 2 classes" in output and "NOT read: 5 broken: a/0.png" in output
    for number in range(1, 4):
        (tmp_path / "a" / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"at least one image that can be read.*\['a'\].*8 broken"):
        kga.datasets.from_directory(tmp_path, 8, skip_broken=True)


def test_a_broken_file_leaves_no_traceback_in_the_log(tmp_path):
    classes(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "0.png").write_bytes(b"no image")
    script = "import sys, keras_ganaug as kga; print(kga.datasets.describe_directory(sys.argv[1]).broken)"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "PYTHONPATH": os.path.dirname(os.path.dirname(kga.__file__))}
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "a/0.png" in done.stdout
    assert "Traceback" not in done.stderr


def test_without_the_check(tmp_path, capsys):
    classes(tmp_path, {"a": 2, "b": 2})
    classes(tmp_path, {"b": 1}, ".webp")
    exif = Image.Exif()
    exif[0x112] = 3
    saved(tmp_path / "a" / "turned.png", smooth(8, 8), exif=exif)
    images = by_file(tmp_path, check_images=False)
    np.testing.assert_array_equal(images["turned.png"], smooth(8, 8)[::-1, ::-1])
    (tmp_path / "a" / "no.png").write_bytes(b"no image")
    data = kga.datasets.from_directory(tmp_path, 8, check_images=False)
    assert int(data.cardinality()) == 7
    with pytest.raises(tf.errors.OpError, match="UnidentifiedImageError: cannot identify image file"):
        list(data)
    with pytest.raises(ValueError, match="`check_images` must be True"):
        kga.datasets.from_directory(tmp_path, 8, check_images=False, skip_broken=True)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_split_is_stratified(tmp_path, share):
    counts = {"a": 40, "b": 10, "c": 3, "d": 2}
    for name, count in counts.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.png").touch()

    def split(seed):
        parts = kga.datasets.from_directory(
            tmp_path, 8, validation_split=share, seed=seed, check_images=False, verbose=False
        )
        return [part.file_paths for part in parts]

    for seed in range(4):
        train, validation = split(seed)
        assert sorted(train + validation) == sorted(str(path) for path in tmp_path.rglob("*.png"))
        for name, count in counts.items():
            held_out = sum(Path(path).parent.name == name for path in validation)
            assert 1 <= held_out <= count - 1
            assert abs(held_out - share * count) < 1 or held_out in (1, count - 1)
    assert split(1) == split(1)
    assert set(split(1)[1]) != set(split(2)[1])


def test_a_class_of_one_image_stays_in_training(tmp_path):
    classes(tmp_path, {"many": 6, "one": 1})
    with pytest.warns(UserWarning, match=r"`validation_split` holds out nothing of the classes \['one'\]"):
        train, validation = kga.datasets.from_directory(tmp_path, 8, validation_split=0.5, verbose=False)
    np.testing.assert_array_equal(kga.datasets.class_histogram(train, 2), [3, 1])
    np.testing.assert_array_equal(kga.datasets.class_histogram(validation, 2), [3, 0])
    for path in list((tmp_path / "many").iterdir())[1:]:
        path.unlink()
    with pytest.raises(ValueError, match="`validation_split` must leave images on both sides"):
        kga.datasets.from_directory(tmp_path, 8, validation_split=0.5, verbose=False)


def test_links(tmp_path):
    classes(tmp_path / "data", {"a": 2, "b": 2})
    classes(tmp_path / "elsewhere", {"more": 3})
    os.symlink(tmp_path / "elsewhere" / "more", tmp_path / "data" / "a" / "more")
    os.symlink(tmp_path / "data" / "b", tmp_path / "data" / "b" / "circle")
    with pytest.warns(UserWarning, match="2 folders behind links.*follow_links=True"):
        data = kga.datasets.from_directory(tmp_path / "data", 8, verbose=False)
    assert int(data.cardinality()) == 4
    with pytest.warns(UserWarning, match="1 folder behind links"):
        data = kga.datasets.from_directory(tmp_path / "data", 8, verbose=False, follow_links=True)
    np.testing.assert_array_equal(kga.datasets.class_histogram(data), [5, 2])


def test_first_of_several_frames(tmp_path, capsys):
    frames = [Image.fromarray(np.full([8, 8, 3], 40 * n, "uint8")) for n in range(3)]
    for number, suffix in enumerate((".gif", ".tif", ".webp", ".png")):
        name = tmp_path / "ab"[number % 2] / f"film{suffix}"
        options = {"lossless": True} if suffix == ".webp" else {"loop": None} if suffix == ".gif" else {}
        saved(name, frames[1], save_all=True, append_images=frames, **options)
    saved(tmp_path / "a" / "one.gif", frames[1])
    images = by_file(tmp_path, verbose=True)
    assert all(np.array_equal(image, np.full([8, 8, 3], 40)) for image in images.values())
    assert "With several frames or pages, only the first of which is read: 4." in capsys.readouterr().out


def test_folders_of_other_file_systems():
    root = "ram://image_folders"
    for name in ("a", "b"):
        for number in range(2):
            tf.io.gfile.makedirs(f"{root}/{name}")
            tf.io.write_file(f"{root}/{name}/{number}.png", tf.io.encode_png(np.full([8, 8, 3], number + 1, "uint8")))
    images, labels = kga.datasets.to_arrays(kga.datasets.from_directory(root, 8, verbose=False))
    np.testing.assert_array_equal(np.bincount(labels), [2, 2])
    np.testing.assert_array_equal(np.sort(images[:, 0, 0, 0]), [1, 1, 2, 2])


def test_names_of_any_bytes(tmp_path, capsys):
    classes(tmp_path, {"katze ä": 2, "b [1]*": 1})
    with open(os.path.join(os.fsencode(tmp_path), b"b [1]*", b"\xff.png"), "wb") as file:
        file.write((tmp_path / "b [1]*" / "0.png").read_bytes())
    data = kga.datasets.from_directory(tmp_path, 8)
    np.testing.assert_array_equal(kga.datasets.class_histogram(data), [2, 2])
    assert "katze ä" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("background", {"background": 256}),
        ("background", {"background": (1, 2)}),
        ("background", {"background": "white"}),
        ("background", {"background": True}),
        ("image_size", {"image_size": 0}),
        ("image_size", {"image_size": (8, 8, 3)}),
        ("skip_broken", {"skip_broken": "yes"}),
        ("check_images", {"check_images": None}),
        ("interpolation", {"interpolation": "bilinearr"}),
        ("data_format", {"data_format": "rows"}),
        ("pad_to_aspect_ratio", {"pad_to_aspect_ratio": True, "crop_to_aspect_ratio": True}),
        ("kwargs", {"batch_size": 4}),
        ("kwargs", {"colour_mode": "rgb"}),
        ("validation_split", {"validation_split": 1.0}),
    ],
)
def test_bad_arguments(tmp_path, argument, options):
    with pytest.raises((ValueError, TypeError), match=rf"`{argument}` must .*Received"):
        kga.datasets.from_directory(tmp_path, **{"image_size": 8, **options})
