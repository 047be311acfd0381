"""What is in a video file, found by reading every packet: which frames, when each is shown, where one may seek.

Frames that the decoder throws away (behind an edit list, before the first keyframe, hidden reference frames of VP8)
are not frames of the clip. One frame is decoded, for its size and turn; leaves out the others (`video_frames`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.media.containers import HEAD_BYTES
from tokeff.media.containers import container as container_of
from tokeff.media.extents import check_extent
from tokeff.records.headers import VideoHeader

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Playlists (hls, concat, dash) are not among them: a file of a corpus must not open others.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,gif,apng,webp,h264,hevc,vvc,m4v,h263,ivf,obu,av1,"
    "nut,mxf,rm,dv,vc1,yuv4mpegpipe,mp3,flac,wav,aac,aiff,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe"
)
_NO_TIMESTAMPS = 0x80
"""AVFMT_NOTIMESTAMPS of libavformat."""
_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails
CROP_NOTE = "tokeff shows "
"""Begins the comment in which `video_encode` writes an odd size that the codec had to pad."""

av.logging.set_level(None)
av.logging.set_libav_level(av.logging.PANIC)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a decoded frame becomes the shown one: transposed first, then mirrored."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Turn":
        """From the frame's display matrix: x' = a x + c y, y' = b x + d y. Raises ItemError for a slanted one."""
        side_data = cast(Any, frame.side_data)  # av's stub calls it a TypedDict
        matrix = next((bytes(data) for data in side_data if data.type == SideDataType.DISPLAYMATRIX), None)
        if matrix is None:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, dtype=np.int32)[:5].tolist()
        if a and d and not (b or c):
            return cls(False, a < 0, d < 0)
        if b and c and not (a or d):
            return cls(True, c < 0, b < 0)
        raise ItemError("rotation", "is to be shown slanted", got=(a, b, c, d), expected="a quarter turn or a mirror")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoIndex:
    """The frames of one clip and the way to them."""

    header: VideoHeader
    video_place: int
    """Among the file's video streams."""
    decoded_width: int
    decoded_height: int
    turn: Turn
    pts: NDArray[np.int64] | None
    """[n_frames] by which frames are found, rising; None where the file gives no usable times: frames are counted."""
    key_pts: NDArray[np.int64]
    """[n_keys] pts of the keyframes, rising."""
    key_dts: NDArray[np.int64]
    """[n_keys] their decoding times."""


@dataclass(frozen=True, slots=True)
class _Packet:
    pts: int | None
    dts: int | None
    duration: int
    keyframe: bool
    discarded: bool


@contextmanager
def opened(stream: BinaryIO) -> "Iterator[InputContainer]":
    """The container in `stream`; errors of FFmpeg inside the block become ItemErrors. Closes the container only."""
    container = None
    try:
        stream.seek(0)
        container = av.open(
            stream, mode="r", container_options={"format_whitelist": _FORMATS}, metadata_errors="replace"
        )
        yield container
    except av.error.FFmpegError as error:
        if container is None and isinstance(error, av.error.EOFError):
            raise ItemError("no_frames", "ends before its first frame") from error
        if container is None:
            raise ItemError("unreadable", f"is not a video that FFmpeg can open: {error.strerror}") from error
        raise ItemError("decode_error", f"cannot be decoded: {error.strerror}") from error
    finally:
        if container is not None:
            container.close()


def read_index(stream: BinaryIO) -> VideoIndex:
    """Read every packet of the clip. Raises ItemError: `empty`, `truncated`, `unreadable`, `no_video_stream`, ..."""
    _check_whole(stream)
    with opened(stream) as container:
        video = _video_stream(container)
        packets, frame = _read_packets(container, video)
        if frame is None or not packets:
            raise ItemError("no_frames", "its video stream holds no frame that decodes", got=f"{len(packets)} packets")
        return _index(container, video, packets, frame)


def demuxed(container: "InputContainer", video: "VideoStream") -> "Iterator[Packet[VideoStream]]":
    """The packets of a stream, the empty one that flushes the decoder last."""
    try:
        yield from container.demux(video)
    except IndexError as error:  # of PyAV's list of streams
        raise ItemError("late_stream", "a stream begins in its middle, which PyAV cannot follow") from error


def _check_whole(stream: BinaryIO) -> None:
    """A cut file often opens, and then tells a shorter story."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if not head:
        raise ItemError("empty", "holds no bytes")
    kind = container_of(head)
    if kind is not None:
        check_extent(stream, kind)


def _video_stream(container: "InputContainer") -> "VideoStream":
    """The default video stream, else the first; a cover picture is none."""
    streams = [s for s in container.streams.video if not s.disposition & _NOT_VIDEO]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams})
        raise ItemError("no_video_stream", "holds no video stream", got=", ".join(kinds) or "no stream")
    chosen = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if chosen.codec_context is None:
        raise ItemError("unknown_codec", "its video stream has a codec that FFmpeg cannot decode")
    return chosen


def _read_packets(container: "InputContainer", video: "VideoStream") -> "tuple[list[_Packet], VideoFrame | None]":
    packets: list[_Packet] = []
    frame = None
    for packet in demuxed(container, video):
        # A transport stream is marked so wherever two were joined; if pixels are hurt, decoding will say so.
        if packet.is_corrupt and container.format.name != "mpegts":
            raise ItemError("truncated", "a packet is cut", where=f"packet {len(packets)}")
        if packet.size and not _hidden(packet, video):
            packets.append(_Packet(packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe, packet.is_discard))
        if frame is None:
            frame = next(iter(packet.decode()), None)
    return packets, frame


def _hidden(packet: "Packet[VideoStream]", video: "VideoStream") -> bool:
    """A VP8 frame that is only referred to: its show_frame bit is 0 (RFC 6386, 9.1)."""
    return video.codec_context.codec.canonical_name == "vp8" and not bytes(memoryview(packet)[:1])[0] & 0x10


def _index(
    container: "InputContainer", video: "VideoStream", packets: list[_Packet], frame: "VideoFrame"
) -> VideoIndex:
    turn = Turn.of(frame)
    continuous = _rise([packet.dts for packet in packets if packet.dts is not None])
    stamped = _gives_times(container) and continuous and all(packet.pts is not None for packet in packets)
    shown, keys = _by_presentation(packets) if stamped else (_from_first_key(packets), [])
    if not shown:
        raise ItemError("no_frames", "shows no frame", got=f"{len(packets)} packets")
    times = [packet.pts if stamped else packet.dts for packet in shown]
    seconds, duration = _seconds(times, shown[-1].duration, video)
    width, height = _shown_size(container, frame, turn)
    pts = np.array(times, dtype=np.int64) if stamped else None
    header = VideoHeader(
        width=width,
        height=height,
        frame_seconds=seconds,
        duration_seconds=duration,
        container=container.format.name.split(",")[0],
        codec=video.codec_context.codec.canonical_name,
        counted="measured" if stamped else "claimed",
        key_places=np.array([place for place, packet in enumerate(shown) if packet.keyframe], dtype=np.int64),
    )
    return VideoIndex(
        header=header,
        video_place=container.streams.video.index(video),
        decoded_width=frame.width,
        decoded_height=frame.height,
        turn=turn,
        pts=pts if pts is not None and bool(np.all(np.diff(pts) > 0)) else None,
        key_pts=np.array([key.pts for key in keys], dtype=np.int64),
        key_dts=np.array([key.pts if key.dts is None else key.dts for key in keys], dtype=np.int64),
    )


def _gives_times(container: "InputContainer") -> bool:
    """Whether times of presentation are in the file. AVI and bare streams have none: FFmpeg then guesses, and errs."""
    return container.format.name != "avi" and not int(container.format.flags) & _NO_TIMESTAMPS


def _rise(times: list[int]) -> bool:
    """False where a clock starts anew, as in transport streams that were joined: then only the rate is left."""
    return all(before <= after for before, after in pairwise(times))


def _shown_size(container: "InputContainer", frame: "VideoFrame", turn: Turn) -> tuple[int, int]:
    note = re.fullmatch(CROP_NOTE + r"(\d{1,6})x(\d{1,6})", container.metadata.get("comment", ""))
    if note is not None:
        width, height = int(note[1]), int(note[2])
        if frame.width - width in (0, 1) and frame.height - height in (0, 1):
            return width, height
    return (frame.height, frame.width) if turn.transpose else (frame.width, frame.height)


def _from_first_key(packets: list[_Packet]) -> list[_Packet]:
    """Shown frames in order of decoding; what comes before the first keyframe leans on frames that are not there."""
    first = next((place for place, packet in enumerate(packets) if packet.keyframe), 0)
    return [packet for packet in packets[first:] if not packet.discarded]


def _by_presentation(packets: list[_Packet]) -> tuple[list[_Packet], list[_Packet]]:
    """Shown frames and keyframes, each in order of presentation.

    What is shown before the first keyframe leans on frames that are not there, like what is decoded before it.
    """
    first = next((place for place, packet in enumerate(packets) if packet.keyframe), 0)
    start = packets[first].pts or 0
    ordered = sorted((p for p in packets[first:] if (p.pts or 0) >= start), key=lambda packet: packet.pts or 0)
    return [p for p in ordered if not p.discarded], [p for p in ordered if p.keyframe]


def _seconds(times: list[int | None], last: int, video: "VideoStream") -> tuple[NDArray[np.float64], float]:
    """[n_frames] presentation seconds and the clip's duration; frames without times are numbered by the file's rate."""
    rate, base = video.guessed_rate or video.average_rate, video.time_base
    known = [time for time in times if time is not None]
    if base and len(known) == len(times) and _rise(known):
        seconds = np.array([float(time * base) for time in known])
        last_seconds = float(last * base)
    elif rate:
        seconds = np.arange(len(times)) / float(rate)
        last_seconds = float(1 / rate)
    else:
        raise ItemError("no_times", "gives neither times of frames nor a rate")
    if not last_seconds:
        steps = np.diff(seconds)
        last_seconds = float(np.median(steps)) if len(steps) else float(1 / rate) if rate else 0.0
    return seconds, float(seconds[-1] - seconds[0]) + last_seconds
