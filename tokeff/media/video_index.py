"""What is in a video file, by its list of samples or by every packet: which frames, when shown, where one may seek.

Frames that the decoder throws away (behind an edit list, before the first keyframe, hidden reference frames of VP8)
are not frames of the clip. One frame is decoded, for its size and turn; leaves out the others (`video_frames`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.media.containers import HEAD_BYTES, MP4, Container
from tokeff.media.containers import container as container_of
from tokeff.media.extents import check_extent
from tokeff.media.video_packets import NO_TIME, Packets, listed_packets, read_packets
from tokeff.media.video_tables import SampleTable, sample_tables
from tokeff.records.headers import VideoHeader

if TYPE_CHECKING:
    from av.container import InputContainer
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
    stream_place: int
    """Among all its streams."""
    decoded_width: int
    decoded_height: int
    turn: Turn
    pts: NDArray[np.int64] | None
    """[n_frames] by which frames are found, rising; None where the file gives no usable times: frames are counted."""
    key_pts: NDArray[np.int64]
    """[n_keys] pts of the keyframes, rising."""
    key_dts: NDArray[np.int64]
    """[n_keys] their decoding times."""


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
    """The frames of the clip in a seekable `stream`, by its list of samples where it has a plain one, else by packets.

    Raises ItemError: `empty`, `truncated`, `unreadable`, `no_video_stream`, ...
    """
    kind = _whole_container(stream)
    tables = sample_tables(stream) if kind is MP4 else {}
    return _listed_index(stream, tables) or _scanned_index(stream)


def _listed_index(stream: BinaryIO, tables: dict[int, SampleTable]) -> VideoIndex | None:
    if not tables:
        return None
    with opened(stream) as container:
        video = _video_stream(container)
        listed = listed_packets(container, video, tables[video.id]) if video.id in tables else None
        return None if listed is None else _index(container, video, *listed)


def _scanned_index(stream: BinaryIO) -> VideoIndex:
    with opened(stream) as container:
        video = _video_stream(container)
        packets, frame = read_packets(container, video)
        if frame is None or not len(packets):
            raise ItemError("no_frames", "its video stream holds no frame that decodes", got=f"{len(packets)} packets")
        return _index(container, video, packets, frame)


def _whole_container(stream: BinaryIO) -> Container | None:
    """What the file is, if it is known, and is all there: a cut one often opens, and then tells a shorter story."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if not head:
        raise ItemError("empty", "holds no bytes")
    kind = container_of(head)
    if kind is not None:
        check_extent(stream, kind)
    return kind


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


def _index(container: "InputContainer", video: "VideoStream", packets: Packets, frame: "VideoFrame") -> VideoIndex:
    turn = Turn.of(frame)
    stamped = _gives_times(container) and _one_clock(container, packets) and NO_TIME not in packets.pts
    shown, keys = _by_presentation(packets) if stamped else (_from_first_key(packets), packets[:0])
    if not len(shown):
        raise ItemError("no_frames", "shows no frame", got=f"{len(packets)} packets")
    times = shown.pts if stamped else shown.dts
    seconds, duration = _seconds(times, int(shown.durations[-1]), video)
    width, height = _shown_size(container, frame, turn)
    header = VideoHeader(
        width=width,
        height=height,
        frame_seconds=seconds,
        duration_seconds=duration,
        container=container.format.name.split(",")[0],
        codec=video.codec_context.codec.canonical_name,
        counted="measured" if stamped else "claimed",
        key_places=np.flatnonzero(shown.keys),
    )
    return VideoIndex(
        header=header,
        video_place=container.streams.video.index(video),
        stream_place=video.index,
        decoded_width=frame.width,
        decoded_height=frame.height,
        turn=turn,
        pts=times if stamped and bool(np.all(np.diff(times) > 0)) else None,
        key_pts=keys.pts,
        key_dts=np.where(keys.dts == NO_TIME, keys.pts, keys.dts),
    )


def _gives_times(container: "InputContainer") -> bool:
    """Whether times of presentation are in the file. AVI and bare streams have none: FFmpeg then guesses, and errs."""
    return container.format.name != "avi" and not int(container.format.flags) & _NO_TIMESTAMPS


def _one_clock(container: "InputContainer", packets: Packets) -> bool:
    """False where a clock starts anew, as in transport streams that were joined: then only the rate is left.

    An MP4 has one clock; its edits start decoding, not showing, at an earlier keyframe.
    """
    return container.format.name.startswith("mov") or _rise(packets.dts[packets.dts != NO_TIME])


def _rise(times: NDArray[np.int64]) -> bool:
    return bool(np.all(np.diff(times) >= 0))


def _shown_size(container: "InputContainer", frame: "VideoFrame", turn: Turn) -> tuple[int, int]:
    note = re.fullmatch(CROP_NOTE + r"(\d{1,6})x(\d{1,6})", container.metadata.get("comment", ""))
    if note is not None:
        width, height = int(note[1]), int(note[2])
        if frame.width - width in (0, 1) and frame.height - height in (0, 1):
            return width, height
    return (frame.height, frame.width) if turn.transpose else (frame.width, frame.height)


def _from_first_key(packets: Packets) -> Packets:
    """Shown frames in order of decoding; what comes before the first keyframe leans on frames that are not there."""
    started = packets[_first_key(packets) :]
    return started[~started.discarded]


def _by_presentation(packets: Packets) -> tuple[Packets, Packets]:
    """Shown frames and keyframes, each in order of presentation.

    What is shown before the first keyframe leans on frames that are not there, like what is decoded before it.
    """
    started = packets[_first_key(packets) :]
    started = started[started.pts >= started.pts[0]]
    ordered = started[np.argsort(started.pts, kind="stable")]
    return ordered[~ordered.discarded], ordered[ordered.keys]


def _first_key(packets: Packets) -> int:
    return int(np.argmax(packets.keys))


def _seconds(times: NDArray[np.int64], last: int, video: "VideoStream") -> tuple[NDArray[np.float64], float]:
    """[n_frames] presentation seconds and the clip's duration; frames without times are numbered by the file's rate."""
    rate, base = video.guessed_rate or video.average_rate, video.time_base
    if base and NO_TIME not in times and _rise(times):
        # Each quotient is rounded once, as that of FFmpeg's fractions.
        seconds = times * base.numerator / base.denominator
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
