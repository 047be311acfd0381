"""Which band of which frame the codes of a block belong to: the loudest get most, and both sides can work it out.

A code takes off a known part of a band's power, on average; the next one of the same band takes less. All codes that
the bands of a block could have are put in the order of what they would take off, which follows from the decoded levels
alone. The first stream holds the first of them, and so on: fewer streams are a prefix, block by block. Whole numbers
and a stable order: the same everywhere. Leaves out the levels and the codes themselves.
"""

import torch
from torch import Tensor

from tokeff.tokenizers.audio.codec.config import FRAMES_PER_POSITION

NEVER = -(2**24)
"""The gain of a stage that a band does not have."""


def places(levels: Tensor, gains: Tensor, n_streams: int, block_positions: int) -> Tensor:
    """Decoded levels [n, frames, bands] -> int64 [n, n_streams, positions] places in [frames, bands, stages], flat.

    `gains` int [bands, stages]: what a code takes off a band of level 0, in the units of levels; falling with stages.
    """
    n, n_frames, n_bands = levels.shape
    per_frame, block = n_bands * gains.shape[1], block_positions * FRAMES_PER_POSITION
    whole = n_frames // block * block
    parts = []
    if whole:
        blocks = levels[:, :whole].reshape(-1, block, n_bands)
        found = _of_blocks(blocks, gains, n_streams)
        found = found.view(n, whole // block, *found.shape[1:])
        offsets = torch.arange(0, whole, block, device=levels.device) * per_frame
        parts.append((found + offsets[:, None, None]).transpose(1, 2).flatten(2))
    if whole < n_frames:
        parts.append(_of_blocks(levels[:, whole:], gains, n_streams) + whole * per_frame)
    return torch.cat(parts, dim=2)


def _of_blocks(levels: Tensor, gains: Tensor, n_streams: int) -> Tensor:
    """[n, frames, bands] -> [n, n_streams, positions]."""
    n_positions = levels.shape[1] // FRAMES_PER_POSITION
    worth = (levels[..., None] + gains).flatten(1)
    order = worth.sort(dim=1, descending=True, stable=True).indices
    return order[:, : n_streams * n_positions].view(len(levels), n_streams, n_positions)
