"""Frames that samplers pick are, to the pixel, those of plain sequential decoding at the same times."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tokeff.media import video
from tokeff.media.video_frames import UNBIASED
from tokeff.records.signals import VideoSignal
from tokeff.tokenizers.video.samplers import parse_sampler

SAMPLERS = ("uniform(8)", "uniform(1)", "fps(1)", "fps(0.5)", "keyframes", "scene(0.1,12)")
UNEVEN = np.cumsum(np.arange(300) % 7 * 13 + 11).tolist()
Frame = tuple[float, NDArray[np.uint8]]


def sequential(open: Callable[[], BinaryIO], degrees: int) -> Iterator[Frame]:
    """(seconds, [3, height, width] as shown) of every frame, decoded one after the other without seeking."""
    with open() as raw, av.open(raw, mode="r") as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            assert frame.time is not None
            pixels = np.rot90(frame.to_ndarray(format="gbrp", interpolation=UNBIASED, threads=1), degrees // 90)
            yield frame.time, np.ascontiguousarray(pixels.transpose(2, 0, 1))


def picked(signal: VideoSignal, places: NDArray[np.int64]) -> Iterator[Frame]:
    """The same of frames at `places`."""
    times = iter(signal.header.frame_seconds[places].tolist())
    for chunk in signal.source.frames(places.tolist()):
        for frame in chunk:
            yield next(times), frame.numpy()


def assert_same(found: Frame, expected: Frame) -> None:
    assert abs(found[0] - expected[0]) < 1e-6
    assert np.array_equal(found[1], expected[1])  # assert_array_equal takes ten times as long


def check_samplers(open: Callable[[], BinaryIO], degrees: int = 0) -> dict[str, int]:
    """How many frames each sampler picked. `all` goes along with sequential decoding, the others by what it gave."""
    signal = video.decode(open)
    places = {sampler: parse_sampler(sampler).places(signal) for sampler in (*SAMPLERS, "all")}
    wanted = set(np.concatenate([places[sampler] for sampler in SAMPLERS]).tolist())
    plain: dict[int, Frame] = {}
    n_frames = 0
    for found, expected in zip(picked(signal, places["all"]), sequential(open, degrees), strict=True):
        assert_same(found, expected)
        if n_frames in wanted:
            plain[n_frames] = expected
        n_frames += 1
    assert n_frames == signal.header.n_frames
    for sampler in SAMPLERS:
        for place, found in zip(places[sampler].tolist(), picked(signal, places[sampler]), strict=True):
            assert_same(found, plain[place])
    return {sampler: len(chosen) for sampler, chosen in places.items()}


@pytest.mark.shared
def test_of_every_real_file(shared: Path) -> None:
    paths = sorted((shared / "corpora" / "video").iterdir())
    assert len(paths) == 8
    for path in paths:
        assert check_samplers(partial(io.FileIO, path))["uniform(8)"] == 8


@pytest.mark.parametrize(
    ("gop", "b_frames", "uneven", "degrees"), list(product([30, 250], [0, 3], [False, True], [0, 90]))
)
def test_of_every_kind(gop: int, b_frames: int, uneven: bool, degrees: int, write_clip: Callable[..., bytes]) -> None:
    data = write_clip(
        n_frames=260,
        width=48,
        height=32,
        gop=gop,
        b_frames=b_frames,
        pts=UNEVEN[:260] if uneven else None,
        turn=(float(degrees), False, False) if degrees else None,
        options={"preset": "veryfast", "x264-params": f"scenecut=0:min-keyint={gop}"},
    )
    with av.open(io.BytesIO(data), mode="r") as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert (packets[3].pts != packets[3].dts) == (b_frames > 0)
    n_picked = check_samplers(partial(io.BytesIO, data), degrees)
    assert n_picked["all"] == 260
    assert n_picked["keyframes"] == -(-260 // gop)
    assert n_picked["uniform(8)"] == 8
    assert 10 < n_picked["fps(1)"] <= 14
