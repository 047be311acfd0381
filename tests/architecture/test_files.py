"""Files stay small enough to be read, and none of them speaks of a machine."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 400


def tracked(*patterns: str) -> list[Path]:
    try:
        listing = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_file_is_above_400_lines() -> None:
    long = {str(path): n for path in tracked("*.py") if (n := path.read_text("utf-8").count("\n")) > MAX_LINES}
    assert long == {}


def test_no_machine_path_is_written_down() -> None:
    machine = re.compile(r"/(work|root|home)/\w")
    found = [
        str(path) for path in tracked("*.py", "*.toml", "*.md", "*.json") if machine.search(path.read_text("utf-8"))
    ]
    assert [path for path in found if "test_files.py" not in path] == []
