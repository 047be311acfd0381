"""Clips are compared in step, chunk by chunk, whatever the chunks of the two sources are."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.measures.comparison import compare_media
from tokeff.records.headers import VideoHeader
from tokeff.records.items import Item
from tokeff.records.signals import VideoSignal
from tokeff.records.tallies import from_fixed

ITEM = Item(modality="video", key="clip", stored_bytes=1, open=io.BytesIO)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Frames in memory [n, 3, height, width], given out in chunks of these lengths (the last again and again)."""

    pixels: Tensor
    lengths: tuple[int, ...] = (4,)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        pixels = self.pixels if indices is None else self.pixels[list(indices)]
        start = number = 0
        while start < len(pixels):
            length = self.lengths[min(number, len(self.lengths) - 1)]
            yield pixels[start : start + length]
            start, number = start + length, number + 1


def clip(pixels: Tensor, *lengths: int) -> VideoSignal:
    n_frames, _, height, width = pixels.shape
    header = VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=25)
    return VideoSignal(header=header, source=Chunks(pixels, lengths or (4,)))


def frames(n: int, seed: int) -> Tensor:
    return torch.randint(0, 256, (n, 3, 6, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=30)
@given(
    st.integers(1, 12),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_chunks_of_any_length_give_the_same_error(n: int, left: list[int], right: list[int]) -> None:
    original, copy = frames(n, 0), frames(n, 1)
    counts, reals = compare_media("t", [ITEM], [clip(original, *left)], [clip(copy, *right)])
    expected = (original.long() - copy.long()).square().sum().item()
    assert counts["squared_error"] == [expected]
    assert counts["n_compared"] == [original.numel()]
    (psnr,) = reals["psnr_db"]
    assert psnr is not None
    assert from_fixed(psnr) == pytest.approx(
        10 * torch.tensor(255**2 * original.numel() / expected).log10().item(), abs=1e-4
    )


def test_a_clip_that_comes_back_whole() -> None:
    pixels = frames(5, 0)
    counts, reals = compare_media("t", [ITEM], [clip(pixels, 2)], [clip(pixels, 3)])
    assert counts["squared_error"] == [0]
    assert counts["n_psnr_lossless"] == [1]
    assert not reals


@pytest.mark.parametrize(("n_original", "n_copy", "longer"), [(8, 6, "original"), (6, 8, "reconstruction"), (4, 8, "")])
def test_clips_of_different_length(n_original: int, n_copy: int, longer: str) -> None:
    with pytest.raises(ItemError, match=f"clip: .*another number of frames.*more of the {longer}") as caught:
        compare_media("t", [ITEM], [clip(frames(n_original, 0))], [clip(frames(n_copy, 0))])
    assert caught.value.reason == "shape_mismatch"


def test_frames_of_another_size() -> None:
    small = frames(4, 0)[..., :7]
    with pytest.raises(ItemError, match=r"got \[4, 3, 6, 7\]; expected \[4, 3, 6, 8\]"):
        compare_media("t", [ITEM], [clip(frames(4, 0))], [clip(small)])
