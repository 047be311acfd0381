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
from tokeff.tokenizers.protocols import CountsFromHeader
from tokeff.tokenizers.registry import Registry
from tokeff.tokenizers.video.samplers import FromHeader, parse_sampler

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


@pytest.mark.parametrize(
    "spec",
    ["frames:uniform=8", "frames:/png", "frames:uniform=8/", "frames:uniform=0/png", "frames:uniform=2/gemini-video"],
)
def test_what_is_no_specification(spec: str) -> None:
    with pytest.raises(SpecError):
        REGISTRY.open(spec)
    with pytest.raises(NotFound):
        REGISTRY.open("frames:uniform=2/no-such-thing")


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
    assert tokens.grid is not None
    sampler = parse_sampler(str(tokenizer.card.parameters["sampler"]))
    assert isinstance(sampler, FromHeader)
    assert tokens.grid[0] == len(sampler.from_header(header))


def test_ids_are_those_of_the_frames_one_after_the_other() -> None:
    tokenizer, image = REGISTRY.open("frames:uniform=5/png"), REGISTRY.open("png")
    header = regular(43)
    frames = torch.cat(list(Grey(header).frames([0, 10, 21, 31, 42])))
    pictures = [ImageSignal(header=ImageHeader(width=40, height=30, channels=3), pixels=frame) for frame in frames]
    expected = np.concatenate([tokens.streams[0] for tokens in image.encode(pictures)])
    (tokens,) = tokenizer.encode([VideoSignal(header=header, source=Grey(header))])
    np.testing.assert_array_equal(tokens.streams[0], expected)
    assert tokenizer.codebook_sizes == (256,)
    assert not isinstance(tokenizer, CountsFromHeader)  # the length of a PNG is not in the header


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory in use from /proc")
def test_a_long_clip_needs_the_memory_of_a_batch() -> None:
    source = Grey(regular(3000, width=64, height=64))
    tokenizer = REGISTRY.open("frames:all/vit-b16-224")
    (tokens,) = tokenizer.encode([VideoSignal(header=source.header, source=source)])
    assert tokens.counts.n_tokens == 3000 * 196
    assert max(source.resident) - source.resident[10] < 100e6  # all patches are 451 MB
