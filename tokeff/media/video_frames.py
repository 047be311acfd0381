"""Frames of a clip on demand, addressed by presentation time: decoded forward, with a seek only where it saves work.

What lies behind different keyframes is decoded at the same time, on as many threads as torch has. Frames that no other
leans on (most B-frames) are decoded only where they are wanted, and pixels are converted for wanted frames only, with
the matrix and range that the file declares (BT.601 where it declares none); high dynamic range is not tone-mapped,
non-square pixels stay as they are, alpha is dropped. Leaves out which frames there are (`video_index`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media.video_ahead import in_turns
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
MOST_PASSES, FRAMES_AHEAD = 4, 4
"""Passes through a file at the same time, and the frames that each holds before they are asked for."""


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
        n_most = self._frames_of_a_chunk()
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
        leaps = self.index.pts is not None and len(wanted) < len(self.index.pts)
        done = 0
        try:
            for frame in self._leaping(wanted) if leaps else _Pass(self.open, self.index).of([_Run(None, wanted)]):
                yield frame
                done += 1
        except ItemError:
            if not leaps:
                raise
        if done < len(wanted):
            yield from _Pass(self.open, self.index).of([_Run(None, wanted[done:])])

    def _leaping(self, wanted: Sequence[int]) -> "Iterator[VideoFrame]":
        """Seeking where it saves work; what lies behind different keyframes is decoded at the same time."""
        runs = list(_runs(self.index, wanted))
        n_passes = self._n_passes(len(runs))
        n_threads = torch.get_num_threads() // n_passes if n_passes > 1 else 0
        wanted_pts = frozenset(_listed(self.index.pts)[np.asarray(wanted, dtype=np.int64)].tolist())
        one = _Pass(self.open, self.index, wanted_pts, n_threads)
        passes = [one.of(runs[first::n_passes]) for first in range(n_passes)]
        return in_turns(passes, [len(run.places) for run in runs], FRAMES_AHEAD) if n_passes > 1 else passes[0]

    def _n_passes(self, n_runs: int) -> int:
        """Frames that are held ahead fit into a chunk; a frame of 4K is decoded alone."""
        return max(1, min(n_runs, torch.get_num_threads(), MOST_PASSES, self._frames_of_a_chunk() // FRAMES_AHEAD))

    def _frames_of_a_chunk(self) -> int:
        header = self.index.header
        return max(1, self.chunk_bytes // (3 * header.height * header.width))


def checked_indices(indices: Sequence[int] | None, n_frames: int) -> Sequence[int]:
    """The places asked for, all where `indices` is None. Raises ValueError unless they rise within the clip."""
    if indices is None:
        return range(n_frames)
    places = np.asarray(indices, dtype=np.int64)
    if len(places) and (places[0] < 0 or places[-1] >= n_frames or bool(np.any(np.diff(places) <= 0))):
        raise ValueError(f"indices must rise within 0..{n_frames - 1}, got {list(indices)[:20]}")
    listed: list[int] = places.tolist()
    return listed


class _Run(NamedTuple):
    """Frames that are decoded in a row."""

    key: int | None
    """The keyframe to seek to; None: from where the file begins."""
    places: Sequence[int]


def _runs(index: VideoIndex, wanted: Sequence[int]) -> Iterator[_Run]:
    keys = [_key_worth_a_seek(index, last + 1, target) for last, target in zip((-1, *wanted), wanted, strict=False)]
    starts = [place for place, key in enumerate(keys) if place == 0 or key is not None]
    for start, end in pairwise([*starts, len(wanted)]):
        yield _Run(keys[start], wanted[start:end])


def _key_worth_a_seek(index: VideoIndex, place: int, target: int) -> int | None:
    """The keyframe to seek to on the way from `place` to `target`, if that saves enough decoding."""
    pts, keys = _listed(index.pts), index.key_pts
    key = int(np.searchsorted(keys, pts[target], side="right")) - 1
    if key < 0 or int(np.searchsorted(pts, keys[key])) - place <= SEEK_FRAMES:
        return None
    return key


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass through a file. With `wanted_pts` it decodes no more than these need; without, every frame."""

    open: Callable[[], BinaryIO]
    index: VideoIndex
    wanted_pts: frozenset[int] | None = None
    n_threads: int = 0
    """Of the decoder; 0: as many as it likes."""

    def of(self, runs: Iterable[_Run]) -> "Iterator[VideoFrame]":
        """Their frames. Raises ItemError `frame_missing`, `corrupt_frame`, `size_change`, `decode_error`."""
        with closing(self.open()) as raw, opened(raw) as container:
            stream = container.streams.video[self.index.video_place]
            stream.thread_type, stream.thread_count = "AUTO", self.n_threads
            for key, places in runs:
                packets = demuxed(container, stream) if key is None else self._land(container, stream, key)
                frames = _decoded(stream, self._needed(packets, places[-1]))
                place = 0
                for target in places:
                    yield self._checked(self._forward(frames, place, target), target)
                    place = target + 1

    def _needed(self, packets: "Iterator[Packet[VideoStream]]", last: int) -> "Iterator[Packet[VideoStream]]":
        """Packets up to that of the frame `last`, and one more, which may be its second field."""
        if self.wanted_pts is None:
            yield from packets
            return
        end = int(_listed(self.index.pts)[last])
        for packet in packets:
            # The decoder takes the setting over with each packet, also with several threads.
            is_wanted = packet.pts is None or packet.pts in self.wanted_pts
            packet.stream.codec_context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            yield packet
            if packet.pts == end:
                yield from islice(packets, 1)
                return

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

    def _forward(self, frames: "Iterator[VideoFrame]", place: int, target: int) -> "VideoFrame | None":
        """Decode up to the frame at `target`; None where it does not come. Without times it is counted from `place`."""
        if self.index.pts is None:
            return next(islice(frames, target - place, None), None)
        pts = int(self.index.pts[target])
        ahead = next((frame for frame in frames if frame.pts is not None and frame.pts >= pts), None)
        return ahead if ahead is not None and ahead.pts == pts else None

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


def _decoded(stream: "VideoStream", packets: "Iterable[Packet[VideoStream]]") -> "Iterator[VideoFrame]":
    for packet in packets:
        if packet.size:
            yield from packet.decode()
    yield from stream.decode(None)  # what the decoder still holds


def _listed(pts: NDArray[np.int64] | None) -> NDArray[np.int64]:
    assert pts is not None
    return pts


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
