"""The worked examples of the documentation run, and what it points to is there."""

import functools
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_gan

import keras_ganaug as kga
from keras_ganaug import _compat

ROOT = Path(__file__).resolve().parents[1]
README, EXTENDING = ROOT / "README.md", ROOT / "docs" / "extending.md"
pytestmark = pytest.mark.skipif(not EXTENDING.exists(), reason="the package is installed without its documentation")


def python_blocks(file):
    return re.findall(r"```python\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(not _compat.KERAS_3, reason="it shows `double_checkpoint` of Keras 3")
def test_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    """All blocks in order, in one folder, with one epoch each, small networks, and studies of few steps and arms."""
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    nothing = {"nothing": kga.study.Arm()}
    few = {"steps": 2, "batch_size": 16, "verbose": False}
    study = functools.partial(kga.AugmentationStudy, arms=nothing, on_top_of=(), seeds=(0,), **few)
    candidates = {"a quarter of each batch": kga.study.Synthetic(0.25, bank_size=64)}
    options = {"arms": nothing, "candidates": candidates, "folds": 2, "repeats": 1}
    monkeypatch.setattr(kga, "AugmentationStudy", study)
    monkeypatch.setattr(kga, "recommend", functools.partial(kga.recommend, **options, **few))
    monkeypatch.setattr(kga, "SNGAN", functools.partial(small_gan, cls=kga.SNGAN))
    counts = [7] * 4 + [6] * 6  # one batch of 64: each program is compiled once
    train, test = (kga.datasets.take_per_class(part, counts) for part in kga.datasets.load("digits"))
    monkeypatch.setattr(kga.datasets, "load", lambda name: (train, test))
    classifier = functools.partial(kga.networks.classifier.classifier, width=4)
    monkeypatch.setattr(kga.networks.classifier, "classifier", classifier)
    monkeypatch.setattr(kga, "gan_augment", functools.partial(kga.gan_augment, bank_size=256))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    blocks, names = python_blocks(README), {}
    assert len(blocks) >= 3 and ".shuffle(" in blocks[0]
    for block in blocks:
        exec(re.sub(r"epochs=\d+", "epochs=1", block), names)
    labels = np.arange(8)
    for given in (names["train"], names["test"]):
        images, _ = next(given.batch(8).as_numpy_iterator())
        assert names["augmented"].predict(images, verbose=0).shape == (8, 10)
    images, _ = names["gan_augment"](np.zeros([8, 28, 28, 1], "uint8"), labels)
    assert (images.numpy() != 0).any((1, 2, 3)).sum() == 2
    assert set(names["report"].arms) == {"nothing", "gan"}
    assert {"best", "digits", "report.html", "study"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_the_page_on_when_a_gan_helps_runs(tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="the study needs it")
    rng, two = np.random.default_rng(0), small_gan(num_classes=2)
    images, classes, styles = rng.integers(0, 256, [160, 8, 8, 1], "uint8"), np.arange(160) % 10, np.arange(160) // 10 % 4
    rows = np.flatnonzero((classes + styles) % 4 < 2)  # each class lacks two styles
    new = tf.data.Dataset.from_tensor_slices((rng.integers(0, 256, [16, *two.image_shape], "uint8"), [2, 3] * 8)).batch(8)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    monkeypatch.setattr(kga, "StarGAN", functools.partial(kga.StarGAN, width=4))
    few = {"folds": 2, "repeats": 1, "steps": 2, "batch_size": 16, "verbose": False}
    few |= {"arms": {"nothing": kga.study.Arm()}, "candidates": {"half": kga.study.Synthetic(0.5, "keep")}}
    monkeypatch.setattr(kga, "recommend", functools.partial(kga.recommend, **few))
    monkeypatch.setattr(kga, "gan_augment", functools.partial(kga.gan_augment, bank_size=64))
    monkeypatch.chdir(tmp_path)
    for name in ("shoes", "shirts"):
        two.export(name)
    names = {"kga": kga, "keras": keras, "np": np, "tf": tf, "gan": two, "new": new, "model": model}
    names |= {"images": images[rows], "classes": classes[rows], "styles": styles[rows]}
    names["data"] = tf.data.Dataset.from_tensor_slices((images, classes)).batch(16)
    names["train"] = images[rows], np.stack([classes, styles], 1)[rows]
    for block in python_blocks(ROOT / "docs" / "when.md"):
        exec(re.sub(r"epochs=\d+", "epochs=1", block.replace("(28, 28, 1)", "(8, 8, 1)")), names)
    assert names["union"].made_classes.tolist() == [0, 5, 6, 7]
    assert all(given.shape[1:] == (8, 8, 1) for given, _ in names["data"])
    logits, labels = rng.normal(size=[20, 10]).astype("float32"), names["train"][1][:20]
    cells = np.concatenate([np.eye(10)[labels[:, 0]], 4 * labels[:, :1] + labels[:, 1:]], 1)
    groups = np.histogram2d(*names["train"][1].T, bins=[range(11), range(5)])[0]
    expected = kga.study.losses.make("balanced_softmax_by_style", None, groups=groups)(cells, logits)
    np.testing.assert_allclose(names["loss"](labels, tf.constant(logits)), expected, rtol=1e-5)
    assert "combinations of class and style have no training images" in str(names["advice"])


def test_links_between_the_documents_lead_somewhere():
    for file in (
        README,
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "results").glob("*.md"),
        *ROOT.glob("saved_models/*/README.md"),
    ):
        for target in re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8")):
            assert "://" in target or (file.parent / target).exists(), f"{file.name}: {target}"


def test_names_in_the_readme_are_there():
    for name in re.findall(r"(?:kga|keras_ganaug)((?:\.\w+)+)", README.read_text(encoding="utf-8")):
        functools.reduce(getattr, name.strip(".").split("."), kga)


def test_a_twelfth_gan_takes_one_short_file(tmp_path):
    blocks = python_blocks(EXTENDING)
    assert len(blocks[0].splitlines()) < 80
    names = {}
    for block in blocks:
        exec(block, names)
    gan = names["gan"]
    assert isinstance(gan, kga.GAN)
    images, _ = names["gan_augment"](np.zeros([4, 8, 8, 1], "uint8"), np.array([0, 1, 0, 1]))
    assert (images.numpy() != 0).any((1, 2, 3)).sum() == 1
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate([0, 1], seed=1), gan.generate([0, 1], seed=1))


def test_what_the_manual_says_may_be_changed_is_there():
    text = EXTENDING.read_text(encoding="utf-8")
    table = text[text.index("| to change") : text.index("State that")]
    for name in re.findall(r"`(\w+)\(", table):
        assert callable(getattr(kga.GAN, name)), name


def test_each_gan_is_a_short_file_that_states_what_differs():
    lines = {
        path.stem: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "keras_ganaug" / "models").glob("*.py")
    }
    assert all(lines[name] < 90 for name in ("wgan", "wgan_gp", "lsgan", "cgan", "acgan", "tacgan", "sngan", "sagan"))
