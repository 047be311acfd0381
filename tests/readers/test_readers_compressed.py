"""Texts and other files that are compressed, and those that would inflate without end."""

import gzip
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import zstandard

from tokeff.errors import ItemError
from tokeff.media.dispatch import decode, read_header
from tokeff.readers.corpus import find
from tokeff.readers.streams import whole
from tokeff.records.items import Failure, Item

SAMPLES = Path(__file__).parents[2] / "data_samples"
PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}
TEXT = "".join(f"line {n} é\n" for n in range(5000)).encode()


def content(item: Item) -> bytes:
    with item.open() as stream:
        return stream.read()


@pytest.mark.parametrize("kind", PACK)
def test_a_text_is_read_inflated(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.txt.{kind}"
    path.write_bytes(PACK[kind](TEXT))
    (item,) = find([path])
    assert isinstance(item, Item)
    assert (item.modality, item.key, item.stored_bytes) == ("text", f"a.txt.{kind}", path.stat().st_size)
    assert content(item) == TEXT
    assert [one.key for one in find([path], unit="line")] == [f"a.txt.{kind}#L{n}" for n in range(1, 5001)]
    assert list(find([path], modality="audio")) == []


@pytest.mark.parametrize("kind", PACK)
def test_several_streams_behind_each_other_are_one_text(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"a.txt.{kind}").write_bytes(PACK[kind](b"one\n") + PACK[kind](b"two\n"))
    (item,) = find([tmp_path / f"a.txt.{kind}"])
    assert isinstance(item, Item)
    assert content(item) == b"one\ntwo\n"


def test_pictures_and_sounds_too(tmp_path: Path) -> None:
    for name in ("image/lake_day.jpg", "audio/voice_hall.opus"):
        (tmp_path / f"{Path(name).name}.gz").write_bytes(gzip.compress((SAMPLES / name).read_bytes()))
    found = [one for one in find([tmp_path]) if isinstance(one, Item)]
    assert [one.modality for one in found] == ["image", "audio"]
    assert all(decode(one) for one in found)


@pytest.mark.parametrize("kind", PACK)
def test_cut_streams_of_text(tmp_path: Path, kind: str) -> None:
    packed = PACK[kind](Random(0).randbytes(400_000).hex().encode())
    path = tmp_path / f"a.txt.{kind}"
    path.write_bytes(packed[: len(packed) // 2])
    (item,) = find([path])
    assert isinstance(item, Item)
    with pytest.raises(ItemError) as caught:
        decode(item)
    assert caught.value.reason == "truncated"
    path.write_bytes(packed[:10])
    (lost,) = find([path], unit="line")
    assert isinstance(lost, Failure)
    assert lost.reason in ("truncated", "corrupt")


@pytest.mark.parametrize("kind", PACK)
def test_what_is_not_compressed_at_all(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"a.txt.{kind}").write_bytes(b"this is plain text")
    (lost,) = find([tmp_path])
    assert isinstance(lost, Failure)
    assert lost.reason == "corrupt"


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_refused_before_it_is_in_memory(tmp_path: Path, kind: str) -> None:
    """64 MB of zeros in a few kB; the limit is 1 MB here."""
    path = tmp_path / f"a.txt.{kind}"
    path.write_bytes(PACK[kind](b" " * 2**26))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(ItemError) as caught:
        whole(str(path), max_bytes=2**20)
    assert caught.value.reason == "too_large"
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()


def test_a_line_without_end_is_passed_over_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokeff.readers.jsonl.MAX_UNIT_BYTES", 2**20)
    line = b'{"text": "' + b"a" * 2**26 + b'"}\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x"}\n' + line + b'{"text": "y"}\n'))
    tracemalloc.start()
    found = [(one.key, isinstance(one, Failure)) for one in find([tmp_path / "a.jsonl.gz"], columns=("text", "text"))]
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert found == [("a.jsonl.gz#L1.text", False), ("a.jsonl.gz#L2", True), ("a.jsonl.gz#L3.text", False)]


def test_headers_of_inflated_items(tmp_path: Path) -> None:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        file.write(TEXT)
    (tmp_path / "a.txt.gz").write_bytes(out.getvalue())
    (item,) = find([tmp_path])
    assert isinstance(item, Item)
    assert read_header(item).raw_bytes == len(TEXT)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize("kind", PACK)
def test_of_a_cut_file_the_field_is_guessed_from_what_is_there(tmp_path: Path, kind: str, name: str) -> None:
    draw = Random(0)
    lines = [f'{{"id": {n}, "content": "{draw.randbytes(30).hex()}"}}\n' for n in range(3000)]
    packed = PACK[kind]("".join(lines).encode())
    (tmp_path / f"{name}.{kind}").write_bytes(packed[: len(packed) // 2])
    *items, last = find([tmp_path])
    assert isinstance(last, Failure)
    assert last.reason == "truncated"
    assert 500 < len(items) < 3000
    assert [item.key for item in items] == [
        f"{tmp_path.name}/{name}.{kind}#L{n}.content" for n in range(1, len(items) + 1)
    ]
