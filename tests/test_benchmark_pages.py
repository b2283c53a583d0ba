"""The pages of figures are what the benchmarks make of the figures that are kept."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """A function that imports a script of `benchmarks/`."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    return importlib.import_module


def test_the_gallery(benchmark, monkeypatch, tmp_path):
    gallery = benchmark("gallery")
    shutil.copytree(ROOT / "docs" / "gallery", tmp_path / "gallery", ignore=shutil.ignore_patterns("*.png"))
    monkeypatch.setattr(gallery, "FOLDER", tmp_path / "gallery")

    def page():
        gallery.page()
        return (tmp_path / "gallery.md").read_text(encoding="utf-8")

    assert page() == (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
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
    shutil.copytree(ROOT / "docs" / "utility", tmp_path / "utility")
    page.write(settings.SETTINGS, tmp_path / "utility")
    assert (tmp_path / "utility.md").read_text(encoding="utf-8") == (ROOT / "docs" / "utility.md").read_text(
        encoding="utf-8"
    )
