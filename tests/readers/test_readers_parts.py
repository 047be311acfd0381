"""How a corpus is cut: keys, items and failures do not depend on it, nor does the memory on the corpus' size."""

import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokeff.readers.corpus import find
from tokeff.readers.cutting import line_stretches
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts
from tokeff.readers.pieces import Part
from tokeff.records.items import Failure, Item


def told(found: Iterator[Item | Failure]) -> list[tuple[str, str, int | None]]:
    return [(one.key, one.reason if isinstance(one, Failure) else one.modality, one.stored_bytes) for one in found]


def cut(root: Path, options: ReadOptions) -> list[Part]:
    """Through JSON, as a ledger keeps them."""
    return [Part.from_json(json.loads(json.dumps(part.to_json()))) for part in parts([root], options)]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and parts of a few bytes."""
    monkeypatch.setattr("tokeff.readers.cutting.PIECE_BYTES", 40)
    monkeypatch.setattr("tokeff.readers.cutting.CHUNK_BYTES", 7)
    monkeypatch.setattr("tokeff.readers.parts.PART_BYTES", 100)
    monkeypatch.setattr("tokeff.readers.parts.PART_PIECES", 3)


lines_of_text = st.lists(st.sampled_from(["", " ", "a", "bb bb", "c" * 30, "é", "d\r"]), max_size=30)


@pytest.mark.usefixtures("tiny")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(lines_of_text, st.booleans())
def test_lines_have_the_numbers_of_the_whole_file(tmp_path: Path, lines: list[str], ends: bool) -> None:
    data = ("\n".join(lines) + "\n" * ends).encode()
    (tmp_path / "a.txt").write_bytes(data or b"x")
    options = ReadOptions(unit="line")
    whole = data.decode().split("\n") if data else ["x"]
    expected = [f"a.txt#L{n}" for n, line in enumerate(whole, 1) if line.strip()]
    found = [one for part in cut(tmp_path / "a.txt", options) for one in items(part, options)]
    assert [one.key for one in found] == expected


@pytest.mark.usefixtures("tiny")
def test_cut_or_whole_the_same_items_come_in_the_same_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "broken.txt").symlink_to("nowhere")
    for n in range(7):
        (tmp_path / f"f{n}.txt").write_text(f"file {n}")
    rows = "\n".join(json.dumps({"text": f"row {n}"}) if n % 9 else "{broken" for n in range(100))
    (tmp_path / "r.jsonl").write_text(rows)
    options = ReadOptions()
    pieces = cut(tmp_path, options)
    assert len(pieces) > 20
    assert len({part.key for part in pieces}) == len({part.fingerprint for part in pieces}) == len(pieces)
    assert sum(part.stored_bytes for part in pieces) == sum(path.stat().st_size for path in tmp_path.glob("[efr]*"))
    mine = told(one for part in pieces for one in items(part, options))
    monkeypatch.undo()
    assert [part.key for part in cut(tmp_path, options)] == [f"{tmp_path.name}/broken.txt+9"]
    assert mine == told(find([tmp_path]))
    assert len(mine) == 2 + 7 + 100


@pytest.mark.usefixtures("tiny")
@given(st.binary(max_size=300).map(lambda data: bytes(10 if byte < 40 else 97 for byte in data)), st.integers(1, 60))
def test_stretches_are_whole_lines_one_behind_the_other(data: bytes, size: int) -> None:
    import io

    place, number = 0, 1
    for start, stop, first in line_stretches(io.BytesIO(data), size):
        assert (start, first) == (place, number)
        assert stop == len(data) or data[stop - 1 : stop] == b"\n"
        place, number = stop, number + data[start:stop].count(b"\n")
    assert place == len(data)


def test_the_fingerprint_sees_changes_and_only_changes(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("old")
    (before,) = cut(tmp_path, ReadOptions())
    assert cut(tmp_path, ReadOptions())[0].fingerprint == before.fingerprint
    os.utime(tmp_path / "b.txt", ns=(1, 1))
    (touched,) = cut(tmp_path, ReadOptions())
    (tmp_path / "c.txt").write_text("new")
    (grown,) = cut(tmp_path, ReadOptions())
    assert len({before.fingerprint, touched.fingerprint, grown.fingerprint}) == 3
    assert before.key == touched.key == f"{tmp_path.name}/a.txt+1"


def test_names_that_are_not_utf8_go_through_json(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "wb") as file:  # noqa: PTH123
        file.write(b"x")
    (part,) = cut(tmp_path, ReadOptions())
    (item,) = items(part, ReadOptions())
    assert item.key == f"{tmp_path.name}/caf\\xe9.txt"
    assert isinstance(item, Item)
    with item.open() as stream:
        assert stream.read() == b"x"


def test_a_hundred_thousand_files_are_a_hundred_parts_at_most_in_hand(tmp_path: Path) -> None:
    """Here 3,000, of which no more than a thousand are in memory at a time."""
    for folder in range(30):
        (tmp_path / f"{folder:02}").mkdir()
        for n in range(100):
            (tmp_path / f"{folder:02}" / f"{n}.txt").write_text("x")
    assert [len(part.pieces) for part in parts([tmp_path], ReadOptions())] == [1000, 1000, 1000]


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    peaks = []
    for n_lines in (2_000, 40_000):
        with path.open("w") as file:
            file.writelines(json.dumps({"text": f"line {n} " * 20}) + "\n" for n in range(n_lines))
        tracemalloc.start()
        assert sum(1 for _ in find([path])) == n_lines
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2**20


def test_options_go_through_json() -> None:
    options = ReadOptions(modality="image", unit="line", format="tar", columns=("jpg", "txt"))
    assert ReadOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
