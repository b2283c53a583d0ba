"""`benchmarks/memory.py`: what it calls a rise, and a short run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def memory(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import memory

    return memory


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([(60, 100), (290, 400), (310, 400), (1800, 400)], 0.0),
        ([(60, 100), (290, 400), (310, 380), (1000, 440), (1800, 390)], 0.1),
        ([(60, 500), (290, 400), (310, 400), (1800, 450)], -0.1),
        ([(400, 200), (1800, 230)], 0.15),
    ],
)
def test_a_rise_is_the_most_after_the_start_by_the_most_before(memory, curve, expected):
    assert memory.rise(curve, 30) == pytest.approx(expected)


@pytest.mark.long
def test_a_short_run(tmp_path):
    file = tmp_path / "memory.json"
    command = [sys.executable, FOLDER / "memory.py", "--minutes", "0.4", "--steps", "2", "--json", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    curve = json.loads(file.read_text())["curve"]
    assert done.stdout.splitlines()[0].startswith("round    1") and len(curve) >= 2, done.stderr
    assert curve[-1][0] > 0.4 * 60 and (len(curve) == 2 or curve[-2][0] <= 0.4 * 60)  # a slow machine still makes two rounds
    assert min(each for _, each in curve) > 100
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
