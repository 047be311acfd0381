"""The sample tables of an MP4 or QuickTime file (ISO/IEC 14496-12): every frame's time without reading any frame.

Two hours of video are a few megabytes here. Only what is plain is read: no fragments, no edit that leaves out or
repeats frames, one description of samples; of all else `sample_tables` says nothing, and packets must be read.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import ItemError

MAX_TABLE_BYTES = 2**29
_MAX_TICKS = 2**28
"""A longer duration or offset is damage, which FFmpeg mends in ways of its own."""
_UNUSUAL = {b"stps", b"sbgp"}
"""Partial or grouped sync samples: FFmpeg marks more keyframes than `stss` lists."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleTable:
    """Samples of one track in order of decoding, in ticks of the track. Every array is [n_samples]."""

    dts: NDArray[np.int64]
    """From 0."""
    offsets: NDArray[np.int64]
    """From decoding to presentation."""
    durations: NDArray[np.int64]
    keys: NDArray[np.bool_]


class _Unusual(Exception):
    """Not a table of the plain kind."""


def sample_tables(stream: BinaryIO) -> dict[int, SampleTable]:
    """The tables of plain tracks of an MP4 file by track id. Raises ItemError `truncated`, also where it has none."""
    size = stream.seek(0, os.SEEK_END)
    moov = _moov(stream, size)
    boxes = dict(_boxes(moov))
    if b"mvhd" not in boxes or b"mvex" in boxes:
        return {}
    tables = {}
    for name, body in _boxes(moov):
        if name == b"trak":
            try:
                track_id, table = _track(body, _timescale(boxes[b"mvhd"]), size)
            except (_Unusual, struct.error, KeyError, ValueError, IndexError):
                continue
            tables[track_id] = table
    return tables


def _moov(stream: BinaryIO, size: int) -> bytes:
    """The content of the one box of all tables; nothing where there are fragments beside it, or several."""
    places = list(_file_boxes(stream, size))
    names = [name for name, _, _ in places]
    if not {b"moov", b"moof"} & set(names):
        fix = "The recording was not finished, or its end is lost."
        raise ItemError("truncated", "its table of frames (moov) is missing", got=f"{size} bytes", fix=fix)
    if b"moof" in names or names.count(b"moov") != 1:
        return b""
    _, start, length = places[names.index(b"moov")]
    stream.seek(start)
    return stream.read(length) if length <= MAX_TABLE_BYTES else b""


def _file_boxes(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, length) of the content of the boxes of a file."""
    offset = 0
    while offset + 8 <= size:
        stream.seek(offset)
        head = stream.read(16)
        name, length, start = head[4:8], int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), 16
        length = length or size - offset
        if length < start:
            return
        yield name, offset + start, length - start
        offset += length


def _boxes(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """(name, body) of the boxes one after the other."""
    view = memoryview(data)
    offset = 0
    while offset + 8 <= len(view):
        length, name = struct.unpack_from(">I4s", view, offset)
        start = offset + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", view, start)
            start += 8
        stop = offset + length if length else len(view)
        if stop < start or stop > len(view):
            return
        yield name, view[start:stop]
        offset = stop


def _track(body: memoryview, movie_timescale: int, file_size: int) -> tuple[int, SampleTable]:
    track = dict(_boxes(body))
    media = dict(_boxes(track[b"mdia"]))
    names = [name for name, _ in _boxes(dict(_boxes(media[b"minf"]))[b"stbl"])]
    tables = dict(_boxes(dict(_boxes(media[b"minf"]))[b"stbl"]))
    if _UNUSUAL & set(names) or len(set(names)) < len(names) or _u32(tables[b"stsd"], 4) != 1:
        raise _Unusual
    sizes = _sizes(tables)
    _check_extents(tables, sizes, file_size)
    durations = _runs(tables[b"stts"], len(sizes))
    offsets = _runs(tables[b"ctts"], len(sizes)) if b"ctts" in tables else np.zeros(len(sizes), dtype=np.int64)
    if durations.min() < 0 or max(durations.max(), abs(offsets).max()) > _MAX_TICKS:
        raise _Unusual
    dts = np.cumsum(durations) - durations
    if b"edts" in track:
        _check_edits(track[b"edts"], dts + offsets, durations, movie_timescale, _timescale(media[b"mdhd"]))
    table = SampleTable(dts=dts, offsets=offsets, durations=durations, keys=_keys(tables, len(sizes)))
    return _u32(track[b"tkhd"], 20 if track[b"tkhd"][0] == 1 else 12), table


def _u32(body: memoryview, offset: int) -> int:
    (value,) = struct.unpack_from(">I", body, offset)
    return int(value)


def _timescale(body: memoryview) -> int:
    """Of `mvhd` and `mdhd`: times of version 1 have 64 bits."""
    return _u32(body, 20 if body[0] == 1 else 12)


def _array(body: memoryview, start: int, n: int, kind: str) -> NDArray[np.int64]:
    dtype = np.dtype(kind)
    return np.frombuffer(body, dtype=dtype, count=n, offset=start).astype(np.int64)


def _runs(body: memoryview, n_samples: int) -> NDArray[np.int64]:
    """`stts`, `ctts`: (number of samples, value) pairs, one behind the other. FFmpeg reads every offset as signed."""
    pairs = _array(body, 8, 2 * _u32(body, 4), ">i4").reshape(-1, 2)
    if len(pairs) == 0 or pairs[:, 0].min() < 1 or pairs[:, 0].sum() != n_samples:
        raise _Unusual
    return np.repeat(pairs[:, 1], pairs[:, 0])


def _sizes(tables: dict[bytes, memoryview]) -> NDArray[np.int64]:
    body = tables[b"stsz"]
    same, n = _u32(body, 4), _u32(body, 8)
    if n > MAX_TABLE_BYTES:
        raise _Unusual
    sizes = np.full(n, same, dtype=np.int64) if same else _array(body, 12, n, ">u4")
    if n == 0 or sizes.min() < 1:
        raise _Unusual
    return sizes


def _check_extents(tables: dict[bytes, memoryview], sizes: NDArray[np.int64], file_size: int) -> None:
    """Raises ItemError where a chunk of samples reaches beyond the file."""
    wide = b"co64" in tables
    body = tables[b"co64" if wide else b"stco"]
    starts = _array(body, 8, _u32(body, 4), ">i8" if wide else ">u4")
    runs = _array(tables[b"stsc"], 8, 3 * _u32(tables[b"stsc"], 4), ">u4").reshape(-1, 3)
    if runs[0, 0] != 1 or np.any(np.diff(runs[:, 0]) <= 0) or np.any(runs[:, 2] != 1):
        raise _Unusual
    lasting = np.diff(np.append(runs[:, 0], len(starts) + 1))
    per_chunk = np.repeat(runs[:, 1], np.maximum(lasting, 0))
    if len(per_chunk) != len(starts) or per_chunk.sum() != len(sizes):
        raise _Unusual
    ends = np.cumsum(sizes)[np.cumsum(per_chunk) - 1]
    chunk_bytes = np.diff(ends, prepend=0)
    if int((starts + chunk_bytes).max()) > file_size:
        expected = f"{int((starts + chunk_bytes).max())}, as its table of samples says"
        raise ItemError("truncated", "the file ends before its last frame", got=f"{file_size} bytes", expected=expected)


def _check_edits(
    body: memoryview, composed: NDArray[np.int64], durations: NDArray[np.int64], movie_hz: int, media_hz: int
) -> None:
    """Raises _Unusual unless the edits are waits and one stretch, at its own speed, of every frame."""
    edits = [edit for edit in _edits(dict(_boxes(body))[b"elst"]) if edit[1] != -1]
    if len(edits) != 1 or edits[0][2] != 1 << 16:
        raise _Unusual
    lasting, start, _ = edits[0]
    # The movie's clock is coarser: FFmpeg rounds the end, and keeps frames that begin before it.
    end = start + lasting * media_hz // movie_hz
    last = int(np.argmax(composed))
    if start != composed.min() or end <= composed[last] or end < composed[last] + durations[last] // 2:
        raise _Unusual


def _edits(body: memoryview) -> Iterator[tuple[int, int, int]]:
    """(duration in ticks of the movie, start in ticks of the track or -1 for a wait, speed of 16.16 bits)."""
    layout = struct.Struct(">QqI" if body[0] == 1 else ">IiI")
    for number in range(_u32(body, 4)):
        yield layout.unpack_from(body, 8 + number * layout.size)


def _keys(tables: dict[bytes, memoryview], n_samples: int) -> NDArray[np.bool_]:
    """`stss` counts from 1; without it every sample is a key."""
    if b"stss" not in tables:
        return np.ones(n_samples, dtype=np.bool_)
    body = tables[b"stss"]
    numbers = _array(body, 8, _u32(body, 4), ">u4")
    keys = np.zeros(n_samples, dtype=np.bool_)
    if len(numbers) == 0 or numbers.min() < 1 or numbers.max() > n_samples:
        raise _Unusual
    keys[numbers - 1] = True
    return keys
