import io
import struct
from collections.abc import Callable

import pytest

from tokeff.errors import ItemError
from tokeff.media.containers import container
from tokeff.media.extents import check_extent


def check(data: bytes) -> None:
    kind = container(data)
    assert kind is not None
    check_extent(io.BytesIO(data), kind)


def chunk(name: bytes, data: bytes, order: str = "<") -> bytes:
    return name + struct.pack(order + "I", len(data)) + data + b"\0" * (len(data) % 2)


def wav(claimed: int | None = None, n_bytes: int = 20, after: bytes = b"") -> bytes:
    length = struct.pack("<I", n_bytes if claimed is None else claimed)
    body = b"WAVE" + chunk(b"fmt ", bytes(16)) + chunk(b"note", b"odd") + b"data" + length + bytes(n_bytes)
    return b"RIFF" + struct.pack("<I", len(body)) + body + after


def aiff(claimed: int) -> bytes:
    body = b"AIFF" + chunk(b"COMM", bytes(18), ">") + b"SSND" + struct.pack(">I", claimed) + bytes(20)
    return b"FORM" + struct.pack(">I", len(body)) + body


def caf(claimed: int) -> bytes:
    return (
        b"caff\0\1\0\0" + b"desc" + struct.pack(">q", 32) + bytes(32) + b"data" + struct.pack(">q", claimed) + bytes(20)
    )


def box(name: bytes, claimed: int, data: bytes = bytes(8)) -> bytes:
    return struct.pack(">I", claimed) + name + data


def mp4(last: bytes) -> bytes:
    return box(b"ftyp", 16) + box(b"free", 16) + last


def wide_box(claimed: int) -> bytes:
    return box(b"mdat", 1, struct.pack(">Q", claimed)) + bytes(8)


def matroska(size: bytes) -> bytes:
    return b"\x1aE\xdf\xa3\x84" + bytes(4) + b"\x18S\x80g" + size + bytes(10)


def ogg(flags: int, cut: int = 0) -> bytes:
    page = b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, 30]) + bytes(30)
    return (page + page)[: 2 * len(page) - cut]


def avi(claimed: int) -> bytes:
    return b"RIFF" + struct.pack("<I", claimed) + b"AVI " + bytes(20)


WHOLE: list[Callable[[], bytes]] = [
    wav,
    lambda: wav(after=b"LIST" + struct.pack("<I", 99)),  # what follows the samples may be cut
    lambda: wav(claimed=0xFFFF_FFFF),  # streamed into a pipe
    lambda: wav(claimed=0),
    lambda: aiff(20),
    lambda: caf(20),
    lambda: caf(-1),
    lambda: mp4(box(b"mdat", 16)),
    lambda: mp4(box(b"mdat", 0)),  # to the end of the file
    lambda: mp4(wide_box(24)),
    lambda: mp4(box(b"mdat", 16) + b"appended text that is no box"),
    lambda: mp4(box(b"mdat", 16) + bytes(5)),
    lambda: matroska(b"\x8a"),
    lambda: matroska(b"\x40\x0a"),
    lambda: matroska(b"\xff"),  # live
    lambda: matroska(b"\x01" + b"\xff" * 7),
    lambda: ogg(4),
    lambda: ogg(4) + b"TAG appended",
    lambda: avi(24),
    lambda: b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(187),
]
CUT: list[Callable[[], bytes]] = [
    lambda: wav(claimed=21),
    lambda: wav()[:40],
    lambda: b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", bytes(16)),
    lambda: aiff(21),
    lambda: caf(21),
    lambda: mp4(box(b"mdat", 17)),
    lambda: mp4(wide_box(25)),
    lambda: mp4(box(b"moov", 16)[:6]),
    lambda: matroska(b"\x8b"),
    lambda: matroska(b"\x40\x0b"),
    lambda: ogg(0),
    lambda: ogg(4, cut=1),
    lambda: ogg(4, cut=50),
    lambda: avi(25),
    lambda: b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(100),
]


@pytest.mark.parametrize("make", WHOLE)
def test_what_is_all_there_passes(make: Callable[[], bytes]) -> None:
    check(make())


@pytest.mark.parametrize("make", CUT)
def test_what_ends_early_is_truncated(make: Callable[[], bytes]) -> None:
    with pytest.raises(ItemError) as refusal:
        check(make())
    assert refusal.value.reason == "truncated"
