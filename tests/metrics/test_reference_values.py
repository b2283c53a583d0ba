"""Metrics of features equal those of torch-fidelity and prdc, and are sensible for inputs that are hardly enough."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_ganaug import metrics

pytest.importorskip("sklearn", reason="nearest neighbours need it")
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
REFERENCE = json.loads((FIXTURES / "reference_values.json").read_text())["values"]
RNG = np.random.default_rng(0)


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(FIXTURES), *sys.path])
    import reference_values

    return reference_values


def of(real, fake, k=3):
    """All metrics of two sets of features."""
    made = metrics.precision_recall_density_coverage(real, fake, k)
    return {"frechet": metrics.frechet_distance(real, fake), "kernel": metrics.kernel_distance(real, fake, 1, 10**6), **made}


@pytest.mark.parametrize("name", REFERENCE)
def test_values_are_those_of_other_libraries(reference, name):
    assert REFERENCE.keys() == reference.CASES.keys()
    made = of(*reference.features(name), reference.K)
    for metric, expected in REFERENCE[name].items():
        assert made[metric] == pytest.approx(expected, rel=1e-6), metric


@pytest.mark.parametrize("name", REFERENCE)
def test_features_of_single_precision_have_the_same_values(reference, name):
    real, fake = reference.features(name)
    made = of(real.astype("float32"), fake.astype("float32"), reference.K)
    for metric, expected in REFERENCE[name].items():
        assert made[metric] == pytest.approx(expected, rel=1e-4), metric


ODD = {
    "two images": (RNG.normal(size=[2, 5]), RNG.normal(size=[2, 5])),
    "fewer images than features": (RNG.normal(size=[3, 500]), RNG.normal(size=[4, 500])),
    "constant images": (np.ones([9, 4]), np.full([9, 4], 3.0)),
    "constant features beside others": (np.c_[RNG.normal(size=[30, 2]), np.ones([30, 2])], RNG.normal(size=[30, 4])),
    "equal features": (np.tile(RNG.normal(size=[6, 3]), [5, 1]),) * 2,
    "huge features": (1e6 * RNG.normal(size=[20, 3]), 1e6 * RNG.normal(size=[20, 3])),
    "tiny features": (1e-9 * RNG.normal(size=[20, 3]), 1e-9 * RNG.normal(size=[20, 3])),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_features_have_finite_values(name):
    real, fake = ODD[name]
    made = of(real, fake, k=1)
    assert all(isinstance(value, float) and np.isfinite(value) for value in made.values())
    assert made["frechet"] >= 0
    assert all(0 <= made[metric] <= 1 for metric in ("precision", "recall", "coverage"))
    assert made["density"] >= 0


def test_distances_do_not_depend_on_the_batch_size():
    model, images = metrics.random_features((8, 8, 1), seed=1).model, RNG.uniform(0, 255, [2, 90, 8, 8, 1])
    made = [of(*map(metrics.Features(model, "random", batch_size), images)) for batch_size in (7, 90, 1000)]
    for metric, value in made[0].items():
        assert [each[metric] for each in made] == pytest.approx([value] * 3, rel=1e-4)


def test_known_values():
    real = RNG.normal(size=[40, 6])
    assert metrics.frechet_distance(real, real) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(real, real + 2.0) == pytest.approx(6 * 4.0)
    assert metrics.frechet_distance(*ODD["constant images"]) == pytest.approx(4 * 4.0)
    assert of(real, real)["coverage"] == of(real, real)["precision"] == of(real, real)["recall"] == 1


@pytest.mark.parametrize("metric", [metrics.frechet_distance, metrics.kernel_distance])
@pytest.mark.parametrize("number", [0, 1])
def test_too_few_images_are_refused(metric, number):
    with pytest.raises(ValueError, match=r"at least (two|2)"):
        metric(RNG.normal(size=[number, 4]), RNG.normal(size=[9, 4]))


def test_too_few_neighbours_are_refused():
    with pytest.raises(ValueError, match="`k` must be below the number of features"):
        metrics.precision_recall_density_coverage(RNG.normal(size=[3, 4]), RNG.normal(size=[9, 4]), k=3)
