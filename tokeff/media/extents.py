"""Is a file all there? What a container claims of its own length, against the bytes that are there.

FFmpeg and libsndfile read a file that was cut short as a shorter recording, without an error. Where a container
states its extent (RIFF, RF64, W64, AIFF, CAF, AU, MP4, Matroska, AVI, Ogg's last page, whole packets of MPEG-TS) a
cut is found here. Others (ADTS, MP3 without a Xing tag, AMR, FLV, ASF, MPEG-PS) state none: a cut between two
frames cannot be seen. Leaves out what is inside.
"""

import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tokeff.errors import ItemError
from tokeff.media.containers import Container

UNKNOWN_SIZES = {0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x8000_0000}
"""What programs write that did not know the length: sound that was streamed into a pipe."""
MAX_CHUNKS = 100_000
MP4_BOXES = frozenset(b"ftyp moov mdat free skip wide uuid meta moof mfra sidx ssix styp pdin pnot prft emsg".split())
OGG_PAGE_BYTES = 27 + 255 + 255 * 255
"""No Ogg page is longer (RFC 3533 section 6)."""


def check_extent(stream: BinaryIO, kind: Container) -> None:
    """Raises ItemError `truncated` where the file ends before its container says it does."""
    size = stream.seek(0, os.SEEK_END)
    if kind.name == "OGG":
        _check_last_ogg_page(stream, size)
        return
    claim = CLAIMS.get(kind.name)
    claimed = claim(stream, size) if claim else None
    if claimed is not None and claimed > size:
        expected = f"{claimed}, as its {kind.name} container says"
        raise ItemError("truncated", "the file ends early", got=f"{size} bytes", expected=expected)


Claim = Callable[[BinaryIO, int], int | None]


def _chunks(stream: BinaryIO, size: int, offset: int, layout: str) -> Iterator[tuple[bytes, int, int]]:
    """(id, start of data, claimed size of data) of chunks one after the other; even RIFF starts are kept."""
    width = struct.calcsize(layout)
    for _ in range(MAX_CHUNKS):
        stream.seek(offset)
        head = stream.read(width)
        if len(head) < width:
            return
        name, length = struct.unpack(layout, head)
        yield name, offset + width, length
        offset += width + length + (length & 1 if layout[1:] == "4sI" else 0)
        if length < 0 or offset > size:
            return


def _claim_of_data(offset: int, layout: str, wanted: bytes) -> Claim:
    """The end of the chunk that holds the samples."""

    def claim(stream: BinaryIO, size: int) -> int | None:
        wide = None
        for name, start, length in _chunks(stream, size, offset, layout):
            if name == b"ds64":
                stream.seek(start + 8)
                wide = int.from_bytes(stream.read(8), "little")
            elif name == wanted:
                actual = wide if wide is not None and length == 0xFFFF_FFFF else length
                return None if actual < 0 or actual in UNKNOWN_SIZES else start + actual
            elif start + length > size:
                return start + length
        raise ItemError("truncated", f"the file ends before its {wanted.decode()} chunk", got=f"{size} bytes")

    return claim


def _claim_of_w64(stream: BinaryIO, size: int) -> int | None:
    stream.seek(16)
    claimed = int.from_bytes(stream.read(8), "little")
    return claimed or None


def _claim_of_au(stream: BinaryIO, size: int) -> int | None:
    stream.seek(4)
    start, length = struct.unpack(">II", stream.read(8).ljust(8, b"\0"))
    return None if length in UNKNOWN_SIZES else int(start + length)


def _claim_of_mp4(stream: BinaryIO, size: int) -> int | None:
    """The end of the last box (ISO 14496-12 section 4.2): sizes of 1 are written in 64 bits, 0 reaches the end."""
    offset = 0
    for _ in range(MAX_CHUNKS):
        stream.seek(offset)
        head = stream.read(16)
        if len(head) < 8:
            return offset + 8 if head.strip(b"\0") else None
        if head[4:8] not in MP4_BOXES:  # something was appended that is no box
            return None
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            return None
        offset += length
        if offset > size:
            return offset
    return None


def _claim_of_avi(stream: BinaryIO, size: int) -> int | None:
    """The end of the last RIFF: files beyond 1 GB have several (OpenDML)."""
    claimed = None
    for name, start, length in _chunks(stream, size, 0, "<4sI"):
        if name != b"RIFF" or length in UNKNOWN_SIZES:
            break
        claimed = start + length
    return claimed


def _claim_of_matroska(stream: BinaryIO, size: int) -> int | None:
    """The end of the segment (RFC 8794 section 5 and 6: lengths are variable-size integers; all ones is unknown)."""
    stream.seek(0)
    head = stream.read(256)
    offset = 4
    header = _vint(head, offset)
    if header is None or header[0] is None:
        return None
    offset += header[1] + header[0]
    if head[offset : offset + 4] != b"\x18S\x80g":
        return None
    segment = _vint(head, offset + 4)
    if segment is None or segment[0] is None:
        return None
    return offset + 4 + segment[1] + segment[0]


def _vint(data: bytes, offset: int) -> tuple[int | None, int] | None:
    """(value or None for unknown, width)."""
    if offset >= len(data) or data[offset] == 0:
        return None
    width = 9 - data[offset].bit_length()
    value = int.from_bytes(data[offset : offset + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), width


def _claim_of_ts(stream: BinaryIO, size: int) -> int | None:
    stream.seek(0)
    packet = 188 if stream.read(1) == b"G" else 192
    return -(-size // packet) * packet


def _check_last_ogg_page(stream: BinaryIO, size: int) -> None:
    """The last page must be whole and be marked as the end of its stream (RFC 3533 section 6, header type 4)."""
    start = max(0, size - OGG_PAGE_BYTES - 1024)
    stream.seek(start)
    tail = stream.read()
    last = tail.rfind(b"OggS\0")
    page = tail[last:]
    whole = last >= 0 and len(page) >= 27 and len(page) >= 27 + page[26]
    if not whole or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        raise ItemError("truncated", "the last Ogg page is cut", got=f"{size} bytes")
    if not page[5] & 4:
        raise ItemError("truncated", "the last Ogg page is not marked as the end of its stream", got=f"{size} bytes")


CLAIMS: dict[str, Claim] = {
    "WAV": _claim_of_data(12, "<4sI", b"data"),
    "RF64": _claim_of_data(12, "<4sI", b"data"),
    "AIFF": _claim_of_data(12, ">4sI", b"SSND"),
    "CAF": _claim_of_data(8, ">4sq", b"data"),
    "W64": _claim_of_w64,
    "AU": _claim_of_au,
    "MP4": _claim_of_mp4,
    "AVI": _claim_of_avi,
    "MATROSKA": _claim_of_matroska,
    "MPEG-TS": _claim_of_ts,
}
