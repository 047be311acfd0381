"""Memory of code lengths does not grow with the signal: the peak of a process of its own, above the signals'."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "bench_code_length_memory.py"
STATED_MEGABYTES = 500
"""As in the docstring of tokeff.maths.codelength."""


@pytest.mark.parametrize("kind", ["picture", "recording"])
def test_memory_stays_below_what_is_stated(kind: str) -> None:
    command = [sys.executable, str(BENCHMARK), "--only", kind, "--megapixels", "6", "--minutes", "1"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert 0 < found["megabytes_above_signals"] < STATED_MEGABYTES
    assert found["bits"] > 0
