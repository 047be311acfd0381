"""The options of reading on the command line, from corpus to figures."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tokeff.cli.app import app

SAMPLES = Path(__file__).parents[2] / "data_samples"
TEXTS = [f"The {n}th line of a corpus that is not large. " * (1 + n % 3) for n in range(40)]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["profile", *arguments])


def measured(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    (measurement,) = json.loads(result.output)["measurements"]
    found: dict[str, Any] = measurement
    return found


@pytest.fixture
def corpora(tmp_path: Path) -> dict[str, str]:
    """The same texts in every format, each beside a field that is not to be read."""
    lines = "".join(json.dumps({"url": "x" * 99, "text": text}) + "\n" for text in TEXTS)
    (tmp_path / "plain.jsonl").write_text(lines)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    pq.write_table(pa.table({"url": ["x" * 99] * len(TEXTS), "text": TEXTS}), tmp_path / "table.parquet")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for n, text in enumerate(TEXTS):
            for name, data in ((f"{n}.txt", text.encode()), (f"{n}.json", b"{}")):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    fsspec.filesystem("memory").pipe("/cli/far.jsonl", lines.encode())
    return {path.name: str(path) for path in tmp_path.iterdir()} | {"memory": "memory://cli/far.jsonl"}


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.gz", "table.parquet", "shard.tar", "memory"])
def test_every_format_gives_the_same_figures(corpora: dict[str, str], name: str) -> None:
    options = ["--column", "txt"] if name.endswith("tar") else ["--column", "text"]
    found = measured(corpora[name], "-t", "bytes", *options)
    assert found["n_items"] == len(TEXTS)
    assert found["raw_bytes"] == found["stored_bytes"] == sum(map(len, TEXTS))


def test_a_guess_is_said(corpora: dict[str, str]) -> None:
    result = run(corpora["plain.jsonl"], "-t", "bytes")
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    assert "JSON lines: items are read from 'text', not 'url'; --column chooses others" in said


def test_a_format_may_be_forced(corpora: dict[str, str]) -> None:
    found = measured(corpora["plain.jsonl"], "-t", "bytes", "--format", "file")
    assert (found["n_items"], found["raw_bytes"]) == (1, Path(corpora["plain.jsonl"]).stat().st_size)


def test_choices_are_named() -> None:
    assert "one of file, jsonl, parquet, arrow, tar" in str(run("x", "--format", "zip").exception)
    assert run("x", "--storage-option", "nothing").exit_code == 2


def test_values_of_storage_options_stay_out_of_the_run(corpora: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run(corpora["memory"], "-t", "bytes", "-o", str(out), "--no-report", "--storage-option", "token=hush-hush")
    assert result.exit_code == 0, result.output
    kept = [path for path in out.rglob("*") if path.is_file() and b"hush-hush" in path.read_bytes()]
    assert kept == []


def test_names_that_are_not_utf8_are_kept_in_a_run(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    path = os.fsdecode(os.fsencode(tmp_path) + b"/corpus/caf\xe9.txt")
    Path(path).write_text("a cup of coffee\n" * 9)
    for place, given in enumerate((path, str(tmp_path / "corpus"))):
        out = tmp_path / f"run{place}"
        result = run(given, "-t", "bytes", "-o", str(out), "--no-report")
        assert result.exit_code == 0, result.output
        assert json.loads((out / "run.json").read_text("utf-8"))["arguments"]["paths"] == [given]
