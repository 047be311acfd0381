"""The packets of a clip as arrays: read one by one, or listed by the sample table of an MP4 where that tells the same.

A table is believed only where nothing is cut out by an edit list, where all of its samples lie in the file, and where
its beginning and its last keyframe are what FFmpeg reads there. Leaves out what is shown of them (`video_index`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.media.video_tables import SampleTable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

NO_TIME = np.iinfo(np.int64).min
"""Where a packet gives no time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packets:
    """Packets in order of decoding; times are ticks of the stream. Every array is [n_packets]."""

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    durations: NDArray[np.int64]
    """0 where it is not known."""
    keys: NDArray[np.bool_]
    discarded: NDArray[np.bool_]
    """Decoded, but not shown."""

    def __len__(self) -> int:
        return len(self.pts)

    def __getitem__(self, chosen: Any) -> "Packets":
        return Packets(
            pts=self.pts[chosen],
            dts=self.dts[chosen],
            durations=self.durations[chosen],
            keys=self.keys[chosen],
            discarded=self.discarded[chosen],
        )

    @classmethod
    def of(cls, packets: "Sequence[_Read]") -> "Packets":
        """From what was read of each."""
        columns = list(zip(*packets, strict=True)) or [()] * 5
        pts, dts, durations = (np.array(column, dtype=np.int64) for column in columns[:3])
        keys, discarded = (np.array(column, dtype=np.bool_) for column in columns[3:])
        return cls(pts=pts, dts=dts, durations=durations, keys=keys, discarded=discarded)


_Read = tuple[int, int, int, bool, bool]


def demuxed(container: "InputContainer", video: "VideoStream") -> "Iterator[Packet[VideoStream]]":
    """The packets of a stream, the empty one that flushes the decoder last."""
    try:
        yield from container.demux(video)
    except IndexError as error:  # of PyAV's list of streams
        raise ItemError("late_stream", "a stream begins in its middle, which PyAV cannot follow") from error


def read_packets(container: "InputContainer", video: "VideoStream") -> "tuple[Packets, VideoFrame | None]":
    """Every packet that makes a frame, and the first frame. Raises ItemError `truncated` for a packet that is cut."""
    packets: list[_Read] = []
    frame = None
    # A transport stream is marked as cut wherever two were joined; if pixels are hurt, decoding will say so.
    marks_cuts = container.format.name != "mpegts"
    is_vp8 = video.codec_context.codec.canonical_name == "vp8"
    for packet in demuxed(container, video):
        if marks_cuts and packet.is_corrupt:
            raise ItemError("truncated", "a packet is cut", where=f"packet {len(packets)}")
        if packet.size and not (is_vp8 and _hidden(packet)):
            packets.append(_read(packet))
        if frame is None:
            frame = next(iter(packet.decode()), None)
    return Packets.of(packets), frame


def listed_packets(
    container: "InputContainer", video: "VideoStream", table: SampleTable
) -> "tuple[Packets, VideoFrame] | None":
    """What `read_packets` gives, from the table and a few packets; None where they do not agree."""
    if video.codec_context.codec.canonical_name == "vp8":
        return None
    head: list[_Read] = []
    frame = None
    for packet in demuxed(container, video):
        if packet.size:
            head.append(_read(packet))
        frame = next(iter(packet.decode()), None)
        if frame is not None:
            break
    if frame is None or NO_TIME in head[0][:2]:
        return None
    packets = _shifted(table, head[0])
    container.seek(int(packets.pts[packets.keys][-1]), stream=video)
    tail = next((_read(packet) for packet in demuxed(container, video) if packet.size), None)
    if tail is None or not _agree(packets, head, 0):
        return None
    place = int(np.searchsorted(packets.dts, tail[1]))  # FFmpeg may land some frames earlier
    return (packets, frame) if _agree(packets, [tail], place) else None


def _shifted(table: SampleTable, first: _Read) -> Packets:
    """With the times that FFmpeg gives: it moves all by as much as the first."""
    composed = table.dts + table.offsets
    return Packets(
        pts=composed + (first[0] - composed[0]),
        dts=table.dts + (first[1] - table.dts[0]),
        durations=table.durations,
        keys=table.keys,
        discarded=np.zeros(len(table.dts), dtype=np.bool_),
    )


def _agree(packets: Packets, read: Sequence[_Read], start: int) -> bool:
    listed, expected = packets[start : start + len(read)], Packets.of(read)
    pairs = (
        (listed.pts, expected.pts),
        (listed.dts, expected.dts),
        (listed.durations, expected.durations),
        (listed.keys, expected.keys),
        (listed.discarded, expected.discarded),
    )
    return all(np.array_equal(one, other) for one, other in pairs)


def _read(packet: "Packet[VideoStream]") -> _Read:
    pts = NO_TIME if packet.pts is None else packet.pts
    dts = NO_TIME if packet.dts is None else packet.dts
    return pts, dts, packet.duration or 0, packet.is_keyframe, packet.is_discard


def _hidden(packet: "Packet[VideoStream]") -> bool:
    """A VP8 frame that is only referred to: its show_frame bit is 0 (RFC 6386, 9.1)."""
    return not bytes(memoryview(packet)[:1])[0] & 0x10
