"""A finished run is what its shards and items say; whatever is changed behind its back is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tokeff
from tokeff.cli.app import app
from tokeff.engine.validate import validate


@pytest.fixture
def run(tmp_path: Path) -> Path:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(12):
        (corpus / f"{number}.txt").write_text(f"text {number} " * (number + 1))
    (corpus / "bad.txt").write_bytes(b"\xff\xfe\xfd" * 50)
    tokeff.profile(corpus, tokenizers="bytes", device="cpu", out=tmp_path / "run", report=False)
    return tmp_path / "run"


def changed(path: Path, change: Any) -> None:
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


def test_a_sound_run(run: Path) -> None:
    found = validate(run)
    assert (found.n_items, found.n_errors, found.differences) == (13, 1, ())
    result = CliRunner().invoke(app, ["validate", str(run)])
    assert result.exit_code == 0
    assert "13 items (1 quarantined) in 1 shards; every total is what the shards and the items say." in result.output


def test_changed_totals_and_figures_are_named(run: Path) -> None:
    changed(run / "run.json", lambda table: table["totals"].update(n_ok=13))
    changed(run / "measurements.json", lambda table: table["measurements"][0].update(n_tokens=5))
    words = " ".join(validate(run).differences)
    assert "run.json: totals.n_ok is 13, but the shards say 12" in words
    assert "n_in is 13, but n_ok + n_err is 14" in words
    assert "measurements.json[0].n_tokens is 5" in words
    result = CliRunner().invoke(app, ["validate", str(run)])
    assert result.exit_code == 1


def test_a_row_or_a_failure_that_is_missing_is_named(run: Path) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(run / "items.parquet")
    pq.write_table(rows.slice(1), run / "items.parquet")
    (run / "errors.jsonl").write_text("")
    words = " ".join(validate(run).differences)
    assert "items.parquet: n_items of bytes is 11, but was measured as 12" in words
    assert "errors.jsonl: holds 0 items, but n_err is 1" in words


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_a_shard_that_is_gone_or_damaged_is_named(run: Path, damage: str) -> None:
    (result,) = run.glob("shards/*-measure-*.zip")
    data = bytearray(result.read_bytes())
    data[100] ^= 0xFF
    if damage == "gone":
        result.unlink()
    else:
        result.write_bytes(data)
    (difference,) = validate(run).differences
    assert ("missing" if damage == "gone" else "damaged") in difference
