"""An item is found again by its key, whatever holds it."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokeff.readers.corpus import find
from tokeff.readers.locating import locate
from tokeff.readers.options import ReadOptions
from tokeff.records.items import Item


def content(item: Item | None) -> bytes:
    assert item is not None
    with item.open() as stream:
        return stream.read()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a#b.txt").write_text("one\n\nthree\n")
    rows = "".join(json.dumps({"text": f"line {n}"}) + "\n" for n in range(50))
    (root / "l.jsonl").write_text(rows)
    (root / "m.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    pq.write_table(pa.table({"text": [f"row {n}" for n in range(50)]}), root / "t.parquet", row_group_size=9)
    with tarfile.open(root / "sub/w.tar", "w") as archive:
        for name in ("deep/x.txt", "deep/x.txt", "y.txt"):
            entry = tarfile.TarInfo(name)
            entry.size = 2
            archive.addfile(entry, io.BytesIO(name[:1].encode() * 2))
    return root


@pytest.mark.parametrize("how", [{}, {"unit": "line"}, {"columns": ("text",), "unit": "line"}])
@pytest.mark.parametrize("is_cut", [False, True])
def test_every_item(corpus: Path, how: dict[str, Any], is_cut: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if is_cut:
        monkeypatch.setattr("tokeff.readers.cutting.PIECE_BYTES", 20)
        monkeypatch.setattr("tokeff.readers.cutting.CHUNK_BYTES", 10)
    found = [one for one in find([corpus], **how) if isinstance(one, Item)]
    assert len(found) > 150
    for one in found:
        again = locate(one.key, [corpus], ReadOptions(**how))
        assert (again.key, again.modality) == (one.key, one.modality) if again else False
        assert content(again) == content(one)


def test_of_several_roots_the_right_one(corpus: Path) -> None:
    paths: list[str | Path] = [corpus / "l.jsonl", corpus / "sub", "memory://nothing"]
    assert content(locate("l.jsonl#L7.text", paths, ReadOptions())) == b"line 6"
    assert content(locate("sub/w.tar/deep/x.txt~2", paths, ReadOptions())) == b"dd"


@pytest.mark.parametrize(
    "key", ["corpus/none.txt", "corpus/l.jsonl#L99.text", "corpus/l.jsonl#L1.body", "x", "corpus/sub"]
)
def test_what_is_no_longer_there(corpus: Path, key: str) -> None:
    assert locate(key, [corpus], ReadOptions()) is None
    assert locate(key, [corpus / "gone"], ReadOptions()) is None
