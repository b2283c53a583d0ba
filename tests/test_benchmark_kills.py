"""Real kills: `benchmarks/kills.py`, with few of them."""

import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "kills.py"


@pytest.mark.long
def test_a_process_that_is_killed_goes_on_to_the_same_bits():
    """Once at a random moment, and once while a backup is written."""
    command = [sys.executable, FILE, "--models", "SNGAN", "--kills", "2", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.stdout.splitlines()[-1:] == ["SNGAN: 1 kills at random moments, 1 while files changed: equal=True"], (
        done.stderr
    )
    assert done.returncode == 0
