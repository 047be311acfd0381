"""Sample tables and edit lists of MP4: the oracles are the packets and the plain sequential decoding of FFmpeg."""

import io
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from tokeff.errors import ItemError
from tokeff.media import video
from tokeff.media.video_frames import UNBIASED, IndexedFrames
from tokeff.media.video_index import opened
from tokeff.media.video_packets import Packets, listed_packets, read_packets
from tokeff.media.video_tables import sample_tables

Write = Callable[..., bytes]
NORMAL = 1 << 16
ELST = (b"moov", b"trak", b"edts", b"elst")


def box_starts(data: bytes, path: Sequence[bytes]) -> list[int]:
    """Offsets of the boxes of a path, each in the one before."""
    starts, low, high = [], 0, len(data)
    for name in path:
        while data[low + 4 : low + 8] != name:
            low += int.from_bytes(data[low : low + 4], "big")
            if low >= high:
                raise KeyError(name)
        starts.append(low)
        low, high = low + 8, low + int.from_bytes(data[low : low + 4], "big")
    return starts


def with_edits(data: bytes, edits: Sequence[tuple[int, int, int]]) -> bytes:
    """The file, its tables last, with other edits: (milliseconds, start in ticks or -1 for a wait, speed)."""
    starts = box_starts(data, ELST)
    length = int.from_bytes(data[starts[-1] : starts[-1] + 4], "big")
    body = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">IiI", *edit) for edit in edits)
    changed = bytearray(data)
    changed[starts[-1] : starts[-1] + length] = struct.pack(">I4s", 8 + len(body), b"elst") + body
    for start in starts[:-1]:
        grown = int.from_bytes(data[start : start + 4], "big") + 8 + len(body) - length
        changed[start : start + 4] = grown.to_bytes(4, "big")
    return bytes(changed)


def first_edit(data: bytes) -> tuple[int, int]:
    """(milliseconds, start in ticks)."""
    duration, start, _ = struct.unpack_from(">IiI", data, box_starts(data, ELST)[-1] + 16)
    return duration, start


def both_ways(data: bytes) -> tuple[Packets | None, Packets]:
    """Packets by the table, where it is plain, and packets read."""
    tables = sample_tables(io.BytesIO(data)) if data[4:8] == b"ftyp" else {}
    with opened(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        listed = listed_packets(container, stream, tables[stream.id]) if stream.id in tables else None
    with opened(io.BytesIO(data)) as container:
        return (listed[0] if listed else None), read_packets(container, container.streams.video[0])[0]


def assert_same(listed: Packets, read: Packets) -> None:
    for name in ("pts", "dts", "durations", "keys", "discarded"):
        np.testing.assert_array_equal(getattr(listed, name), getattr(read, name), err_msg=name)


def test_tables_tell_what_packets_tell(clip_kind: str, kinds: dict[str, Any], write_kind: Write) -> None:
    listed, read = both_ways(write_kind(clip_kind))
    is_plain = kinds[clip_kind].container in ("mp4", "mov") and clip_kind != "fragments"
    assert (listed is not None) == is_plain
    if listed is not None:
        assert_same(listed, read)


@pytest.mark.shared
def test_tables_of_real_files(shared: Path) -> None:
    paths = sorted((shared / "corpora" / "video").glob("*.mp4"))
    for path in paths:
        listed, read = both_ways(path.read_bytes())
        assert listed is not None
        assert_same(listed, read)
    assert len(paths) > 2


EDITS: dict[str, Callable[[int, int], list[tuple[int, int, int]]]] = {
    "as it was": lambda whole, start: [(whole, start, NORMAL)],
    "begins inside a GOP": lambda whole, start: [(whole, start + 5 * 512, NORMAL)],
    "begins between two frames": lambda whole, start: [(whole, start + 27 * 512 + 100, NORMAL)],
    "ends early": lambda whole, start: [(whole // 2 + 17, start, NORMAL)],
    "a part": lambda whole, start: [(800, start + 23 * 512, NORMAL)],
    "a wait": lambda whole, start: [(500, -1, NORMAL), (whole, start, NORMAL)],
    "a wait and a part": lambda whole, start: [(500, -1, NORMAL), (1000, start + 9 * 512, NORMAL)],
    "two parts": lambda whole, start: [(800, start, NORMAL), (800, start + 40 * 512, NORMAL)],
    "a part twice": lambda whole, start: [(800, start, NORMAL), (800, start, NORMAL)],
    "a gap": lambda whole, start: [(400, start, NORMAL), (500, -1, NORMAL), (800, start + 20 * 512, NORMAL)],
    "half speed": lambda whole, start: [(whole, start, NORMAL // 2)],
}


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("name", EDITS)
def test_edits_are_those_of_ffmpeg(name: str, b_frames: int, write_clip: Write) -> None:
    plain = write_clip(n_frames=60, gop=20, b_frames=b_frames)
    data = with_edits(plain, EDITS[name](*first_edit(plain)))
    assert bool(sample_tables(io.BytesIO(data))) == (name in ("as it was", "a wait"))
    with av.open(io.BytesIO(data), mode="r") as container:
        frames = [
            (frame.time, frame.to_ndarray(format="gbrp", interpolation=UNBIASED, threads=1))
            for frame in container.decode(video=0)
        ]
    pixels = np.stack([shown for _, shown in frames])
    signal = video.decode_bytes(data)
    np.testing.assert_allclose(signal.header.frame_seconds, [time for time, _ in frames], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(torch.cat(list(signal.source.frames())).permute(0, 2, 3, 1).numpy(), pixels)
    for place in range(0, len(pixels), 7):
        np.testing.assert_array_equal(next(signal.source.frames([place]))[0].permute(1, 2, 0).numpy(), pixels[place])


class Counted(io.BytesIO):
    """Counts what is read of it."""

    n_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.n_read += len(data)
        return data


def noisy(write_clip: Write, container: str) -> bytes:
    """4 MB of many frames that compress badly."""
    return write_clip(n_frames=700, width=160, height=120, container=container, options={"crf": "1"}, gop=50)


def test_the_header_of_a_long_file_is_read_without_its_frames(write_clip: Write) -> None:
    n_read = {}
    for container in ("mp4", "matroska"):
        stream = Counted(noisy(write_clip, container))
        header = video.read_header(stream)
        assert header.n_frames == 700
        assert header.key_places is not None
        assert header.key_places.tolist() == list(range(0, 700, 50))
        n_read[container] = stream.n_read / stream.seek(0, os.SEEK_END)
    assert n_read["mp4"] < 0.3
    assert n_read["matroska"] > 0.9  # its index lists keyframes only


def test_samples_behind_the_end_of_the_file_are_missed(write_clip: Write) -> None:
    data = write_clip(n_frames=30, pix_fmt="yuv444p", container="mov")
    (moov,) = box_starts(data, [b"moov"])
    (mdat,) = box_starts(data, [b"mdat"])
    # The samples come last, in a box that says to reach the end: nothing but the table tells that they were cut.
    length = int.from_bytes(data[moov : moov + 4], "big")
    stco = box_starts(data, [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stco"])[-1]
    tables = bytearray(data[moov : moov + length])
    for entry in range(int.from_bytes(data[stco + 12 : stco + 16], "big")):
        place = stco + 16 + 4 * entry
        offset = int.from_bytes(data[place : place + 4], "big") + length
        tables[place - moov : place - moov + 4] = offset.to_bytes(4, "big")
    whole = data[:mdat] + bytes(tables) + bytes(4) + data[mdat + 4 : moov]
    assert video.decode_bytes(whole).header.n_frames == 30
    with pytest.raises(ItemError) as cut:
        video.decode_bytes(whole[:-1000])
    assert cut.value.reason == "truncated"


@pytest.mark.parametrize("seed", range(3))
def test_damaged_tables_give_packets_or_a_reason(seed: int, write_clip: Write) -> None:
    generator = np.random.default_rng(seed)
    plain = write_clip(n_frames=40)
    (moov,) = box_starts(plain, [b"moov"])
    n_whole = 0
    for _ in range(60):
        data = bytearray(plain)
        for place in generator.integers(moov + 8, len(data), 3):
            data[place] = int(generator.integers(256))
        try:
            signal = video.decode_bytes(bytes(data))
            frames = torch.cat(list(signal.source.frames()))
        except ItemError:
            continue
        assert isinstance(signal.source, IndexedFrames)
        assert len(frames) == signal.header.n_frames
        assert bool(np.all(np.diff(signal.header.frame_seconds) >= 0))
        n_whole += 1
    assert n_whole > 10
