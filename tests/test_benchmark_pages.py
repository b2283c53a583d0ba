"""The pages of results hold what the benchmarks make of the results on disk; the words around the tables are free."""

import functools
import importlib
import json
import re
import shutil
import sys
from pathlib import Path

import keras
import pytest

import keras_ganaug as kga
from keras_ganaug import _watch
from keras_ganaug.study import training
from keras_ganaug.study.results import Results

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
load, to_arrays = functools.cache(kga.datasets.load), functools.cache(kga.datasets.to_arrays)
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def benchmark(monkeypatch):
    """A function that imports a script of `benchmarks/`."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    return importlib.import_module


def rows(page):
    """The rows of the tables of a page, and its pictures."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith(("|", "!["))]


def test_the_gallery(benchmark, monkeypatch, tmp_path):
    gallery = benchmark("gallery")
    (tmp_path / "gallery").mkdir()
    shutil.copy(RESULTS / "gallery" / "results.json", tmp_path / "gallery")
    monkeypatch.setattr(gallery, "FOLDER", tmp_path / "gallery")
    gallery.page()
    page = tmp_path / "gallery.md"
    assert rows(page) == rows(RESULTS / "gallery.md")
    by_name = {row[0].partition(",")[0]: row for row in rows(page)}
    untrained = {*gallery.RUNS} & {"R3GAN", "ReACGAN"} - by_name.keys()
    assert by_name.keys() >= {*gallery.RUNS, *gallery.REFERENCES} - untrained
    entries = Results(RESULTS / "gallery" / "results.json").read()
    for name in ("CGAN", "real"):
        [results] = [entry["results"] for each, entry in entries.items() if each.startswith(f"v2/0/fashion_mnist/{name}/")]
        metrics = results.get("best", results)
        assert by_name[name][2:4] == [f"{metrics['frechet']:.2f}", f"{1000 * metrics['kernel']:.2f}"]
    assert gallery.place("SNGAN") == "SNGAN" == Path(gallery.place("SNGAN", 10)).stem.removesuffix("_10")
    settings = gallery.settings_of("SNGAN")
    results = entries[gallery.key(0, gallery.DATA, "SNGAN", settings)]["results"]
    for seed in (10, 2):
        gallery.store().record(gallery.key(seed, gallery.DATA, "SNGAN", settings), settings, results)
    monkeypatch.setitem(gallery.RUNS, "CGAN", gallery.RUNS["CGAN"]._replace(steps=1))  # other settings are other results
    gallery.page()
    text = page.read_text(encoding="utf-8")
    assert 0 < text.index("| SNGAN, best") < text.index("| SNGAN, seed 2, best") < text.index("| SNGAN, seed 10, best")
    assert "seeds/SNGAN_2.png" in text
    assert f"Not trained yet: {', '.join(name for name in gallery.RUNS if name in {'CGAN', *untrained})}." in text
    assert "| CGAN" not in text


def test_the_ablations(benchmark, monkeypatch, tmp_path):
    ablation = benchmark("ablation")
    shutil.copy(RESULTS / "ablations.json", tmp_path)
    monkeypatch.setattr(ablation, "STORE", Results(tmp_path / "ablations.json"))
    ablation.page()
    page = tmp_path / "ablations.md"
    assert rows(page) == rows(RESULTS / "ablations.md")
    kernels = [
        f"{1000 * entry['results']['kernel']:.1f}"
        for each, entry in Results(RESULTS / "ablations.json").read().items()
        if "/few/+ DiffAugment/" in each
    ]
    [row] = [row for row in rows(page) if row[0] == "+ DiffAugment"]
    assert re.findall(r"\((.*)\)", row[2]) == [", ".join(kernels)]


def test_does_it_help(benchmark, tmp_path):
    page, settings = benchmark("utility_page"), benchmark("utility_settings")
    shutil.copytree(RESULTS / "utility", tmp_path / "utility")
    page.write(settings.SETTINGS, tmp_path / "utility")
    assert rows(tmp_path / "utility.md") == rows(RESULTS / "utility.md")
    shares = json.loads((RESULTS / "utility" / "few_10.json").read_text())["arms"]["cutmix"]["balanced_accuracy"]
    [row] = [row for row in rows(RESULTS / "utility.md") if row[:2] == ["few_10", "3"]]
    assert row[2].startswith(f"{100 * sum(shares) / 3:.1f} ± ")


def test_where_a_generator_knows_more(benchmark, tmp_path):
    page = benchmark("transfer_page")
    shutil.copytree(RESULTS / "transfer", tmp_path / "transfer")
    page.write(tmp_path / "transfer")
    assert rows(tmp_path / "transfer.md") == rows(RESULTS / "transfer.md")
    shutil.copy(ROOT / "README.md", tmp_path)
    page.write_summary(tmp_path / "README.md", page.read(tmp_path / "transfer"))
    assert rows(tmp_path / "README.md") == rows(ROOT / "README.md")
    assert len(rows(ROOT / "README.md")) > 2
    settings = benchmark("transfer").SETTINGS.keys() | benchmark("transfer_cells").SETTINGS.keys()
    assert page.SETTINGS.keys() == settings
    files = {file.stem for file in (RESULTS / "transfer").glob("*.json")}
    assert files <= settings
    for name in files:
        arms = json.loads((RESULTS / "transfer" / f"{name}.json").read_text())["arms"]
        shares = arms["gan"]["balanced_accuracy"] if "gan" in arms else arms["translation + fourier"]["unseen_cells"]
        each = ", ".join(f"{100 * share:.1f}" for share in shares)
        assert any(row[-1] == each for row in rows(RESULTS / "transfer.md"))


@pytest.fixture
def benchmark_of_stored_results(benchmark, monkeypatch):
    """`benchmarks/utility.py`, which trains nothing, and reads each data set once."""
    utility = benchmark("utility")
    monkeypatch.setattr(training, "train", lambda *args, **kwargs: pytest.fail("a classifier was trained"))
    monkeypatch.setattr(kga.SNGAN, "fit", lambda *args, **kwargs: pytest.fail("a GAN was trained"))
    monkeypatch.setattr(kga.datasets, "load", load)
    monkeypatch.setattr(kga.datasets, "to_arrays", to_arrays)
    with _watch.telling_once():
        _watch.first("shared")  # which takes long with so many images
        yield utility


@pytest.mark.skipif(not hasattr(keras.layers, "CutMix"), reason="arms of the pages need a newer Keras")
@pytest.mark.parametrize("name", ["long_tail", "step", "few_50", "few_10", "balanced", "digits_tail", "digits_10"])
def test_the_results_of_the_pages_are_found_again(benchmark_of_stored_results, tmp_path, name):
    utility = benchmark_of_stored_results
    if utility.SETTINGS[name].dataset == "fashion_mnist" and not FASHION_MNIST.exists():
        pytest.skip("Fashion-MNIST is not installed")
    utility.restore(name, tmp_path)
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
        found = study.run().to_dict()
        assert found["kinds"] == page["kinds"]
        for arm, metrics in page["arms"].items():
            assert {metric: found["arms"][arm][metric] for metric in metrics} == metrics


def test_results_of_before_are_migrated_once(benchmark):
    migrate, settings = benchmark("migrate_results"), "(0=({}synthetic={}), 1=2000, 2=64)"
    arm = "sampling='natural', transforms=(0='shift', 1='flip'), loss='focal', adjust_logits=False, resample={}, "
    synthetic = (
        "(fraction=0.5, strategy=(0=0.25, 1=0.75), weight=0.3, truncation=1.0, real_only_end=0.0, source={!r}, "
        "band=(0=0.3, 1=1.0), bank_size=8192)"
    )
    results = {"balanced_accuracy": 0.5, "recalls": [0.25, None]}
    smote = "keras_ganaug.study.arms.smote"
    old = {
        "0/0123456789ab/gan, with a comma": settings.format(arm.format(None), synthetic.format("gan")),
        "1/0123456789ab/oracle": settings.format(arm.format(None), synthetic.format("oracle")),
        "2/0123456789ab/smote": settings.format(arm.format(smote), None),
        "3/0123456789ab/mine": settings.format(arm.format("__main__.resample"), None),
    }
    entries, remaining = migrate.migrated({k: {"settings": v, "results": results} for k, v in old.items()}, "maker")
    assert remaining == ["3/0123456789ab/mine"]
    focal = "keras_ganaug.Arm(transforms=('shift', 'flip'), loss='focal', {}), steps=2000, batch_size=64"
    half = "synthetic=keras_ganaug.Synthetic(fraction=0.5, strategy=(0.25, 0.75), weight=0.3, {}band=(0.3, 1.0))"
    assert [entry["settings"] for entry in entries.values()] == [
        focal.format(half.format("")) + ", make_generator=maker",
        focal.format(half.format("source='oracle', ")),
        focal.format("resample=keras_ganaug.smote"),
        old["3/0123456789ab/mine"],
    ]
    assert all(entry["results"] == results for entry in entries.values())
    assert next(iter(entries)).split("/")[:4] == ["v2", "0", "0123456789ab", "gan, with a comma"]
    assert migrate.migrated(entries, "maker") == (entries, remaining)


def test_stored_results_are_of_today():
    """Each file of the repository has keys with a version, `results`, and no NaN, which JSON does not have."""
    stores = [RESULTS / "gallery" / "results.json", RESULTS / "ablations.json"]
    kept = sorted((RESULTS / "utility" / "kept").glob("*.json"))
    stores += [*kept, *sorted((RESULTS / "transfer" / "kept").glob("*.json"))]
    assert len(kept) == 28
    for file in stores:
        entries = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
        assert all(each.startswith("v2/") and entry.keys() == {"settings", "results"} for each, entry in entries.items())
