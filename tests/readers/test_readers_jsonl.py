"""JSON lines against the datasets library and pyarrow; on damaged data, what they lose and this does not."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tokeff.readers.corpus import find
from tokeff.readers.jsonl import record_items
from tokeff.readers.options import ReadOptions
from tokeff.records.items import Failure, Item

PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}
ROWS = [{"id": place, "text": text} for place, text in enumerate(["one", "zwei é", "三つ", 'q"\\\n\t', "x" * 3000])]


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def content(item: Item) -> bytes:
    with item.open() as stream:
        return stream.read()


def texts(path: Path, **how: Any) -> list[bytes]:
    return [content(item) for item in find([path], **how) if isinstance(item, Item)]


def reasons(path: Path, **how: Any) -> list[tuple[str, str]]:
    found = find([path], **how)
    return [(one.key.removeprefix(path.name), one.reason) for one in found if isinstance(one, Failure)]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "jsonl.gz", "jsonl.zst", "json", "json.gz"])
def test_the_same_texts_as_datasets_and_pyarrow(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    data = lines(ROWS)
    packed = PACK.get(ending.rpartition(".")[2], bytes)(data)
    path = tmp_path / f"a.{ending}"
    path.write_bytes(packed)
    mine = texts(path)
    assert mine == [row["text"].encode() for row in pyarrow.json.read_json(io.BytesIO(data)).to_pylist()]
    theirs = datasets.load_dataset("json", data_files=str(path), split="train", streaming=True)
    assert mine == [row["text"].encode() for row in theirs]


def test_keys_are_those_of_an_editor_and_name_the_field(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text":"a"}\n\n  \r\n{"text":"b"}\r\n{"text":"c"}')
    found = list(find([tmp_path / "a.jsonl"]))
    assert [one.key for one in found] == ["a.jsonl#L1.text", "a.jsonl#L4.text", "a.jsonl#L5.text"]
    assert [one.stored_bytes for one in found] == [1, 1, 1]


def test_each_bad_line_is_one_failure_and_the_good_ones_count(tmp_path: Path) -> None:
    bad = [
        b"{broken",
        b"[1]",
        b'{"id": 3}',
        b'{"text": null}',
        b'{"text": ""}',
        b'{"text": 3}',
        b"\xff",
        b'{"text":"\\ud800"}',
    ]
    good = [b'{"text": "first"}', b'{"text": "NaN is let pass", "score": NaN}', b'{"text": "last"}']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([good[0], *bad, *good[1:]]) + b"\n")
    assert texts(tmp_path / "a.jsonl") == [b"first", b"NaN is let pass", b"last"]
    assert reasons(tmp_path / "a.jsonl") == [
        ("#L2", "not_json"),
        ("#L3", "not_an_object"),
        ("#L4.text", "no_column"),
        ("#L5.text", "no_value"),
        ("#L6.text", "empty_field"),
        ("#L7.text", "wrong_type"),
        ("#L8", "not_utf8"),
        ("#L9.text", "not_unicode"),
    ]


def test_where_others_lose_the_file_only_the_line_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(ROWS) + b"{broken\n" + lines(ROWS))
    with pytest.raises(pa.ArrowInvalid):
        pyarrow.json.read_json(path)
    seen = []
    with pytest.raises(datasets.exceptions.DatasetGenerationError):
        seen += [row["text"] for row in datasets.load_dataset("json", data_files=str(path), split="train")]
    assert seen == []
    assert len(texts(path)) == 2 * len(ROWS)
    assert reasons(path) == [("#L6", "not_json")]


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_cut_stream_gives_what_is_before_the_cut(tmp_path: Path, kind: str) -> None:
    rows = [{"text": f"row {n} " + str(n * 7919 % 104729) * 5} for n in range(20_000)]
    packed = PACK[kind](lines(rows))
    path = tmp_path / f"a.jsonl.{kind}"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    found = texts(path)
    assert 5000 < len(found) < 20_000
    assert found == [row["text"].encode() for row in rows[: len(found)]]
    assert reasons(path) == [("", "truncated")]


def test_a_flipped_bit_in_gzip_is_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(lines([{"text": str(n)} for n in range(50_000)])))
    packed[-6] ^= 1  # in the checksum
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    assert len(texts(tmp_path / "a.jsonl.gz")) == 50_000
    assert reasons(tmp_path / "a.jsonl.gz") == [("", "corrupt")]


def test_columns_are_chosen_in_order_through_dots_and_lists(tmp_path: Path) -> None:
    row = {"q": "why", "meta": {"a": "deep"}, "turns": [{"content": "hi"}, {"content": "ho"}], "a.b": "flat"}
    (tmp_path / "a.jsonl").write_bytes(lines([row]))
    found = list(find([tmp_path], columns=("meta.a", "q", "turns.content", "a.b", "meta.z")))
    assert [one.key.partition("#")[2] for one in found] == [
        *("L1.meta.a", "L1.q", "L1.turns.content.0", "L1.turns.content.1", "L1.a.b", "L1.meta.z")
    ]
    assert isinstance(found[-1], Failure)
    assert found[-1].reason == "no_column"
    assert [one.open().read() for one in found if isinstance(one, Item)] == [b"deep", b"why", b"hi", b"ho", b"flat"]


def test_a_json_file_of_one_value_stays_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"text": "x"}\n')
    (tmp_path / "b.json").write_text('{\n "text": "x"\n}\n')
    (tmp_path / "c.jsonl").write_text('{"text": "x"}\n{"text": "y"}\n')
    assert [one.key for one in find([tmp_path])][:2] == [f"{tmp_path.name}/a.json", f"{tmp_path.name}/b.json"]
    assert texts(tmp_path / "c.jsonl", format="file") == [b'{"text": "x"}\n{"text": "y"}\n']
    assert texts(tmp_path / "c.jsonl", format="file", unit="line") == [b'{"text": "x"}', b'{"text": "y"}']


def test_without_any_text_a_file_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"id": 1}] * 3))
    (one,) = find([tmp_path / "a.jsonl"])
    assert isinstance(one, Failure)
    assert one.reason == "no_column"
    assert "--column" in one.message


def test_texts_may_be_split_further_and_other_modalities_are_silent(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": "a\n\nb"}]) + b"broken\n")
    keys = [one.key for one in find([tmp_path / "a.jsonl"], unit="line")]
    assert keys == ["a.jsonl#L1.text#L1", "a.jsonl#L1.text#L3", "a.jsonl#L2"]
    assert list(find([tmp_path / "a.jsonl"], modality="image")) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "a"]), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(json_values, max_size=6))
def test_every_line_ends_counted_or_failed(values: list[Any]) -> None:
    found = list(record_items(io.BytesIO(lines(values)), "f", ("text",), ReadOptions()))
    assert {one.key.partition(".")[0] for one in found if "#L" in one.key} >= {
        f"f#L{n}" for n, value in enumerate(values, 1) if not (isinstance(value, dict) and value.get("text") == [])
    }
    expected = [value["text"].encode() for value in values if isinstance(value, dict) and _is_text(value.get("text"))]
    whole = [one.open().read() for one in found if isinstance(one, Item) and one.key.endswith(".text")]
    assert whole == expected


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def test_a_line_longer_than_the_limit_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokeff.readers.jsonl.MAX_UNIT_BYTES", 50)
    data = lines([{"text": "a"}, {"text": "b" * 100}, {"text": "c"}])
    found = list(record_items(io.BytesIO(data), "f", ("text",), ReadOptions()))
    assert [one.key for one in found] == ["f#L1.text", "f#L2", "f#L3.text"]
    assert isinstance(found[1], Failure)
    assert found[1].reason == "too_large"
