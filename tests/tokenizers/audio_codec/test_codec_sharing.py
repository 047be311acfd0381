"""Sharing codes out among bands. Oracle: a greedy loop that gives one code after the other to the band worth most."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import SpecError
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.sharing import NEVER, places

GAINS = torch.tensor([[90, 40, 0], [60, 10, NEVER], [20, NEVER, NEVER]])
STAGES = 6
"""That the three bands have together."""


def greedy(levels: Tensor, n_streams: int) -> list[int]:
    """Places of one block [frames, bands], best first."""
    n_frames, n_bands = levels.shape
    next_stage = torch.zeros(n_frames, n_bands, dtype=torch.long)
    found = []
    for _ in range(n_streams * n_frames // 2):
        worth = levels + torch.gather(GAINS.expand(n_frames, -1, -1), 2, next_stage.clamp(max=2)[..., None])[..., 0]
        worth = torch.where(next_stage < 3, worth, 2 * NEVER)
        best = int(worth.flatten().argmax())
        found.append(best * 3 + int(next_stage.flatten()[best]))
        next_stage.view(-1)[best] += 1
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n_positions=st.integers(1, 7), n_streams=st.integers(1, 2 * STAGES))
def test_places_are_the_greedy_ones(seed: int, n_positions: int, n_streams: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(-300, 0, (2, 2 * n_positions, 3), generator=generator)
    found = places(levels, GAINS, n_streams, block_positions=3)
    assert found.shape == (2, n_streams, n_positions)
    for item in range(2):
        for first in range(0, n_positions, 3):
            block = levels[item, 2 * first : 2 * first + 6]
            got = found[item, :, first : first + 3].flatten() - 2 * first * 9
            # Of equally good codes either may come first.
            assert sorted(worth_of(block, got.tolist())) == sorted(worth_of(block, greedy(block, n_streams)))
    stages = found % 3
    limits = torch.tensor([3, 2, 1])[found // 3 % 3]
    assert (stages < limits).all()
    for row in found.flatten(1):
        assert len(row.unique()) == len(row)


def worth_of(levels: Tensor, found: list[int]) -> list[int]:
    flat = (levels[..., None] + GAINS).flatten()
    return [int(flat[place]) for place in found]


def test_fewer_streams_are_a_prefix() -> None:
    levels = torch.randint(-300, 0, (3, 14, 3), generator=torch.Generator().manual_seed(0))
    whole = places(levels, GAINS, 12, block_positions=3)
    for n_streams in range(1, 12):
        assert torch.equal(places(levels, GAINS, n_streams, block_positions=3), whole[:, :n_streams])


def test_a_louder_frame_gets_more() -> None:
    levels = torch.full((1, 4, 3), -500)
    levels[0, 2] = -100
    found = places(levels, GAINS, 3, block_positions=2)
    assert sorted((found // 9).flatten().tolist()).count(2) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate_hz": 22050},
        {"sample_rate_hz": 4000},
        {"n_codes": 1},
        {"n_codebooks": 4},
        {"n_codebooks": 400},
        {"width": 0},
        {"blocks": True},
    ],
)
def test_codecs_that_cannot_be_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        CodecConfig(**wrong)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 32000, 44100, 48000])
def test_bands_fill_a_frame(rate: int) -> None:
    config = CodecConfig(sample_rate_hz=rate)
    assert sum(config.widths) == config.hop
    assert list(config.widths[:-1]) == sorted(config.widths[:-1])
