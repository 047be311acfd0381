"""Does a container promise more bytes than there are? A cut file often opens, and then tells a shorter story.

Reads the sizes of the outermost boxes of MP4/MOV, Matroska/WebM and RIFF (AVI, WAV); says nothing of other kinds, nor
of what is inside the boxes.
"""

import os
from typing import BinaryIO

from tokeff.errors import ItemError

_MP4_FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"}
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def check_whole(stream: BinaryIO) -> None:
    """Leaves `stream` at its start. Raises ItemError `empty` or `truncated`."""
    n_bytes = stream.seek(0, os.SEEK_END)
    if n_bytes == 0:
        raise ItemError("empty", "holds no bytes")
    stream.seek(0)
    head = stream.read(12)
    promised = None
    if head[4:8] in _MP4_FIRST_BOXES:
        promised = _mp4_end(stream, n_bytes)
    elif head[:4] == _EBML:
        promised = _matroska_end(stream)
    elif head[:4] == b"RIFF" and head[4:8] not in (b"\x00" * 4, b"\xff" * 4):
        promised = 8 + int.from_bytes(head[4:8], "little")
    stream.seek(0)
    if promised is not None and promised > n_bytes:
        raise ItemError(
            "truncated",
            "the file is cut: its container promises more bytes than there are",
            got=f"{n_bytes} bytes",
            expected=f"{promised} bytes",
            fix="Fetch the file again.",
        )


def _mp4_end(stream: BinaryIO, n_bytes: int) -> int:
    """Where the last outermost box ends (ISO/IEC 14496-12, 4.2); junk behind a whole file is no box."""
    end = 0
    while end + 8 <= n_bytes:
        stream.seek(end)
        head = stream.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 0:  # "up to the end of the file"
            return n_bytes
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in head[4:8]):
            return end
        end += size
    return end


def _matroska_end(stream: BinaryIO) -> int | None:
    """Where the segment ends (RFC 8794 and 9559); None where its size is left open, as live recordings do."""
    stream.seek(4)
    header_size = _ebml_size(stream)
    if header_size is None:
        return None
    stream.seek(header_size, os.SEEK_CUR)
    if stream.read(4) != _SEGMENT:
        return None
    size = _ebml_size(stream)
    return None if size is None else stream.tell() + size


def _ebml_size(stream: BinaryIO) -> int | None:
    """A variable-length number at the stream's place: leading zeros say its length; all ones mean unknown."""
    first = stream.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    rest = stream.read(length - 1)
    value = int.from_bytes(bytes([first[0] & (0xFF >> length)]) + rest, "big")
    return None if value == (1 << (7 * length)) - 1 else value
