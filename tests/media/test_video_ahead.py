"""Passes through a clip at the same time: in order, bounded, and with the failures where they belong."""

import io
import threading
from collections.abc import Callable, Iterator
from functools import partial

import av
import numpy as np
import pytest
import torch

from tokeff.media import video
from tokeff.media.video_ahead import in_turns
from tokeff.media.video_frames import MOST_PASSES, IndexedFrames


def counting(n: int, made: list[int]) -> Iterator[int]:
    for number in range(n):
        made.append(number)
        yield number


def test_sources_run_ahead_so_far_and_no_further() -> None:
    made: list[int] = []
    items = in_turns([counting(100, made), iter("ab")], [3, 1, 90, 1], 2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()  # type: ignore[attr-defined]
    assert len(made) <= 3 + 2


def test_a_failure_is_raised_where_its_item_is_due() -> None:
    def failing() -> Iterator[str]:
        yield "x"
        raise ValueError("y")

    items = in_turns([iter("abc"), failing()], [1, 1, 2, 1], 3)
    assert [next(items) for _ in range(4)] == ["a", "x", "b", "c"]
    with pytest.raises(ValueError, match="y"):
        next(items)


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    items = in_turns([counting(9, []), counting(9, [])], [3] * 6, 4)
    next(items)
    assert threading.active_count() == before + 2
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("n_threads", "frame_bytes", "n_opened"), [(1, 1, 1), (2, 1, 2), (64, 1, MOST_PASSES), (2, 9, 1)]
)
def test_gops_are_decoded_at_the_same_time(
    n_threads: int, frame_bytes: int, n_opened: int, write_clip: Callable[..., bytes]
) -> None:
    """By as many passes as there are threads, where a chunk has room for frames that wait."""
    source = video.decode_bytes(write_clip(n_frames=200, gop=20)).source
    assert isinstance(source, IndexedFrames)
    opened: list[int] = []

    def open() -> io.BytesIO:
        opened.append(1)
        return source.open()  # type: ignore[return-value]

    threads = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        chunk_bytes = source.chunk_bytes if frame_bytes == 1 else 64 * 48 * 3 * 7
        picked = torch.cat(list(IndexedFrames(open, source.index, chunk_bytes).frames([5, 47, 100, 101, 139, 190])))
    finally:
        torch.set_num_threads(threads)
    every = torch.cat(list(source.frames()))
    np.testing.assert_array_equal(picked.numpy(), every[[5, 47, 100, 101, 139, 190]].numpy())
    assert len(opened) == n_opened


class Watched(io.BytesIO):
    """Notes where reads end."""

    def __init__(self, data: bytes, ends: list[int]) -> None:
        super().__init__(data)
        self.ends = ends

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.ends.append(self.tell())
        return data


def test_one_packet_is_read_behind_the_last_wanted_frame(write_clip: Callable[..., bytes]) -> None:
    """The decoder is emptied, not fed until the frame comes out. Packets are larger than FFmpeg's buffer of 32 kB."""
    data = write_clip(n_frames=40, gop=60, width=640, height=480, options={"qp": "0", "preset": "ultrafast"})
    source = video.decode_bytes(data).source
    assert isinstance(source, IndexedFrames)
    assert source.index.pts is not None
    with av.open(io.BytesIO(data), mode="r") as container:
        packets = [(packet.pts, packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    place = next(place for place, (pts, _, _) in enumerate(packets) if pts == source.index.pts[10])
    assert min(size for _, _, size in packets) > 2**16
    ends: list[int] = []
    next(IndexedFrames(partial(Watched, data, ends), source.index).frames([10]))
    samples = [end for end in ends if end < packets[-1][1]]
    assert packets[place + 1][1] < max(samples) < packets[place + 2][1] + 2**16
