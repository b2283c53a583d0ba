"""Files are written whole or not at all."""

import pytest
import tensorflow as tf

from keras_ganaug import _checks, _files


class Cut(Exception):
    pass


def test_a_write_that_is_cut_off_leaves_the_old_file(tmp_path):
    path = tmp_path / "new" / "file.txt"
    _files.write(path, "old")
    with pytest.raises(Cut), _files.replacing(path) as new:
        assert new.endswith(".txt")
        tf.io.gfile.GFile(new, "w").write("half")
        raise Cut
    assert path.read_text() == "old" and [p.name for p in path.parent.iterdir()] == ["file.txt"]
    _files.write(path, b"new")
    assert _files.read_text(path) == "new" and [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_saved_model_takes_the_place_of_another_and_leaves_what_else_is_there(tmp_path):
    path = tmp_path / "model"
    module = tf.Module()
    with _files.replacing_saved_model(path) as new:
        tf.saved_model.save(module, new)
    (path / "README.md").write_text("mine")
    (path / "pictures").mkdir()
    (path / "pictures" / "a.png").write_bytes(b"png")
    before = (path / "saved_model.pb").read_bytes()
    with pytest.raises(Cut), _files.replacing_saved_model(path) as new:
        _files.write(_files.join(new, "saved_model.pb"), b"half")
        raise Cut
    assert (path / "saved_model.pb").read_bytes() == before
    with _files.replacing_saved_model(path) as new:
        _files.write(_files.join(new, "saved_model.pb"), b"other")
    assert (path / "saved_model.pb").read_bytes() == b"other" and not (path / "variables").exists()
    assert (path / "README.md").read_text() == "mine" and (path / "pictures" / "a.png").read_bytes() == b"png"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_other_file_systems(monkeypatch):
    path = "ram://folder/file.txt"  # of TensorFlow
    _files.write(path, "text")
    assert _files.read_text(path) == "text" and _files.is_file(path) and _files.parent(path) == "ram://folder"
    _files.remove(path)
    assert not _files.exists(path)
    assert _files.join("gs://bucket/a", "b.txt") == "gs://bucket/a/b.txt"


def test_a_check_makes_nothing(tmp_path):
    _checks.new_folder(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(ValueError, match="`path` must be"):
            _checks.new_folder(path)
