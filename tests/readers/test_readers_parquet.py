"""Parquet against pyarrow and the datasets library; a damaged row group; files that would fill the memory."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokeff.media.dispatch import decode
from tokeff.readers.corpus import find
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts
from tokeff.records.items import Failure, Item
from tokeff.records.signals import ImageSignal

SAMPLES = Path(__file__).parents[2] / "data_samples"
PICTURES = [SAMPLES / "image" / name for name in ("lake_day.jpg", "badge_alpha.png", "stones.webp")]


def payloads(path: Path, **how: Any) -> dict[str, bytes]:
    return {item.key.partition("#")[2]: item.open().read() for item in find([path], **how) if isinstance(item, Item)}


def failures(path: Path, **how: Any) -> list[Failure]:
    return [one for one in find([path], **how) if isinstance(one, Failure)]


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_the_same_texts_as_pyarrow(tmp_path: Path, kind: str, compression: str) -> None:
    values = [None if n % 97 == 5 else f"row {n % 31} é {'x' * (n % 50)}" for n in range(3000)]
    plain = pa.array(values)
    kinds = {"large_string": pa.large_string(), "string_view": pa.string_view(), "string": pa.string()}
    column = plain.dictionary_encode() if kind == "dictionary" else plain.cast(kinds[kind])
    pq.write_table(pa.table({"id": range(3000), "text": column}), tmp_path / "a.parquet", 700, compression=compression)
    mine = payloads(tmp_path / "a.parquet")
    theirs = pq.read_table(tmp_path / "a.parquet").column("text").to_pylist()
    assert mine == {f"R{n}.text": text.encode() for n, text in enumerate(theirs) if text is not None}
    lost = failures(tmp_path / "a.parquet")
    assert [one.key.partition("#")[2] for one in lost] == [f"R{n}.text" for n, text in enumerate(values) if not text]
    assert {one.reason for one in lost} == {"no_value"}


def test_pictures_as_datasets_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The struct {bytes, path}, a bare binary column, and captions; against what the library itself reads back."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    features = datasets.Features(
        {"image": datasets.Image(), "raw": datasets.Value("binary"), "caption": datasets.Value("string")}
    )
    rows = {
        "image": [{"bytes": path.read_bytes(), "path": path.name} for path in PICTURES],
        "raw": [path.read_bytes() for path in PICTURES],
        "caption": ["a lake", "a badge", "stones"],
    }
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    mine = payloads(tmp_path / "a.parquet")
    stored = datasets.load_dataset("parquet", data_files=str(tmp_path / "a.parquet"), split="train", streaming=True)
    theirs = list(stored.cast_column("image", datasets.Image(decode=False)))
    assert len(mine) == 9
    for place, row in enumerate(theirs):
        assert mine[f"R{place}.image"] == mine[f"R{place}.raw"] == row["image"]["bytes"]
        assert mine[f"R{place}.caption"] == row["caption"].encode()
    decoded = [
        decode(item) for item in find([tmp_path], modality="image", columns=("image",)) if isinstance(item, Item)
    ]
    for signal, row in zip(decoded, stored, strict=True):
        assert isinstance(signal, ImageSignal)
        assert (signal.header.width, signal.header.height) == row["image"].size


def test_recordings_and_clips_in_columns(tmp_path: Path) -> None:
    sound, clip = (SAMPLES / "audio/voice_low.flac").read_bytes(), next((SAMPLES / "video").glob("*.mp4")).read_bytes()
    pq.write_table(pa.table({"audio": [{"bytes": sound, "path": None}], "video": [clip]}), tmp_path / "a.parquet")
    found = {item.modality: item for item in find([tmp_path]) if isinstance(item, Item)}
    assert set(found) == {"audio", "video"}
    assert found["audio"].open().read() == sound
    assert found["video"].stored_bytes == len(clip)


def test_a_row_that_names_a_file_does_not_open_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    pq.write_table(
        pa.table({"image": [{"bytes": None, "path": str(secret)}, {"bytes": b"", "path": "a.png"}]}),
        tmp_path / "a.parquet",
    )
    # A column of nulls has no type of its own.
    table = pa.table(
        {
            "image": pa.array(
                [{"bytes": None, "path": str(secret)}], pa.struct([("bytes", pa.binary()), ("path", pa.string())])
            )
        }
    )
    pq.write_table(table, tmp_path / "b.parquet")
    assert [one.reason for one in failures(tmp_path / "a.parquet")] == ["no_bytes", "empty_field"]
    assert [one.reason for one in failures(tmp_path / "b.parquet")] == ["no_bytes"]


def three_groups(path: Path, **how: Any) -> tuple[list[str], bytearray, Any]:
    texts = [f"text {n} {n * 7919}" for n in range(900)]
    pq.write_table(pa.table({"text": texts, "id": range(900)}), path, row_group_size=300, **how)
    return texts, bytearray(path.read_bytes()), pq.ParquetFile(path).metadata


@pytest.mark.parametrize("with_checksums", [True, False])
def test_a_damaged_row_group_loses_itself_alone(tmp_path: Path, with_checksums: bool) -> None:
    path = tmp_path / "a.parquet"
    texts, data, metadata = three_groups(path, write_page_checksum=with_checksums, compression="zstd")
    column = metadata.row_group(1).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(data)
    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_table(path)
    mine = payloads(path)
    assert mine == {f"R{n}.text": text.encode() for n, text in enumerate(texts) if not 300 <= n < 600}
    (lost,) = failures(path)
    assert (lost.key, lost.reason) == ("a.parquet#R300.text", "corrupt")
    assert "300 rows of row group 1 are lost" in lost.message


def test_a_damaged_column_that_is_not_read_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts, data, metadata = three_groups(path)
    column = metadata.row_group(1).column(1)
    data[column.dictionary_page_offset : column.dictionary_page_offset + 40] = bytes(40)
    path.write_bytes(data)
    assert len(payloads(path)) == len(texts)
    assert failures(path) == []


def test_of_several_columns_the_sound_ones_are_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"text {n}" for n in range(900)], "title": [f"title {n}" for n in range(900)]})
    pq.write_table(table, path, row_group_size=300, write_page_checksum=True)
    data, column = bytearray(path.read_bytes()), pq.ParquetFile(path).metadata.row_group(1).column(1)
    start = column.dictionary_page_offset
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(data)
    mine = payloads(path, columns=("text", "title"))
    assert sum(key.endswith(".text") for key in mine) == 900
    assert sum(key.endswith(".title") for key in mine) == 600
    assert all(mine[f"R{n}.text"] == f"text {n}".encode() for n in range(900))
    assert [one.key for one in failures(path, columns=("text", "title"))] == ["a.parquet#R300.title"]


def test_one_flipped_bit_of_a_text_is_seen_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    _, data, _ = three_groups(path, write_page_checksum=True, compression="none", use_dictionary=False)
    place = bytes(data).index(b"text 450 ")
    data[place] ^= 2
    path.write_bytes(data)
    assert pq.read_table(path).column("text")[450].as_py().startswith("vext")  # believed without a look
    assert [one.key for one in failures(path)] == ["a.parquet#R300.text"]


@pytest.mark.parametrize("cut", [0.2, 0.9, -1, -8])
def test_a_file_that_is_cut_has_no_footer_and_is_one_failure(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "a.parquet"
    _, data, _ = three_groups(path)
    path.write_bytes(data[: int(cut * len(data)) if cut > 0 else int(cut)])
    (lost,) = find([path])
    assert isinstance(lost, Failure)
    assert lost.reason in ("truncated", "corrupt")
    assert lost.stored_bytes == path.stat().st_size


def test_text_that_is_not_utf8_fails_alone(tmp_path: Path) -> None:
    column = pa.array([b"good", b"\xff\xfe", b"also"]).view(pa.string())
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    assert payloads(tmp_path / "a.parquet") == {"R0.text": b"good", "R1.text": b"\xff\xfe", "R2.text": b"also"}


def test_a_dictionary_of_huge_values_does_not_fill_the_memory(tmp_path: Path) -> None:
    """2 kB that stand for 2 TB: 100,000 rows share one value of 20 MB."""
    value = pa.array(["x" * 20_000_000])
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), value)
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 5000
    before = pa.total_allocated_bytes()
    found = find([tmp_path / "a.parquet"])
    for _ in range(5):
        item = next(found)
        assert item.stored_bytes == 20_000_000
        assert pa.total_allocated_bytes() - before < 300e6


def test_row_groups_are_parts_and_keys_do_not_depend_on_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    three_groups(path)
    whole = [one.key for one in find([path])]
    monkeypatch.setattr("tokeff.readers.cutting.PIECE_BYTES", 1)
    monkeypatch.setattr("tokeff.readers.parts.PART_BYTES", 1)
    cut = list(parts([path], ReadOptions()))
    assert [part.key for part in cut] == ["a.parquet", "a.parquet@1", "a.parquet@2"]
    assert [one.key for part in cut for one in items(part, ReadOptions())] == whole
    assert sum(part.stored_bytes for part in cut) <= path.stat().st_size


def test_columns_that_are_not_there_are_told_by_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "meta": [{"title": "t"}, {"title": "u"}]}), tmp_path / "a.parquet")
    assert payloads(tmp_path, columns=("meta.title",)) == {"R0.meta.title": b"t", "R1.meta.title": b"u"}
    (lost,) = failures(tmp_path, columns=("nope",))
    assert lost.reason == "no_column"
    assert "'nope', of 'text', 'meta'" in lost.message
    assert list(payloads(tmp_path, columns=("nope", "text"))) == ["R0.text", "R1.text"]
    (part,) = parts([tmp_path], ReadOptions(columns=("nope", "text")))
    assert part.notes == ("Parquet: a table without the column 'nope'",)


def test_lists_of_turns(tmp_path: Path) -> None:
    turns = [[{"role": "user", "content": "hi"}, {"role": "bot", "content": "ho"}], [{"role": "user", "content": "he"}]]
    pq.write_table(pa.table({"messages": turns, "id": [1, 2]}), tmp_path / "a.parquet")
    assert payloads(tmp_path) == {
        "R0.messages.content.0": b"hi",
        "R0.messages.content.1": b"ho",
        "R1.messages.content.0": b"he",
    }


def test_an_empty_table_has_no_items(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert list(find([tmp_path / "a.parquet"])) == []
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1]}), sink)
    (tmp_path / "b.parquet").write_bytes(sink.getvalue())
    assert [one.reason for one in failures(tmp_path / "b.parquet")] == ["no_column"]
