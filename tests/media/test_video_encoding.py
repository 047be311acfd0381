"""Frames to H.264 and back: number, size, times and colours; the oracle is the frames themselves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media import video
from tokeff.records.headers import VideoHeader


def clip_of(header: VideoHeader) -> Tensor:
    """uint8 [n_frames, 3, height, width]: flat frames of different colours."""
    colours = torch.randint(30, 226, (header.n_frames, 3, 1, 1), generator=torch.Generator().manual_seed(0))
    return colours.expand(-1, -1, header.height, header.width).to(torch.uint8).contiguous()


def frames_of(data: bytes) -> Tensor:
    """uint8 [n_frames, 3, height, width] of the clip in `data`."""
    return torch.cat(list(video.decode_bytes(data).source.frames()))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.lists(st.integers(1, 400_000), min_size=1, max_size=8))
def test_size_number_and_times_come_back(width: int, height: int, steps: list[int]) -> None:
    seconds = np.cumsum(steps) / 1e6
    header = VideoHeader(width=width, height=height, frame_seconds=seconds, duration_seconds=sum(steps) / 1e6)
    frames = clip_of(header)
    data = video.encode([frames], header, crf=4)
    back = video.decode_bytes(data).header
    assert (back.width, back.height, back.n_frames, back.codec) == (width, height, len(steps), "h264")
    np.testing.assert_allclose(back.frame_seconds, seconds, rtol=0, atol=1e-6)
    assert int((frames_of(data).int() - frames.int()).abs().max()) <= 4


def test_colours_are_neither_darkened_nor_shifted() -> None:
    header = VideoHeader.regular(width=32, height=32, n_frames=120, frame_rate_hz=25)
    frames = clip_of(header)
    error = (frames_of(video.encode([frames], header, crf=1)).float() - frames.float()).mean(dim=(0, 2, 3))
    assert float(error.abs().max()) < 0.15


def test_a_finer_crf_costs_more_bytes_and_errs_less() -> None:
    header = VideoHeader.regular(width=96, height=64, n_frames=20, frame_rate_hz=25)
    noise = torch.rand((20, 3, 64, 96), generator=torch.Generator().manual_seed(1))
    frames = (torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2) * 255).to(torch.uint8)
    files = [video.encode([frames], header, crf=crf) for crf in (10, 23, 40)]
    sizes = [len(video.elementary_stream(data)) for data in files]
    errors = [float((frames_of(data).float() - frames.float()).square().mean()) for data in files]
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
    assert errors[0] * 4 < errors[-1]


def test_elementary_stream_stands_for_itself() -> None:
    header = VideoHeader.regular(width=33, height=31, n_frames=10, frame_rate_hz=25)
    data = video.encode([clip_of(header)], header)
    stream = video.elementary_stream(data)
    assert stream.startswith(b"\x00\x00\x00\x01\x67")  # a sequence parameter set
    assert b"x264" in data
    assert b"x264" not in stream
    assert len(stream) < len(data)
    back = video.decode_stream(stream, header)
    assert torch.equal(torch.cat(list(back.source.frames())), frames_of(data))
    assert torch.equal(torch.cat(list(back.source.frames([3, 7]))), frames_of(data)[[3, 7]])
    assert back.header.frame_seconds is header.frame_seconds
    with pytest.raises(ItemError, match="another number of frames"):
        video.decode_stream(stream, VideoHeader.regular(width=33, height=31, n_frames=11, frame_rate_hz=25))


def test_the_output_is_the_same_every_time() -> None:
    header = VideoHeader.regular(width=64, height=64, n_frames=30, frame_rate_hz=25)
    assert video.encode([clip_of(header)], header) == video.encode(iter(torch.split(clip_of(header), 7)), header)


@pytest.mark.parametrize(("n_frames", "width"), [(3, 32), (5, 32), (4, 31)])
def test_frames_must_be_those_of_the_header(n_frames: int, width: int) -> None:
    header = VideoHeader.regular(width=32, height=32, n_frames=4, frame_rate_hz=25)
    with pytest.raises(ValueError, match=r"frames|chunks"):
        video.encode([torch.zeros((n_frames, 3, 32, width), dtype=torch.uint8)], header)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory in use from /proc")
def test_a_long_clip_is_encoded_and_read_in_little_memory() -> None:
    header = VideoHeader.regular(width=320, height=240, n_frames=900, frame_rate_hz=25)
    resident = []

    def chunks() -> Iterator[Tensor]:
        for grey in range(90):
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
            yield torch.full((10, 3, 240, 320), grey, dtype=torch.uint8)

    data = video.encode(chunks(), header, crf=35)
    assert max(resident) - resident[10] < header.raw_bytes / 4
    seen = sum(len(part) for part in video.decode_bytes(data).source.frames())
    assert seen == header.n_frames
