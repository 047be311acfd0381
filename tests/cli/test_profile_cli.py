"""The real command on real files: what it prints, how it ends, what it leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from tokeff.cli import main; main()"]


def tokeff(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(11):
        (folder / f"{number}.txt").write_text(f"Text number {number}, and a few words more. " * (number + 1))
    return folder


def test_a_table_of_at_most_100_columns_without_colour_when_piped(corpus: Path, tmp_path: Path) -> None:
    result = tokeff("profile", corpus, "-t", "tekken", "-t", "bytes", "-o", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "text tekken 11" in " ".join(result.stdout.split())
    assert result.stderr == ""
    for name in ("run.json", "measurements.json", "items.parquet", "errors.jsonl", "report.html"):
        assert (tmp_path / "run" / name).is_file()


def test_json_is_that_of_the_run_directory(corpus: Path, tmp_path: Path) -> None:
    result = tokeff("profile", corpus, "-t", "bytes", "--json", "-o", tmp_path / "run")
    (printed,) = json.loads(result.stdout)["measurements"]
    (kept,) = json.loads((tmp_path / "run" / "measurements.json").read_text())["measurements"]
    for each in (printed, kept):
        each.pop("throughput")
    assert printed == kept


def test_too_many_bad_items_end_with_3(corpus: Path) -> None:
    for number in range(3):
        (corpus / f"bad{number}.txt").write_bytes(b"\xff\xfe\xfd" * 50)
    result = tokeff("profile", corpus, "-t", "bytes")
    assert result.returncode == 3
    assert "3 of 14 items could not be measured" in result.stderr
    assert "not_utf8" in result.stdout
    assert "Nothing was kept. -o RUN keeps the run, with report.html" in result.stdout
    assert tokeff("profile", corpus, "-t", "bytes", "--max-error-rate", "0.5").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("profile", "CORPUS", "-t", "teken"), 1, "Did you mean tekken"),
        (("profile", "CORPUS", "-t", "bytes", "--unit", "page"), 1, "expected one of file, line, paragraph"),
        (("profile", "CORPUS", "--device", "tpu"), 1, "expected one of auto, cpu, cuda"),
        (("profile", "CORPUS", "-t", "bytes", "-o", "CORPUS"), 1, "the output directory holds other files"),
        (("profile", "CORPUS/none"), 1, "none"),
        (("profile",), 2, "PATH"),
        (("score", "CORPUS", "CORPUS/none"), 1, "there is no folder here"),
        (("tokenizers", "show", "gtp2"), 1, "Did you mean gpt2"),
    ],
)
def test_refusals_are_one_message(corpus: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = tokeff(*(argument.replace("CORPUS", str(corpus)) for argument in arguments))
    assert result.returncode == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_scores_of_a_folder_with_itself(corpus: Path) -> None:
    result = tokeff("score", corpus, corpus, "--json")
    assert result.returncode == 0, result.stderr
    (score,) = json.loads(result.stdout)["scores"]
    assert (score["n_items"], score["reconstruction"]["entropy_bits_per_byte"]) == (11, 0.0)


def test_doctor_says_what_is_missing_and_how_to_get_it() -> None:
    result = tokeff("doctor")
    assert result.returncode == 0, result.stderr
    for part in ("torch", "libx264", "tekken", "$TOKEFF_ARTEFACTS"):
        assert part in result.stdout
