"""The house stands: imports go downwards only, and the contract that says so can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed beside this Python")
    return subprocess.run(
        [str(program), "--config", str(folder / "pyproject.toml"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def copied_house(folder: Path) -> Path:
    for name in ("tokeff", "tokenizers_registry"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_imports_go_downwards_only() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("tokeff/records/items.py", "tokeff.cli"),
        ("tokeff/maths/__init__.py", "tokeff.records.items"),
        ("tokeff/readers/__init__.py", "tokeff.tokenizers.registry"),
        ("tokeff/tokenizers/text/__init__.py", "tokeff.tokenizers.image"),
    ],
)
def test_an_import_that_climbs_breaks_the_contract(tmp_path: Path, low: str, high: str) -> None:
    house = copied_house(tmp_path)
    path = house / low
    path.write_text(f"{path.read_text()}\nimport {high}  # climbs\n")
    result = lint_imports(house)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout
