"""Frames of a clip on demand, addressed by presentation time: decoded forward, with a seek only where it saves work.

Frames that no other leans on (most B-frames) are decoded only where they are wanted, and pixels are converted for
wanted frames only, with the matrix and range that the file declares (BT.601 where it declares none); high dynamic
range is not tone-mapped, non-square pixels stay as they are, alpha is dropped. Leaves out which frames there are
(`video_index`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media.video_index import VideoIndex, opened
from tokeff.media.video_packets import demuxed

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

CHUNK_BYTES = 64 * 2**20
GREY_CHUNK_BYTES = 2**20
UNBIASED = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
"""swscale's faster default darkens every picture by about one level of 255, which a reconstruction would pay for."""
SEEK_FRAMES = 16
"""A seek that skips no more frames than this is slower than decoding them."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexedFrames:
    """The FrameSource of a file. Can be pickled where `open` can."""

    open: Callable[[], BinaryIO]
    index: VideoIndex
    chunk_bytes: int = CHUNK_BYTES

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield uint8 [n, 3, height, width] of the frames at rising `indices`; n x 3 x height x width <= chunk_bytes.

        Raises ItemError where a frame that the index promises does not come, comes damaged or in another size.
        """
        wanted = checked_indices(indices, self.index.header.n_frames)
        header = self.index.header
        n_most = max(1, self.chunk_bytes // (3 * header.height * header.width))
        reformatter = VideoReformatter()
        found = self._found(wanted)
        for start in range(0, len(wanted), n_most):
            n = min(n_most, len(wanted) - start)
            chunk = torch.empty((n, 3, header.height, header.width), dtype=torch.uint8)
            for row, frame in zip(chunk, found, strict=False):
                _write_pixels(frame, self.index, reformatter, row.numpy())
            yield chunk

    def grey(self, width: int, height: int) -> Iterator[Tensor]:
        """Yield uint8 [n, height, width] of every frame, made small (areas averaged); no colours are computed.

        Levels 0 to 255 whatever the range of the file. Raises as `frames`.
        """
        stored_width, stored_height = (height, width) if self.index.turn.transpose else (width, height)
        reformatter = VideoReformatter()
        n_most = max(1, GREY_CHUNK_BYTES // (width * height))
        found = self._found(range(self.index.header.n_frames))
        while pictures := [_grey(frame, stored_width, stored_height, reformatter) for frame in islice(found, n_most)]:
            chunk = torch.from_numpy(np.stack(pictures))
            yield chunk.transpose(1, 2) if self.index.turn.transpose else chunk

    def _found(self, wanted: Sequence[int]) -> "Iterator[VideoFrame]":
        """The wanted frames. Where leaps led astray (keyframes that lean on others), decodes on from the start."""
        cursor = _Cursor(self.open, self.index, may_leap=True)
        done = 0
        try:
            for frame in cursor.at(wanted):
                yield frame
                done += 1
        except ItemError:
            if not cursor.has_leapt:
                raise
        if done < len(wanted):
            yield from _Cursor(self.open, self.index, may_leap=False).at(wanted[done:])


def checked_indices(indices: Sequence[int] | None, n_frames: int) -> Sequence[int]:
    """The places asked for, all where `indices` is None. Raises ValueError unless they rise within the clip."""
    if indices is None:
        return range(n_frames)
    places = np.asarray(indices, dtype=np.int64)
    if len(places) and (places[0] < 0 or places[-1] >= n_frames or bool(np.any(np.diff(places) <= 0))):
        raise ValueError(f"indices must rise within 0..{n_frames - 1}, got {list(indices)[:20]}")
    listed: list[int] = places.tolist()
    return listed


class _Cursor:
    """One pass through a file. `place` is the presentation index of the next frame to come.

    It may leap, where frames have times: seek, and leave out frames that none leans on.
    """

    def __init__(self, open: Callable[[], BinaryIO], index: VideoIndex, *, may_leap: bool) -> None:
        self.open, self.index = open, index
        self.may_leap = may_leap and index.pts is not None
        self.has_leapt = False
        self.place = 0

    def at(self, wanted: Sequence[int]) -> "Iterator[VideoFrame]":
        """The frames at `wanted`. Raises ItemError `frame_missing`, `corrupt_frame`, `size_change`, `decode_error`."""
        with closing(self.open()) as raw, opened(raw) as container:
            stream = container.streams.video[self.index.video_place]
            stream.thread_type = "AUTO"
            decoded = self._sparsely(wanted)
            frames = decoded(demuxed(container, stream))
            for target in wanted:
                key = self._key_worth_a_seek(target)
                if key is not None:
                    self.has_leapt = True
                    frames = decoded(self._land(container, stream, key))
                yield self._checked(self._forward(frames, target), target)

    def _sparsely(self, wanted: Sequence[int]) -> "Callable[[Iterable[Packet[VideoStream]]], Iterator[VideoFrame]]":
        """How packets are decoded: frames that none leans on only where they are wanted."""
        pts = self.index.pts
        if not self.may_leap or pts is None or len(wanted) == len(pts):
            return _decoded
        self.has_leapt = True
        return partial(_decoded_sparsely, wanted=frozenset(pts[np.asarray(wanted, dtype=np.int64)].tolist()))

    def _key_worth_a_seek(self, target: int) -> int | None:
        """The keyframe to seek to on the way to `target`, if that saves enough decoding."""
        pts, keys = self.index.pts, self.index.key_pts
        if not self.may_leap or pts is None:
            return None
        key = int(np.searchsorted(keys, pts[target], side="right")) - 1
        if key < 0 or int(np.searchsorted(pts, keys[key])) - self.place <= SEEK_FRAMES:
            return None
        return key

    def _land(self, container: "InputContainer", stream: "VideoStream", key: int) -> "Iterator[Packet[VideoStream]]":
        """Packets from a keyframe on that is shown no later than `key` is.

        Containers that seek by decoding time may land behind it when asked for its presentation time.
        """
        pts = int(self.index.key_pts[key])
        for timestamp in (pts, int(self.index.key_dts[key])):
            container.seek(timestamp, stream=stream)
            packets = demuxed(container, stream)
            first = next((packet for packet in packets if packet.size and packet.is_keyframe), None)
            if first is not None and first.pts is not None and first.pts <= pts:
                return chain((first,), packets)
        raise ItemError("seek_failed", "cannot be entered at a keyframe", where=f"keyframe {key}")

    def _forward(self, frames: "Iterator[VideoFrame]", target: int) -> "VideoFrame | None":
        """Decode up to the frame at `target`; None where it does not come."""
        if self.index.pts is None:
            ahead = next(islice(frames, target - self.place, None), None)
        else:
            pts = int(self.index.pts[target])
            ahead = next((frame for frame in frames if frame.pts is not None and frame.pts >= pts), None)
            if ahead is not None and ahead.pts != pts:
                ahead = None
        self.place = target + 1
        return ahead

    def _checked(self, frame: "VideoFrame | None", target: int) -> "VideoFrame":
        where = f"frame {target}"
        if frame is None:
            raise ItemError("frame_missing", "a frame that the file lists does not decode", where=where)
        if frame.is_corrupt:
            raise ItemError("corrupt_frame", "decodes with errors", where=where)
        expected = (self.index.decoded_width, self.index.decoded_height)
        if (frame.width, frame.height) != expected:
            raise ItemError(
                "size_change",
                "the frames change their size",
                where=where,
                got=f"{frame.width}x{frame.height}",
                expected=f"{expected[0]}x{expected[1]}",
            )
        return frame


def _decoded(packets: "Iterable[Packet[VideoStream]]") -> "Iterator[VideoFrame]":
    for packet in packets:
        yield from packet.decode()


def _decoded_sparsely(packets: "Iterable[Packet[VideoStream]]", wanted: frozenset[int]) -> "Iterator[VideoFrame]":
    for packet in packets:
        # The decoder takes the setting over with each packet, also with several threads.
        is_wanted = packet.pts is None or packet.pts in wanted
        packet.stream.codec_context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
        yield from packet.decode()


def _grey(frame: "VideoFrame", width: int, height: int, reformatter: VideoReformatter) -> NDArray[np.uint8]:
    """[height, width], as stored."""
    small = reformatter.reformat(
        frame, format="gray", width=width, height=height, interpolation=Interpolation.AREA, threads=1
    )
    (plane,) = small.planes
    lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    return lines[:, : plane.width].copy()


def _write_pixels(
    frame: "VideoFrame", index: VideoIndex, reformatter: VideoReformatter, shown: NDArray[np.uint8]
) -> None:
    """Fill `shown`, [3, height, width], with the frame as it is shown."""
    # threads=1: swscale otherwise starts a thread pool for every frame. Planes come a third faster than pixels.
    planar = reformatter.reformat(frame, format="gbrp", interpolation=UNBIASED, threads=1)
    for channel, plane in zip((1, 2, 0), planar.planes, strict=True):
        lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
        upright = lines[:, : plane.width]
        upright = upright.T if index.turn.transpose else upright
        upright = upright[:, ::-1] if index.turn.flip_x else upright
        upright = upright[::-1] if index.turn.flip_y else upright
        shown[channel] = upright[: index.header.height, : index.header.width]
