"""Of a file that is cut, the piece that holds a line or row is known without reading the others."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokeff.readers.corpus import find
from tokeff.readers.locating import holding
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokeff.readers.cutting.PIECE_BYTES", 60)
    monkeypatch.setattr("tokeff.readers.cutting.CHUNK_BYTES", 30)


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.txt"])
def test_one_piece_of_many_holds_an_item(tmp_path: Path, name: str) -> None:
    rows = [{"text": f"row {n}"} for n in range(60)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.txt").write_text("".join(f"a line {n}\n" for n in range(60)))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=5)
    path, options = tmp_path / name, ReadOptions(unit="line" if name == "a.txt" else "file")
    assert len([piece for part in parts([path], options) for piece in part.pieces]) > 5
    keys = [one.key for one in find([path], unit=options.unit)]
    assert len(keys) == 60
    for key in keys:
        (part,) = holding(parts([path], options), [key.removeprefix(name)])
        assert key in [one.key for one in items(part, options)]
    ends = [key.removeprefix(name) for key in (keys[0], keys[-1])]
    assert len(list(holding(parts([path], options), ends))) == 2


@pytest.mark.usefixtures("cut")
def test_where_no_number_is_said_all_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a line\n" * 60)
    options = ReadOptions(unit="line")
    n_pieces = sum(len(part.pieces) for part in parts([tmp_path / "a.txt"], options))
    assert len(list(holding(parts([tmp_path / "a.txt"], options), [""]))) == n_pieces
