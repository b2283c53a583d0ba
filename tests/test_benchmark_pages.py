"""The pages of figures are what the benchmarks make of the figures that are kept."""

import functools
import importlib
import json
import shutil
import sys
from pathlib import Path

import keras
import pytest

import keras_ganaug as kga
from keras_ganaug.study import training

ROOT = Path(__file__).resolve().parents[1]
load, to_arrays = functools.cache(kga.datasets.load), functools.cache(kga.datasets.to_arrays)
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def benchmark(monkeypatch):
    """A function that imports a script of `benchmarks/`."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    return importlib.import_module


def test_the_gallery(benchmark, monkeypatch, tmp_path):
    gallery = benchmark("gallery")
    shutil.copytree(ROOT / "results" / "gallery", tmp_path / "gallery", ignore=shutil.ignore_patterns("*.png"))
    monkeypatch.setattr(gallery, "FOLDER", tmp_path / "gallery")

    def page():
        gallery.page()
        return (tmp_path / "gallery.md").read_text(encoding="utf-8")

    assert page() == (ROOT / "results" / "gallery.md").read_text(encoding="utf-8")
    shutil.rmtree(tmp_path / "gallery" / "seeds", ignore_errors=True)
    assert gallery.place("SNGAN") == "SNGAN" == Path(gallery.place("SNGAN", 10)).stem.removesuffix("_10")
    assert gallery.place("floor", 1) == "floor"
    for seed in (10, 2):
        gallery.keep(gallery.place("SNGAN", seed), json.loads((tmp_path / "gallery" / "SNGAN.json").read_text()))
    (tmp_path / "gallery" / "SNGAN.json").unlink()
    (tmp_path / "gallery" / "CGAN.json").unlink()
    text = page()
    assert 0 < text.index("| SNGAN, seed 2, best") < text.index("| SNGAN, seed 10, best") < text.index("seeds/SNGAN_2.png")
    assert "Not trained yet: CGAN." in text


def test_does_it_help(benchmark, tmp_path):
    page, settings = benchmark("utility_page"), benchmark("utility_settings")
    shutil.copytree(ROOT / "results" / "utility", tmp_path / "utility")
    page.write(settings.SETTINGS, tmp_path / "utility")
    assert (tmp_path / "utility.md").read_text(encoding="utf-8") == (ROOT / "results" / "utility.md").read_text(
        encoding="utf-8"
    )


@pytest.fixture
def benchmark_of_kept_results(benchmark, monkeypatch):
    """`benchmarks/utility.py`, which trains nothing, and reads each data set once."""
    utility = benchmark("utility")
    monkeypatch.setattr(training, "train", lambda *args, **kwargs: pytest.fail("a classifier was trained"))
    monkeypatch.setattr(kga.AugmentationStudy, "_tells_shared", False)  # which takes long with so many images
    monkeypatch.setattr(kga.SNGAN, "fit", lambda *args, **kwargs: pytest.fail("a GAN was trained"))
    monkeypatch.setattr(kga.datasets, "load", load)
    monkeypatch.setattr(kga.datasets, "to_arrays", to_arrays)
    return utility


@pytest.mark.skipif(not hasattr(keras.layers, "CutMix"), reason="arms of the pages need a newer Keras")
@pytest.mark.parametrize("name", ["long_tail", "step", "few_50", "few_10", "balanced", "digits_tail", "digits_10"])
def test_the_figures_of_the_pages_are_found_again(benchmark_of_kept_results, tmp_path, name):
    utility = benchmark_of_kept_results
    if utility.SETTINGS[name].dataset == "fashion_mnist" and not FASHION_MNIST.exists():
        pytest.skip("Fashion-MNIST is not installed")
    utility.KeptFigures(name, tmp_path, to_keep=False)
    for kind in ("", "_ten", "_options"):
        file = utility.FOLDER / f"{name}{kind}.json"
        if not file.exists():
            continue
        page = json.loads(file.read_text(encoding="utf-8"))
        if kind == "_options":
            study = utility.options_study(name, page["seeds"], tmp_path, next(iter(page["arms"])))
            study.arms = {arm: study.arms[arm] for arm in page["arms"]}
        else:
            study = utility.study(name, page["seeds"], tmp_path, list(page["arms"]))
        found = study.run().to_dict()["arms"]
        for arm, metrics in page["arms"].items():
            assert {metric: found[arm][metric] for metric in metrics} == metrics


def test_kept_results_are_migrated_once(benchmark):
    migrate, settings = benchmark("migrate_kept"), "(0=({}synthetic={}), 1=2000, 2=64)"
    arm = "sampling='natural', transforms=(0='shift', 1='flip'), loss='focal', adjust_logits=False, resample={}, "
    synthetic = (
        "(fraction=0.5, strategy=(0=0.25, 1=0.75), weight=0.3, truncation=1.0, real_only_end=0.0, source={!r}, "
        "band=(0=0.3, 1=1.0), bank_size=8192)"
    )
    figures = {"balanced_accuracy": 0.5, "recalls": [0.25, None]}
    smote = "keras_ganaug.study.arms.smote"
    old = {
        "0/0123456789ab/gan, with a comma": settings.format(arm.format(None), synthetic.format("gan")),
        "1/0123456789ab/oracle": settings.format(arm.format(None), synthetic.format("oracle")),
        "2/0123456789ab/smote": settings.format(arm.format(smote), None),
        "3/0123456789ab/mine": settings.format(arm.format("__main__.resample"), None),
    }
    entries, left = migrate.migrated({k: {"settings": v, "figures": figures} for k, v in old.items()}, "maker")
    assert left == ["3/0123456789ab/mine"]
    focal = "keras_ganaug.Arm(transforms=('shift', 'flip'), loss='focal', {}), steps=2000, batch_size=64"
    half = "synthetic=keras_ganaug.Synthetic(fraction=0.5, strategy=(0.25, 0.75), weight=0.3, {}band=(0.3, 1.0))"
    assert [entry["settings"] for entry in entries.values()] == [
        focal.format(half.format("")) + ", make_generator=maker",
        focal.format(half.format("source='oracle', ")),
        focal.format("resample=keras_ganaug.smote"),
        old["3/0123456789ab/mine"],
    ]
    assert all(entry["figures"] == figures for entry in entries.values())
    assert next(iter(entries)).split("/")[:4] == ["v2", "0", "0123456789ab", "gan, with a comma"]
    assert migrate.migrated(entries, "maker") == (entries, left)
    kept = sorted(migrate.KEPT.glob("*.json"))
    assert len(kept) == 28
    for file in kept:  # those of the repository are migrated, and JSON
        assert all(key.startswith("v2/") for key in json.loads(file.read_text(), parse_constant=pytest.fail))
