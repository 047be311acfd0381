"""Arrow files against the datasets library that saves them, and damaged ones."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tokeff.readers.corpus import find
from tokeff.records.items import Failure, Item

SAMPLES = Path(__file__).parents[2] / "data_samples"


def payloads(path: Path, **how: Any) -> dict[str, bytes]:
    return {item.key.partition("/")[2]: item.open().read() for item in find([path], **how) if isinstance(item, Item)}


def failures(path: Path) -> list[tuple[str, str]]:
    return [(one.key, one.reason) for one in find([path]) if isinstance(one, Failure)]


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> Any:
    import datasets

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    return datasets


def test_a_dataset_on_disk_as_the_library_reads_it(tmp_path: Path, datasets: Any) -> None:
    jpeg = (SAMPLES / "image/lake_day.jpg").read_bytes()
    features = datasets.Features({"image": datasets.Image(), "caption": datasets.Value("string")})
    rows = {"image": [{"bytes": jpeg, "path": "a.jpg"}] * 3, "caption": ["a", "b", "c"]}
    train = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": train, "test": train.select([1])}).save_to_disk(tmp_path / "saved")
    mine = payloads(tmp_path / "saved")
    theirs = datasets.load_from_disk(str(tmp_path / "saved"))["train"].cast_column(
        "image", datasets.Image(decode=False)
    )
    shard = "train/data-00000-of-00001.arrow"
    for place, row in enumerate(theirs):
        assert mine[f"{shard}#R{place}.image"] == row["image"]["bytes"]
        assert mine[f"{shard}#R{place}.caption"] == row["caption"].encode()
    assert len(mine) == 8  # the library's own JSON files are no texts
    assert failures(tmp_path / "saved") == []


def write(path: Path, *, kind: str = "stream") -> int:
    """Ten batches of a hundred rows; returns the bytes of the file."""
    schema = pa.schema({"text": pa.string(), "n": pa.int64()})
    opened = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, opened(sink, schema) as writer:
        for first in range(0, 1000, 100):
            numbers = range(first, first + 100)
            writer.write_batch(pa.record_batch({"text": [f"row {n}" for n in numbers], "n": list(numbers)}, schema))
    return path.stat().st_size


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_streams_and_files(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "a.arrow", kind=kind)
    assert payloads(tmp_path) == {f"a.arrow#R{n}.text": f"row {n}".encode() for n in range(1000)}


def test_a_cut_stream_gives_its_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    size = write(path)
    data = path.read_bytes()
    path.write_bytes(data[: size // 2])
    n_whole = len(payloads(tmp_path))
    assert n_whole in (400, 500)
    assert failures(path) == [(f"a.arrow#B{n_whole // 100}", "corrupt")]
    path.write_bytes(data[:-8])  # all batches, but not the end mark: pyarrow finds nothing wrong
    with pa.OSFile(str(path)) as source:
        assert pa.ipc.open_stream(source).read_all().num_rows == 1000
    assert len(payloads(tmp_path)) == 1000
    assert failures(path) == [("a.arrow#R1000", "truncated")]


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_offsets_that_point_anywhere_lose_their_batch_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.arrow"
    write(path, kind=kind)
    data = bytearray(path.read_bytes())
    place = bytes(data).index(b"row 500row 501") - 16  # in the offsets, which stand before the text
    data[place : place + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    mine = payloads(tmp_path)
    assert sorted(mine) == sorted(f"a.arrow#R{n}.text" for n in range(1000) if not 500 <= n < 600)
    assert failures(path) == [("a.arrow#R500", "corrupt")]


def test_a_batch_that_cannot_be_read_leaves_the_numbers_of_those_behind_open(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write(path, kind="file")
    with pa.OSFile(str(path)) as source:
        data = bytearray(source.read())
    ends = [place for place in range(0, len(data) - 8, 8) if data[place : place + 4] == b"\xff\xff\xff\xff"]
    data[ends[6] : ends[6] + 40] = bytes(40)  # the metadata of the sixth batch: the schema stands before them
    path.write_bytes(data)
    mine = payloads(tmp_path)
    assert len(mine) == 900
    assert mine["a.arrow#B6R0.text"] == b"row 600"
    assert failures(path) == [("a.arrow#B5", "corrupt")]


def test_an_end_mark_amid_a_stream_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write(path)
    data = path.read_bytes()
    ends = [place for place in range(0, len(data) - 8, 8) if data[place : place + 4] == b"\xff\xff\xff\xff"]
    path.write_bytes(data[: ends[3]] + bytes(8) + data[ends[3] + 8 :])
    with pa.OSFile(str(path)) as source:
        assert pa.ipc.open_stream(source).read_all().num_rows == 200
    assert len(payloads(tmp_path)) == 200
    assert failures(path) == [("a.arrow#R200", "corrupt")]


def test_text_that_is_not_utf8_stays_an_item(tmp_path: Path) -> None:
    column = pa.array([b"good", b"\xff\xfe"]).view(pa.string())
    with (
        pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, pa.schema({"text": pa.string()})) as writer,
    ):
        writer.write_batch(pa.record_batch({"text": column}))
    assert payloads(tmp_path) == {"a.arrow#R0.text": b"good", "a.arrow#R1.text": b"\xff\xfe"}


def test_what_is_no_arrow_file(tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_bytes(b"nothing of the kind" * 10)
    assert failures(tmp_path / "a.arrow") == [("a.arrow", "corrupt")]
