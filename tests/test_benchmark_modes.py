"""`benchmarks/modes.py`: PacGAN's mixtures of Gaussians."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def modes(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import modes

    yield modes
    sys.modules.pop("modes", None)


@pytest.mark.parametrize(("name", "most"), [("ring", 8), ("grid", 25)])
def test_points_of_the_mixture_find_all_modes_and_as_many_are_good_as_chi_square_says(modes, name, most):
    measured = modes.measure(name, modes.points(name, 20_000, seed=3))
    assert measured["modes"] == most
    assert measured["good"] == pytest.approx(1 - np.exp(-(3**2) / 2), abs=0.004)  # of two normal numbers


def test_what_is_not_good_finds_no_mode(modes):
    assert modes.measure("grid", [[0, 0.149], [0, 0.151], [2, 2], [9, 9]]) == {"modes": 2, "good": 0.5}


def test_networks_are_those_of_the_paper(modes):
    own = modes.networks(0, deviation=False)
    hidden = 2 * 400 + 3 * 400 * 400 + 4 * 4 * 400  # without biases; four numbers for each normalised unit
    assert own["generator"].count_params() == hidden + 400 * 2 + 2
    assert own["discriminator"].count_params() == (2 + 1) * 1000 + 2 * (200 + 1) * 1000 + 201
    x = np.random.default_rng(0).normal(size=[3, 1, 1, 2]).astype("float32")
    dense = [layer for layer in own["discriminator"].layers if layer.name.startswith("dense")]
    h = 5 * x.reshape(3, 2)
    for layer in dense[:-1]:
        kernel, bias = layer.get_weights()
        h = (h @ kernel + bias).reshape(3, 200, 5).max(2)
    kernel, bias = dense[-1].get_weights()
    np.testing.assert_allclose(own["discriminator"](x), h @ kernel + bias, rtol=1e-4, atol=1e-7)


def test_the_spread_is_a_standard_error(modes):
    assert modes.spread([1.0, 2.0, 3.0]) == "2.0 ± 0.6" and modes.spread([1.0]) == "1.0"


@pytest.mark.long
def test_a_short_run_is_kept_and_read(modes, tmp_path):
    arguments = [
        "--data",
        "ring",
        "--seeds",
        "0",
        "--steps",
        "200",
        "--work",
        str(tmp_path),
        "--json",
        str(tmp_path / "m.json"),
    ]
    first = modes.main(arguments)
    assert set(first["results"]["ring"]) == set(modes.METHODS)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/samples.npy")}
    assert len(files) == 3 and modes.main(arguments) == first
    assert files == {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/samples.npy")}
    page = (tmp_path / "m.md").read_text(encoding="utf-8")
    assert "*published: GAN*" in page and "in 200 steps" in page and (tmp_path / "m.png").exists()
