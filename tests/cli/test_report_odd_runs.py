"""Pages of runs that lack something: nothing encoded, nothing measured, a sample only."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tokeff.cli.app import app

SAMPLES = Path(__file__).parents[2] / "data_samples"


def page_of(run: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["profile", *arguments, "-o", str(run), "--max-error-rate", "1"])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return (run / "report.html").read_text()


def test_counted_from_headers(tmp_path: Path) -> None:
    text = page_of(tmp_path / "run", str(SAMPLES / "image"), "-t", "qwen2-vl", "--count-only")
    assert "page_book.png" in text  # items are rows of the run though nothing was decoded
    assert "Nothing was encoded, so there is no speed" in text
    assert "its tokens are vectors, not ids" in text


def test_a_sample(tmp_path: Path) -> None:
    text = page_of(tmp_path / "run", str(SAMPLES / "text"), "-t", "bytes", "--sample", "11")
    assert "put to a random sample of it" in text
    assert "--sample 11" in text


def test_nothing_could_be_measured(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "a.png").write_bytes((SAMPLES / "image" / "page_book.png").read_bytes()[:2000])
    text = page_of(tmp_path / "run", str(folder), "-t", "png", "--reconstruction", "off")
    assert "1 of 1 item was quarantined" in text
    assert "Not one item could be measured." in text
    assert "a.png" in text


@pytest.mark.parametrize("lacking", ["items.parquet", "errors.jsonl", "measurements.json", "run.json"])
def test_a_run_that_lost_a_file_is_refused(tmp_path: Path, lacking: str) -> None:
    run = tmp_path / "run"
    result = CliRunner().invoke(app, ["profile", str(SAMPLES / "text"), "-t", "bytes", "-o", str(run), "--no-report"])
    assert result.exit_code == 0
    (run / lacking).unlink()
    result = CliRunner().invoke(app, ["report", str(run)])
    assert result.exit_code == 1
    assert lacking in str(result.exception)
