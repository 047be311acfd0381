"""A family in a separate package, and a card in a user's folder, work end to end once installed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the plugin is installed, in a folder of its own."""
    for needed in ("pip", "hatchling"):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(folder), str(PLUGIN)], check=True)
    return {**os.environ, "PYTHONPATH": str(folder)}


def tokeff(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from tokeff.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_plugin_measures(installed: dict[str, str], tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.txt").write_text("one two three four " * (number + 1))
    cards = str(PLUGIN / "cards")
    result = tokeff(installed, "profile", str(tmp_path), "-t", "words-1k", "--cards", cards, "--json")
    assert result.returncode == 0, result.stderr
    (measured,) = json.loads(result.stdout)["measurements"]
    assert measured["n_tokens"] == 4 * sum(range(1, 13))
    assert measured["vocab_size"] == 1024
    assert measured["ci"]["bytes_per_token"]["value"] == pytest.approx(19 / 4)


def test_its_specification_works_without_a_card(installed: dict[str, str]) -> None:
    result = tokeff(installed, "tokenizers", "show", "words:?buckets=7")
    assert result.returncode == 0, result.stderr
    assert "7" in result.stdout


def test_without_the_package_the_card_is_refused_by_name() -> None:
    result = tokeff(dict(os.environ), "tokenizers", "list", "--cards", str(PLUGIN / "cards"))
    assert result.returncode == 1
    assert "words-1k.toml: family: unknown text family; got words" in result.stderr
    assert "Traceback" not in result.stderr
