"""The worked examples of the documentation run, and what it points to is there."""

import functools
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import eagerly, small_gan, small_networks

import keras_ganaug as kga
from keras_ganaug import _compat

ROOT = Path(__file__).resolve().parents[1]
README, EXTENDING = ROOT / "README.md", ROOT / "docs" / "extending.md"
pytestmark = pytest.mark.skipif(not EXTENDING.exists(), reason="the package is installed without its documentation")


def python_blocks(file):
    return re.findall(r"```python\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.usefixtures("eager")
def test_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    """Its code, with one epoch, one step of the GAN, small networks, and nothing traced or compiled but the pipelines."""
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    monkeypatch.setattr(kga, "SNGAN", functools.partial(small_gan, cls=kga.SNGAN))
    counts = [7] * 4 + [6] * 6  # one batch of 64: each program is compiled once
    train, test = (kga.datasets.take_per_class(part, counts) for part in kga.datasets.load("digits"))
    monkeypatch.setattr(kga.datasets, "load", lambda name: (train, test))
    classifier = functools.partial(kga.networks.classifier.classifier, width=4)
    monkeypatch.setattr(kga.networks.classifier, "classifier", classifier)
    monkeypatch.setattr(kga, "gan_augment", functools.partial(kga.gan_augment, bank_size=256))
    monkeypatch.chdir(tmp_path)
    blocks, names = python_blocks(README), {}
    assert ".shuffle(" in blocks[0]
    for block in blocks:
        exec(re.sub(r"(epochs|steps)=\d+", r"\1=1", block), names)
    images, labels = next(names["test"].batch(8).as_numpy_iterator())
    assert names["augmented"].predict(images, verbose=0).shape == (8, 10)
    augmented, _ = names["gan_augment"](np.zeros_like(images), labels)
    assert (augmented.numpy() != 0).any((1, 2, 3)).sum() == 2


def test_the_readme_is_short():
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) < 700
    assert "a GAN does not help" in text[: text.index("## ")]


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
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


GUIDE = ["folder", "which", "training", "doors", "rare", "elsewhere", "measure", "devices", "resume"]


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """What `start.md` leaves behind, in its folder: the other pages go on from there, and share its GANs.

    Data and networks are small, one epoch is one step, and nothing is compiled: the pages are about what is called, and
    other tests about what that does.
    """
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    folder = tmp_path_factory.mktemp("guide")
    for name in ("cat", "dog"):
        for number in range(5):
            picture = np.full([9, 12, 3], 40 * number, "uint8")
            tf.io.gfile.makedirs(str(folder / "photos" / name))
            tf.io.write_file(str(folder / "photos" / name / f"{number}.png"), tf.io.encode_png(picture))
    parts = [kga.datasets.take_per_class(part, 4) for part in kga.datasets.load("digits")]
    arms = {"nothing": kga.study.Arm(), "balanced_softmax": kga.study.Arm(loss="balanced_softmax")}
    few = {"steps": 1, "batch_size": 10, "verbose": False, "arms": arms}
    study = functools.partial(kga.AugmentationStudy, on_top_of=(), seeds=(0,), **few)
    candidates = {"a quarter of each batch": kga.study.Synthetic(0.25, bank_size=20)}
    advice = functools.partial(kga.recommend, candidates=candidates, folds=2, repeats=1, **few)
    names, signature = {}, inspect.signature(kga.fit_for)

    def fit_for(*args, **options):  # what it does takes long, and has tests of its own
        signature.bind(*args, **options)
        return names["gan"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(kga, "SNGAN", small_sngan)
        patch.setattr(kga, "fit_for", fit_for)
        patch.setattr(kga.networks.classifier, "classifier", linear_classifier)
        patch.setattr(kga, "gan_augment", functools.partial(kga.gan_augment, bank_size=20))
        patch.setattr(kga.datasets, "load", lambda name: parts)
        patch.setattr(kga, "AugmentationStudy", study)
        patch.setattr(kga, "recommend", advice)
        patch.setattr(
            kga.metrics,
            "classification_accuracy_score",
            functools.partial(kga.metrics.classification_accuracy_score, steps=1),
        )
        with eagerly():
            run("start", names)
            yield names


def small_sngan(image_shape, num_classes, make=kga.SNGAN, **options):
    """An SNGAN of a few dense layers; of several attributes, one that does not look at them."""
    if not isinstance(num_classes, dict):
        return small_gan(image_shape, num_classes, cls=make)
    networks, labels = small_networks(image_shape, None), keras.Input((len(num_classes),), dtype="int32")
    networks = {name: keras.Model([net.input, labels], net.output) for name, net in networks.items()}
    return make(image_shape, num_classes, **networks)


def linear_classifier(image_shape, num_classes, **options):
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(name="features"), keras.layers.Dense(num_classes)]
    return keras.Sequential([keras.Input(image_shape), *layers])


def run(page, names):
    """Runs the blocks of a page in order, with few epochs and steps."""
    for block in python_blocks(ROOT / "docs" / f"{page}.md"):
        block = re.sub(r"\b(epochs|steps)=\d+", r"\1=1", block).replace('{"Coat": 50}', '{"Coat": 5}')
        exec(block.replace("image_size=64", "image_size=8").replace("(64, 64, 3)", "(8, 8, 3)"), names)


@pytest.mark.slow
@pytest.mark.skipif(not _compat.KERAS_3, reason="it shows `double_checkpoint` of Keras 3")
@pytest.mark.parametrize("page", GUIDE)
def test_the_pages_of_the_guide_run(page, started):
    names = dict(started)
    run(page, names)


def test_names_in_the_readme_are_there():
    for name in re.findall(r"(?:kga|keras_ganaug)((?:\.\w+)+)", README.read_text(encoding="utf-8")):
        functools.reduce(getattr, name.strip(".").split("."), kga)


@pytest.mark.usefixtures("eager")
def test_a_gan_of_ones_own_takes_one_short_file(tmp_path):
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
    names = ("wgan", "wgan_gp", "lsgan", "cgan", "acgan", "tacgan", "sngan", "sagan", "r3gan")
    assert all(lines[name] < 90 for name in names)
