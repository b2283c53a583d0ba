"""Files are written whole or not at all."""

import pytest
import tensorflow as tf

from keras_ganaug import _checks, _files, _replicas


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


def test_a_worker_that_is_not_the_chief_changes_no_file(tmp_path, monkeypatch):
    path, model = tmp_path / "folder" / "file.txt", tmp_path / "model"
    monkeypatch.setattr(_replicas, "is_chief", lambda: False)
    _files.write(path, "text")
    with _files.replacing_saved_model(model) as new:
        tf.saved_model.save(tf.Module(), new)
    assert not list(tmp_path.iterdir())
    assert not _files.exists(new)
    monkeypatch.undo()
    _files.write(path, "text")
    monkeypatch.setattr(_replicas, "is_chief", lambda: False)
    _files.write(path, "other")
    _files.remove(path)
    assert _files.read_text(path) == "text"


@pytest.mark.parametrize(
    ("jobs", "job", "index", "chief"),
    [
        (["worker"], "worker", 0, True),
        (["worker"], "worker", 1, False),
        (["chief", "worker"], "worker", 0, False),
        (["chief", "worker"], "chief", 0, True),
    ],
)
def test_the_chief_is_the_first_worker_unless_there_is_a_job_chief(monkeypatch, jobs, job, index, chief):
    assert _replicas.is_chief() and not _replicas.other_workers()
    server = tf.train.ServerDef(job_name=job, task_index=index)
    for name in jobs:
        server.cluster.job.add(name=name)
    monkeypatch.setattr(_replicas, "_server", lambda: server)
    assert _replicas.is_chief() == chief and _replicas.other_workers()


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


def test_a_saved_model_leaves_what_its_folder_links_to(tmp_path):
    """And takes the place of what a link leads to, not of the link; no other file is copied."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "image.png").write_bytes(b"png")
    path = tmp_path / "model"
    (path / "notes").mkdir(parents=True)
    (path / "notes" / "a.txt").write_text("mine")
    (path / "pictures").symlink_to(tmp_path / "data")
    inode = (path / "notes" / "a.txt").stat().st_ino
    (tmp_path / "latest").symlink_to(path)
    for folder in (path, tmp_path / "latest"):
        with _files.replacing_saved_model(folder) as new:
            _files.write(_files.join(new, "saved_model.pb"), str(folder))
        assert (path / "saved_model.pb").read_text() == str(folder)
        assert (path / "pictures").is_symlink() and (tmp_path / "data" / "image.png").read_bytes() == b"png"
        assert (path / "notes" / "a.txt").stat().st_ino == inode
    assert (tmp_path / "latest").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "latest", "model"]


def test_a_saved_model_is_moved_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "variables").mkdir()
    for content in ("one", "two"):
        with _files.replacing_saved_model(".") as new:
            _files.write(_files.join(new, "saved_model.pb"), content)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "saved_model.pb"]
        assert _files.read_text("saved_model.pb") == content  # the current folder is the one that it was


def test_a_file_replaces_what_a_link_leads_to_and_keeps_its_mode(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o600)
    (tmp_path / "link").symlink_to("file")
    _files.write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_removing_a_link_leaves_what_it_leads_to(tmp_path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    _files.remove(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_system_that_is_not_known_is_told():
    with pytest.raises(ValueError, match=r"`path` must be a folder that can be written\. Received: 'foo://x'"):
        _checks.new_folder("foo://x")
