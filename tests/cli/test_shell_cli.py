"""What a shell sees: completion in a real bash, help with examples in 80 columns, no colour in a pipe, JSON."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tokeff.cli.app import app

BIN = Path(sys.executable).parent
COMMANDS = (
    "profile", "report", "compare", "score", "plan", "doctor",
    "laws list", "laws show", "laws predict", "laws fit", "laws representation",
    "tokenizers list", "tokenizers show", "tokenizers check", "validate",
    "tokenizers train fsq-image", "tokenizers train rvq-audio", "tokenizers train bpe",
)  # fmt: skip
ASK = """
eval "$(tokeff --show-completion bash)"
complete -p tokeff >/dev/null || exit 1
ask() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _tokeff_completion tokeff
  echo "${COMPREPLY[*]}" | tr '\\n' ' '; echo
}
ask tokeff pl
ask tokeff laws s
ask tokeff plan --comp
ask tokeff laws show hoff
"""
CARD = """
schema = "tokeff.card/1"
name = "wrong"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home of its own, and `tokeff` on the path."""
    if not shutil.which("bash"):
        pytest.skip("no bash")
    if not (BIN / "tokeff").is_file():
        pytest.skip("tokeff is not installed beside this Python")
    return {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        "TERM": "xterm-256color",
    }


def test_bash_completes_commands_options_and_laws(environment: dict[str, str]) -> None:
    done = subprocess.run(["bash", "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert [line.strip() for line in done.stdout.splitlines()] == ["plan", "show", "--compute-flops", "hoffmann-2022"]


def test_completion_is_installed_where_bash_reads_it(environment: dict[str, str]) -> None:
    subprocess.run(["tokeff", "--install-completion", "bash"], env=environment, capture_output=True, check=True)
    loaded = "source ~/.bashrc && complete -p tokeff"
    done = subprocess.run(["bash", "-c", loaded], env=environment, capture_output=True, text=True, check=True)
    assert "_tokeff_completion" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_fits_80_columns(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert f"tokeff {command}" in result.output.partition("Examples:")[2]
    assert max(map(len, result.output.splitlines())) <= 80


def test_no_colour_in_a_pipe(environment: dict[str, str]) -> None:
    for words in (["laws", "list"], ["tokenizers", "list"], ["tokenizers", "show", "qwen2-vl"]):
        done = subprocess.run(["tokeff", *words], env=environment, capture_output=True, text=True, check=True)
        assert "\x1b" not in done.stdout
        assert done.stdout.count("\n") > 5


def test_problems_of_cards_as_json(tmp_path: Path) -> None:
    good = CliRunner().invoke(app, ["tokenizers", "check", "--json"])
    assert good.exit_code == 0
    assert json.loads(good.output)["problems"] == []
    (tmp_path / "wrong.toml").write_text(CARD, encoding="utf-8")
    bad = CliRunner().invoke(app, ["tokenizers", "check", str(tmp_path / "wrong.toml"), "--json"])
    assert bad.exit_code == 1
    problems = json.loads(bad.output)["problems"]
    assert len(problems) >= 2
    assert all("wrong.toml" in problem for problem in problems)


def test_a_run_is_validated_as_json(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Sums first, ratio last.")
    run = tmp_path / "run"
    arguments = ["profile", str(tmp_path / "a.txt"), "-t", "bytes", "-o", str(run), "--no-report"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    found = json.loads(CliRunner().invoke(app, ["validate", str(run), "--json"]).output)
    assert found == {"n_shards": 1, "n_items": 1, "n_errors": 0, "differences": [], "is_valid": True}
    measurements = run / "measurements.json"
    measurements.write_text(measurements.read_text().replace('"n_tokens": 23', '"n_tokens": 24'))
    result = CliRunner().invoke(app, ["validate", str(run), "--json"])
    assert result.exit_code == 1
    assert "n_tokens" in json.loads(result.output)["differences"][0]
