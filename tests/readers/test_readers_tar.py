"""Tar against webdataset and tarfile; archives that are cut, damaged, unsafe or bombs."""

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tokeff.readers.corpus import find
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import parts
from tokeff.records.items import Failure, Item

SAMPLES = Path(__file__).parents[2] / "data_samples"
JPEG, PNG = (SAMPLES / "image/lake_day.jpg").read_bytes(), (SAMPLES / "image/balls_small.png").read_bytes()
MEMBERS = {
    "s/000.jpg": JPEG,
    "s/000.txt": b"a lake",
    "s/000.json": b'{"id": 0}',
    "s/001.seg.png": PNG,
    "s/001.txt": b"balls",
    "s/001.cls": b"3",
}


def tar(members: Mapping[str, bytes], **how: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **how) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def content(item: Item) -> bytes:
    with item.open() as stream:
        return stream.read()


def samples(data: bytes) -> list[dict[str, Any]]:
    """As webdataset reads them."""
    from webdataset.tariterators import group_by_keys, tar_file_iterator

    entries = [{**entry, "__url__": "a.tar"} for entry in tar_file_iterator(io.BytesIO(data))]
    return list(group_by_keys(entries))


def read(path: Path, **how: Any) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    found = list(find([path], **how))
    items = {one.key.removeprefix(f"{path.name}/"): content(one) for one in found if isinstance(one, Item)}
    failures = [(one.key.removeprefix(path.name), one.reason) for one in found if isinstance(one, Failure)]
    assert len(found) == len(items) + len(failures)
    return items, failures


def test_the_same_samples_as_webdataset(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar(MEMBERS))
    extensions = ("jpg", "seg.png", "txt", "json", "cls")
    mine, failures = read(tmp_path / "a.tar", columns=extensions)
    assert failures == []
    theirs = {
        f"{row['__key__']}.{end}": data for row in samples(tar(MEMBERS)) for end, data in row.items() if end[0] != "_"
    }
    assert mine == theirs


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.zst"])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_same_members_as_tarfile_in_every_dialect(tmp_path: Path, ending: str, kind: int) -> None:
    long = "d" * 90 + "/" + "n" * 90 + ".txt"
    unicode = {} if kind == tarfile.USTAR_FORMAT else {"é" * 120 + ".txt": b"x"}
    members = {**MEMBERS, long: b"long name", **unicode}
    data = tar(members, format=kind)
    pack = {"gz": gzip.compress, "tgz": gzip.compress, "zst": zstandard.compress}
    (tmp_path / f"a.{ending}").write_bytes(pack.get(ending.rpartition(".")[2], bytes)(data))  # type: ignore[operator]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        theirs = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    mine, failures = read(tmp_path / f"a.{ending}", columns=("jpg", "seg.png", "txt", "json", "cls"))
    assert (mine, failures) == (theirs, [])


def test_pictures_and_captions_are_guessed_and_keep_one_key(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar(MEMBERS))
    assert list(read(tmp_path / "a.tar")[0]) == ["s/000.jpg", "s/000.txt", "s/001.seg.png", "s/001.txt"]
    (part,) = parts([tmp_path / "a.tar"], ReadOptions())
    assert "not from .cls, .json" in part.notes[0]
    assert list(read(tmp_path / "a.tar", modality="image")[0]) == ["s/000.jpg", "s/001.seg.png"]
    assert list(read(tmp_path / "a.tar", columns=("json",))[0]) == ["s/000.json"]
    assert read(tmp_path / "a.tar", columns=("flac",)) == ({}, [("", "no_column")])


def test_an_archive_of_files_is_read_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar({"./src/a.py": b"x = 1\n", "/abs/b.json": b"{}", "c.txt": b"1\n2\n"}))
    assert list(read(tmp_path / "a.tar")[0]) == ["src/a.py", "abs/b.json", "c.txt"]
    assert list(read(tmp_path / "a.tar", unit="line")[0]) == ["src/a.py#L1", "abs/b.json#L1", "c.txt#L1", "c.txt#L2"]


def test_names_that_repeat_and_archives_that_are_joined(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar({"a.txt": b"1"}) + tar({"a.txt": b"2", "b.txt": b"3"}))
    assert read(tmp_path / "a.tar") == ({"a.txt": b"1", "a.txt~2": b"2", "b.txt": b"3"}, [])


def test_what_could_lead_outside_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, target in (
            ("../../escape.txt", tarfile.REGTYPE, ""),
            ("ok/../../escape.txt", tarfile.REGTYPE, ""),
            ("soft.txt", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.txt", tarfile.LNKTYPE, "../x"),
            ("null.txt", tarfile.CHRTYPE, ""),
            ("disk.txt", tarfile.BLKTYPE, ""),
            ("pipe.txt", tarfile.FIFOTYPE, ""),
            ("folder", tarfile.DIRTYPE, ""),
            ("folder/empty.txt", tarfile.REGTYPE, ""),
            ("/etc/good.txt", tarfile.REGTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            data = b"good" if kind == tarfile.REGTYPE and "empty" not in name else b""
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    items, failures = read(tmp_path / "a.tar")
    assert items == {"etc/good.txt": b"good"}
    assert failures == [
        ("/../../escape.txt", "unsafe_name"),
        ("/ok/../../escape.txt", "unsafe_name"),
        *[(f"/{name}.txt", "not_a_file") for name in ("soft", "hard", "null", "disk", "pipe")],
        ("/folder/empty.txt", "empty_file"),
    ]
    assert [path.name for path in tmp_path.rglob("*")] == ["a.tar"]
    assert not (tmp_path.parent / "escape.txt").exists()


def test_a_broken_header_loses_one_member_where_others_end_in_silence(tmp_path: Path) -> None:
    data = bytearray(tar({f"{n:03}.txt": b"x" * 700 for n in range(6)}))
    data[2 * (512 + 1024) + 3] ^= 1  # in the name of the third member
    (tmp_path / "a.tar").write_bytes(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["000.txt", "001.txt"]
    items, failures = read(tmp_path / "a.tar")
    assert list(items) == ["000.txt", "001.txt", "003.txt", "004.txt", "005.txt"]
    assert failures == [("@3072", "corrupt")]


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.zst"])
@pytest.mark.parametrize("cut", [0, 300, 512, 900, 512 + 700])
@pytest.mark.parametrize("columns", [(), ("md",)])
def test_a_cut_is_told_also_between_two_members(
    tmp_path: Path, ending: str, cut: int, columns: tuple[str, ...]
) -> None:
    whole = tar({f"{n:03}.{'md' if n < 2 else 'txt'}": bytes([65 + n]) * 700 for n in range(5)})
    data = whole[: 2 * (512 + 1024) + cut]
    packed = {"tar.gz": gzip.compress, "tar.zst": zstandard.compress}.get(ending, bytes)(data)  # type: ignore[operator]
    (tmp_path / f"a.{ending}").write_bytes(packed)
    items, failures = read(tmp_path / f"a.{ending}", columns=columns)
    assert list(items) == ["000.md", "001.md", *["002.txt"] * (cut == 1212 and not columns)]
    assert [why for _, why in failures] == ["truncated"]
    if cut == 0 and ending == "tar":
        assert len(samples(data)) == 2  # and not a word


def test_a_compressed_archive_that_is_cut(tmp_path: Path) -> None:
    packed = gzip.compress(tar(MEMBERS))
    (tmp_path / "a.tar.gz").write_bytes(packed[: len(packed) * 9 // 10])
    items, failures = read(tmp_path / "a.tar.gz", columns=("jpg", "txt"))
    assert items == {"s/000.jpg": JPEG, "s/000.txt": b"a lake"}
    assert [why for _, why in failures] == ["truncated"]


def test_a_bomb_of_a_name_is_refused(tmp_path: Path) -> None:
    """A header that says its name has 8 GB, and an archive of 4 GB of zeros in 4 MB: neither is held in memory."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 2**33 - 1
    bomb = entry.tobuf(tarfile.GNU_FORMAT) + bytes(2**25)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(bomb + tar({"a.txt": b"x"}), 1))
    tracemalloc.start()
    items, failures = read(tmp_path / "a.tar.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert items == {"a.txt": b"x"}
    assert [why for _, why in failures] == ["corrupt"]
    assert peak < 2**23


def test_a_member_longer_than_the_limit_is_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokeff.readers.archives.MAX_UNIT_BYTES", 2**20)
    data = tar({"big.txt": b" " * 2**24, "small.txt": b"x"})
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(data))
    tracemalloc.start()
    items, failures = read(tmp_path / "a.tar.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (list(items), failures) == (["small.txt"], [("/big.txt", "too_large")])
    assert peak < 2**23
    (tmp_path / "a.tar").write_bytes(data)
    assert list(read(tmp_path / "a.tar")[0]) == ["big.txt", "small.txt"]  # there it is read where it lies


def test_a_sparse_file_is_not_expanded(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("sparse.txt").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (2**32, 1)
    header[483:495] = b"%011o\0" % (2**32 + 1)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + tar({"a.txt": b"x"}))
    assert read(tmp_path / "a.tar") == ({"a.txt": b"x"}, [("/sparse.txt", "not_a_file")])


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar({}))
    (tmp_path / "b.tar").write_bytes(b"this is no archive" * 100)
    assert read(tmp_path / "a.tar") == ({}, [])
    assert read(tmp_path / "b.tar") == ({}, [("@0", "corrupt")])


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_large_archive_is_cut_between_members(tmp_path: Path, kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tar"
    members = {f"{'d/' * 60 if n % 3 == 0 else ''}{n:03}.txt": b"x" * (37 * n + 1) for n in range(60)}
    path.write_bytes(tar(members, format=kind))
    whole = list(read(path)[0].items())
    monkeypatch.setattr("tokeff.readers.cutting.LARGE_ARCHIVE_BYTES", 1000)
    monkeypatch.setattr("tokeff.readers.cutting.PIECE_BYTES", 5000)
    (part,) = parts([path], ReadOptions())
    assert 5 < len(part.pieces) < 40
    assert part.stored_bytes == path.stat().st_size
    assert list(read(path)[0].items()) == whole == list(members.items())
    assert read(path, columns=("flac",)) == ({}, [("", "no_column")])
    path.write_bytes(path.read_bytes()[:-12_000])  # in the last members: the end is looked at by the last piece
    items, failures = read(path)
    assert list(items) == list(members)[: len(items)]
    assert [why for _, why in failures] == ["truncated"]


def test_an_archive_with_repeated_names_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokeff.readers.cutting.LARGE_ARCHIVE_BYTES", 1000)
    monkeypatch.setattr("tokeff.readers.cutting.PIECE_BYTES", 1000)
    (tmp_path / "a.tar").write_bytes(tar({"a.txt": b"1" * 999, "b.txt": b"2"}) + tar({"a.txt": b"3"}))
    assert list(read(tmp_path / "a.tar")[0]) == ["a.txt", "b.txt", "a.txt~2"]
