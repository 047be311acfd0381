"""Frame samplers by their definitions, and sampled frames through image tokenizers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import NotFound, SpecError
from tokeff.records.headers import ImageHeader, VideoHeader
from tokeff.records.signals import ImageSignal, VideoSignal
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs
from tokeff.tokenizers.registry import Registry
from tokeff.tokenizers.video.sampling import by_rate, every, n_moments, sampler_named, uniform

REGISTRY = Registry.load()


@dataclass(frozen=True)
class Grey:
    """Frame i is all i mod 256. Notes the memory in use whenever it is asked for a chunk."""

    header: VideoHeader
    resident: list[int] = field(default_factory=list)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        places = torch.tensor(list(range(self.header.n_frames) if indices is None else indices))
        for part in torch.split(places, 20):
            self.resident.append(resident_bytes())
            yield (part % 256).to(torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, self.header.height, self.header.width)


def resident_bytes() -> int:
    """Memory of this process, that of torch included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def regular(n_frames: int, rate: float = 25.0, width: int = 40, height: int = 30) -> VideoHeader:
    return VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=rate)


def uneven(seconds: Sequence[float], duration: float) -> VideoHeader:
    return VideoHeader(width=4, height=4, frame_seconds=np.array(seconds), duration_seconds=duration)


def test_uniform_runs_from_the_first_to_the_last() -> None:
    assert uniform(regular(10), 1).tolist() == [0]
    assert uniform(regular(10), 2).tolist() == [0, 9]
    assert uniform(regular(10), 4).tolist() == [0, 3, 6, 9]
    assert uniform(regular(100), 8).tolist() == [0, 14, 28, 42, 56, 70, 84, 99]
    assert uniform(regular(5), 8).tolist() == every(regular(5)).tolist() == [0, 1, 2, 3, 4]


@given(st.integers(1, 5000), st.integers(2, 64))
def test_uniform_is_llavas_linspace_up_to_rounding(n_frames: int, n: int) -> None:
    places = uniform(regular(n_frames), n)
    assert len(places) == min(n, n_frames)
    assert len(set(places.tolist())) == len(places)
    if n <= n_frames:
        assert int(np.abs(places - np.linspace(0, n_frames - 1, n, dtype=int)).max()) <= 1
        exact = np.linspace(0, n_frames - 1, n)
        assert bool(np.all((places <= exact + 1e-6) & (exact - places < 1 + 1e-6)))


@pytest.mark.parametrize("rate", [10, 23.976, 24000 / 1001, 25, 29.97, 30000 / 1001, 30, 60])
def test_one_frame_per_second_of_a_regular_clip(rate: float) -> None:
    header = regular(round(rate * 12), rate)
    places = by_rate(header, 1.0)
    assert places.tolist() == [int(np.floor(k * rate + 1e-3)) for k in range(n_moments(header, 1.0))]
    assert len(places) in (12, 13)  # 23.976 x 12 frames last a little longer than 12 seconds


@pytest.mark.parametrize("rate", [24, 25, 30, 30000 / 1001])
def test_the_clips_own_rate_gives_every_frame(rate: float) -> None:
    header = regular(1000, rate)
    assert by_rate(header, rate).tolist() == list(range(1000))
    assert by_rate(header, rate * 7).tolist() == list(range(1000))


def test_uneven_times_give_the_frame_on_screen() -> None:
    # shown from 2.0, 2.9, 3.0, 6.5 (till 8.2); moments 0, 1, ..., 6 after the first are 2, 3, 4, 5, 6, 7, 8
    header = uneven([2.0, 2.9, 3.0, 6.5], duration=6.2)
    assert by_rate(header, 1.0).tolist() == [0, 2, 3]
    assert by_rate(header, 0.5).tolist() == [0, 2, 3]
    assert by_rate(header, 0.1).tolist() == [0]
    assert by_rate(header, 10.0).tolist() == [0, 1, 2, 3]
    assert n_moments(header, 1.0) == 7


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=40), st.integers(1, 3000), st.sampled_from([0.5, 1.0, 2.0, 3.7])
)
def test_uneven_times_by_the_definition(steps: list[int], last: int, fps: float) -> None:
    seconds = np.cumsum(steps) / 1000
    duration = float(seconds[-1] - seconds[0]) + last / 1000
    expected, k = [], 0
    while k / fps < duration - 1e-6:
        shown = [place for place, time in enumerate(seconds) if time - seconds[0] <= k / fps + 1e-6]
        expected += [shown[-1]] if shown[-1] not in expected else []
        k += 1
    assert by_rate(uneven(seconds.tolist(), duration), fps).tolist() == expected


@pytest.mark.parametrize("text", ["", "n=0", "n=x", "fps=0", "fps=-1", "fps=nan", "keyframes", "all=2", "n"])
def test_what_is_no_sampler(text: str) -> None:
    with pytest.raises(SpecError):
        sampler_named(text)


@pytest.mark.parametrize(
    "spec", ["frames:n=8", "frames:/png", "frames:n=8/", "frames:n=0/png", "frames:n=2/gemini-video"]
)
def test_what_is_no_specification(spec: str) -> None:
    with pytest.raises(SpecError):
        REGISTRY.open(spec)
    with pytest.raises(NotFound):
        REGISTRY.open("frames:n=2/no-such-thing")


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(8, 90),
    st.integers(8, 90),
    st.sampled_from(["frames-8", "frames-1fps", "frames:fps=7/qwen3-vl", "frames:all/siglip-b16-224"]),
)
def test_counts_from_headers_are_those_of_encoding(n_frames: int, width: int, height: int, spec: str) -> None:
    tokenizer = REGISTRY.open(spec)
    header = regular(n_frames, 10.0, width, height)
    assert isinstance(tokenizer, CountsFromHeader)
    (tokens,) = tokenizer.encode([VideoSignal(header=header, source=Grey(header))])
    assert tokens.counts == tokenizer.count(header)
    assert tokens.payload is None
    assert tokens.grid is not None
    assert tokens.grid[0] == len(sampler_named(spec.split(":")[1].split("/", maxsplit=1)[0] if ":" in spec else {
        "frames-8": "n=8", "frames-1fps": "fps=1"}[spec])(header))  # fmt: skip


def test_ids_are_those_of_the_frames_one_after_the_other() -> None:
    tokenizer, image = REGISTRY.open("frames:n=5/png"), REGISTRY.open("png")
    header = regular(43)
    frames = torch.cat(list(Grey(header).frames([0, 10, 21, 31, 42])))
    pictures = [ImageSignal(header=ImageHeader(width=40, height=30, channels=3), pixels=frame) for frame in frames]
    expected = np.concatenate([tokens.streams[0] for tokens in image.encode(pictures)])
    (tokens,) = tokenizer.encode([VideoSignal(header=header, source=Grey(header))])
    np.testing.assert_array_equal(tokens.streams[0], expected)
    assert tokenizer.codebook_sizes == (256,)
    assert not isinstance(tokenizer, CountsFromHeader)  # the length of a PNG is not in the header
    assert not isinstance(tokenizer, Reconstructs)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory in use from /proc")
def test_a_long_clip_needs_the_memory_of_a_batch() -> None:
    source = Grey(regular(3000, width=64, height=64))
    tokenizer = REGISTRY.open("frames:all/vit-b16-224")
    (tokens,) = tokenizer.encode([VideoSignal(header=source.header, source=source)])
    assert tokens.counts.n_tokens == 3000 * 196
    assert max(source.resident) - source.resident[10] < 100e6  # all patches are 451 MB
