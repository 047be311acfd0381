"""`tokeff report` and what `tokeff profile` prints: pages in place, nothing of the corpus steers a terminal."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tokeff
from tokeff.cli.app import app


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    for number in range(11):
        (folder / f"{number}\x1b[31m\u202egnp.txt").write_text("words and words " * (number + 1))
    (folder / "bad\x1b[31m.txt").write_bytes(b"\xff\xfe\xfa words")
    return folder


def test_profile_writes_the_page_and_report_writes_it_again(texts: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = CliRunner().invoke(app, ["profile", str(texts), "-t", "bytes", "-o", str(run)])
    assert result.exit_code == 0, result.output
    page = run / "report.html"
    first = page.read_text()
    assert "report.html" in result.output
    page.unlink()
    result = CliRunner().invoke(app, ["report", str(run)])
    assert result.exit_code == 0
    assert str(page) in result.output
    assert len(page.read_text()) == pytest.approx(len(first), rel=0.01)
    result = CliRunner().invoke(app, ["report", str(run), "-o", str(tmp_path / "other.html"), "--no-samples"])
    assert result.exit_code == 0
    assert len((tmp_path / "other.html").read_text()) < len(first)


def test_nothing_steers_the_terminal_or_the_page(texts: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["profile", str(texts), "-t", "bytes", "-o", str(tmp_path / "run")])
    text = (tmp_path / "run" / "report.html").read_text()
    for sign in ("\x1b", "\u202e"):
        assert sign not in result.output
        assert sign not in text
    assert r"\x1b[31m" in result.output
    assert "\\u202egnp" in text


def test_no_report_means_none(texts: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["profile", str(texts), "-t", "bytes", "-o", str(tmp_path / "r"), "--no-report"])
    assert result.exit_code == 0
    assert not (tmp_path / "r" / "report.html").exists()
    assert "report.html" not in result.output


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tokeff.TokeffError, match="not a complete run"):
        CliRunner().invoke(app, ["report", str(tmp_path)], catch_exceptions=False)


def test_the_page_says_where_the_corpus_went(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    (folder / "a.txt").write_text("some words")
    tokeff.profile(folder, tokenizers=["bytes"], out=tmp_path / "run", report=False)
    (folder / "a.txt").write_text("other words now")
    CliRunner().invoke(app, ["report", str(tmp_path / "run")], catch_exceptions=False)
    assert "It has changed since the run." in (tmp_path / "run" / "report.html").read_text()
    (folder / "a.txt").unlink()
    CliRunner().invoke(app, ["report", str(tmp_path / "run")], catch_exceptions=False)
    assert "no longer where the run found it" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("command", ["profile", "report", "compare"])
def test_help_has_examples(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert f"tokeff {command} " in result.output.split("Examples:")[1]


def test_a_page_that_cannot_be_written_does_not_hide_the_result(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder stands where the page would be renamed to."""
    from tokeff.reports import page

    written = page.write_page

    def blocked(run: Path) -> Path:
        (run / "report.html").mkdir()
        return written(run)

    monkeypatch.setattr(page, "write_page", blocked)
    result = CliRunner().invoke(app, ["profile", str(texts), "-t", "bytes", "-o", str(tmp_path / "run")])
    assert "a token of bytes stands for" in result.output
    assert isinstance(result.exception, tokeff.TokeffError)
    assert "cannot write the page" in str(result.exception)


def test_json_holds_figures_cautions_and_the_place_of_the_page(texts: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    tokeff.profile(texts, tokenizers=["bytes"], out=run, report=False)
    result = CliRunner().invoke(app, ["report", str(run), "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.output)
    assert content["schema"] == "tokeff.report/1"
    (only,) = content["runs"]
    assert Path(only["page"]) == run / "report.html"
    assert only["n_in"] == only["n_ok"] + only["n_err"] == 12
    assert only["failures"] == {"bad_encoding": 1} or sum(only["failures"].values()) == 1
    assert only["measurements"][0]["tokenizer"] == "bytes"
