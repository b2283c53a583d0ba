"""`benchmarks/speed.py`: turns, the watch, the page, and a short run."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from keras_ganaug import _compat

NO_TORCH = "PyTorch is not installed: it comes with the extra `benchmarks`"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))


def test_all_are_timed_in_turns():
    from turns import Contender, compare

    calls = []

    def named(name, times):
        return lambda: Contender(lambda: calls.append(name), times, lambda: calls.append(f"{name} is waited for"))

    def broken():
        raise RuntimeError("no compiler\nand more")

    results = compare({"a": named("a", 1), "broken": broken, "b": named("b", 2)}, 2, lambda: calls.append("look"))
    warm = [each for name in "ab" for each in (name, name, f"{name} is waited for")]
    one_round = ["look", "a", "a is waited for", "b", "b", "b is waited for"]
    assert calls == [*warm, *one_round, *one_round, "look"]
    assert list(results) == ["a", "broken", "b"] and results["broken"] == {"error": "RuntimeError: no compiler"}
    assert len(results["b"]["rounds_ms"]) == 2 and results["b"]["ms"] >= 0


@pytest.mark.parametrize(
    ("seconds", "spread", "quiet"),
    [([1.0, 1.0, 1.01, 1.0], 0.01, True), ([1.0, 1.2, 1.0, 1.0], 0.2, False)],
)
def test_a_product_that_varies_is_noise(monkeypatch, seconds, spread, quiet):
    import quiet as module

    monkeypatch.setattr(module, "processor_seconds", lambda: None)
    given = iter([9.0, *(each for value in seconds for each in (3.0, value))])  # the first does not count
    watch = module.Watch(lambda: next(given), times=2)
    assert [watch.look() for _ in seconds] == seconds  # the fastest counts
    report = watch.report()
    assert report["product_spread"] == pytest.approx(spread) and report["quiet"] is quiet
    assert ("not quiet" in module.words(report)) is not quiet
    json.dumps(report)


def test_work_of_others_is_noise(monkeypatch):
    import quiet as module

    busy, own, clock = iter([(100.0, 0.0), (130.0, 1.0)]), iter([10.0, 25.0]), iter([0.0, 50.0])
    monkeypatch.setattr(module, "processor_seconds", lambda: next(busy))
    monkeypatch.setattr(module, "own_seconds", lambda: next(own))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    watch = module.Watch(lambda: 1.0)
    watch.look()
    report = watch.report()
    # 30 seconds of work in 100, 15 of them our own.
    assert (report["share_of_others"], report["share_stolen"], report["quiet"]) == (0.15, 0.01, False)
    assert "took 15.0% of" in module.words(report)


def case(contenders, **more):
    return {"image_shape": [8, 8, 3], "batch": 4, "contenders": contenders, **more}


def test_the_page_tells_which_goals_are_met():
    import speed_page

    machine = {"quiet": True, "product_spread": 0.01, "share_of_others": 0.0}
    times = {
        "keras_ganaug, XLA": {"ms": 10.0},
        "PyTorch, eager": {"ms": 12.0},
        "PyTorch, compiled": {"error": "no compiler"},
    }
    of_gan = {"contenders": times, "times_as_fast": {"PyTorch": 1.2}, "share_of_peak": 0.75}
    cases = {
        "SNGAN 28": {"image_shape": [28, 28, 1], "width": 4, "batch": 4, "precisions": {"float32": of_gan}},
        "map 32": case({"plain": {"ms": 1.0}, "gan_augment": {"ms": 2.0}, "MixUp": {"ms": 4.0}, "CutMix": {"error": "no"}}),
        "ResNet-50 64": case(
            {"plain step": {"ms": 100.0}, "AugmentedModel": {"ms": 120.0}, "plain step, mapped": {"ms": 101.0}}
        ),
    }
    cases = {name: {**each, "machine": machine} for name, each in cases.items()}
    cases["map 32"]["machine"] = {**machine, "quiet": False}
    of_machine = {"processor": "P", "processors": 2, "tensorflow": "2", "keras": "3", "torch": None}
    page = speed_page.page({"machine": of_machine, "settings": {"rounds": 5, "tiny": None}, "cases": cases})
    rows = {cells[0]: cells[1:] for cells in ([c.strip() for c in line.strip("|").split("|")] for line in page.splitlines())}
    assert rows["float32: 1.3 times as fast as PyTorch's best"] == ["SNGAN 28: 1.20", "no"]
    assert rows["float32: 70% of the matrix product's peak"] == ["SNGAN 28: 75%", "yes"]
    assert rows["The map takes less than MixUp"] == ["map 32: 0.50 of its time", "yes"]
    assert rows["`AugmentedModel` takes at most 10% longer"] == ["ResNet-50 64: +20.0%", "no"]
    assert rows["The map takes at most 2% of a classifier's step"] == ["ResNet-50 64: +1.0%", "yes"]
    assert rows["SNGAN 28, width 4, batch 4"] == ["10", "12", "no compiler", "1.20", "", "75%"]
    assert rows["4 of 8×8×3"] == ["1", "2", "4", "no"]
    assert rows["ResNet-50, 4 of 8×8×3"] == ["100", "120", "1.20", "101", "1.01"]
    assert "not quiet for 1 of 3 cases" in page


def short(tmp_path, *cases):
    import speed

    file = tmp_path / "speed.json"
    sizes = ["--tiny", "8,4,4", "--rounds", "1", "--steps", "1", "--batches", "1", "--classifier-steps", "1"]
    speed.main(["--json", str(file), "--product", "64", *sizes, "--precisions", "float32", "--cases", *cases])
    assert "its times mean nothing" in file.with_suffix(".md").read_text(encoding="utf-8")
    return json.loads(file.read_text())["cases"]


@pytest.mark.long
def test_a_short_run_of_the_maps(tmp_path):
    of = short(tmp_path, "map 64")
    times = of["map 64"]["contenders"]
    assert list(times) == ["plain", "gan_augment", "MixUp", "CutMix", "RandAugment"]
    assert all(times[name]["ms"] > 0 for name in ("plain", "gan_augment", "MixUp", "CutMix"))


@pytest.mark.long
def test_a_short_run_of_a_gan(tmp_path, monkeypatch):
    torch = sys.modules.get("torch")
    if importlib.util.find_spec("torch"):
        import torch

        monkeypatch.setattr(torch, "compile", lambda function: function)  # it takes a minute
    of = short(tmp_path, "sngan 64")["SNGAN 64"]
    of_float32 = of["precisions"]["float32"]
    names = ["keras_ganaug, graph", "textbook Keras, graph", "keras_ganaug, XLA", "textbook Keras, XLA"]
    names += ["PyTorch, eager", "PyTorch, channels last", "PyTorch, compiled"] if torch else []
    assert list(of_float32["contenders"]) == names
    assert all(each.get("ms", 0) > 0 for each in of_float32["contenders"].values()), of_float32
    assert ("PyTorch" in of_float32["times_as_fast"]) is ("share_of_peak" in of_float32) is bool(torch)


@pytest.mark.skipif(not _compat.KERAS_3, reason="the benchmark needs Keras 3")
@pytest.mark.parametrize("name", ["SNGAN", "StyleGAN", "StarGAN"])
def test_the_textbook_s_networks_compute_the_same(name):
    import keras
    import numpy as np
    import textbook

    import keras_ganaug as kga

    gan = getattr(kga, name)((8, 8, 1), 2, width=4, seed=1)
    copy = textbook.copy_of(gan.generator)
    copy.set_weights(gan.generator.get_weights())
    rng, labels = np.random.default_rng(0), np.arange(4, dtype="int32") % 2
    inputs = [rng.normal(size=[4, gan.latent_dim]).astype("float32"), labels]
    inputs = [rng.normal(size=[4, 8, 8, 1]).astype("float32"), *inputs] if name == "StarGAN" else inputs
    assert np.allclose(gan.generator(inputs), copy(inputs), atol=1e-5)
    own = {type(layer) for layer in textbook.copy_of(gan.discriminator)._flatten_layers()}
    assert kga.layers.SpectralNormalization not in own
    assert (keras.layers.SpectralNormalization in own) is (name != "StyleGAN")
    # Keras has no layer with an equalised learning rate.
    assert any(isinstance(layer, kga.layers.UpsampleConv2D) for layer in copy._flatten_layers()) is (name == "StyleGAN")


def test_cases_are_chosen_by_the_start_of_their_names():
    import speed

    assert speed.chosen(["sngan", "map 32"]) == ["SNGAN 28", "SNGAN 64", "SNGAN 128", "map 32"]
    assert speed.chosen([""]) == list(speed.CASES)
    with pytest.raises(SystemExit, match="Received: CGAN"):
        speed.chosen(["CGAN"])
