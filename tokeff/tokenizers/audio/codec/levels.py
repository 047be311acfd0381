"""How loud each band of each frame is: whole numbers of 1/16 dB, coded by residual codebooks of whole numbers.

Levels say which bands get codes (`sharing`). They are sums of whole numbers, so that every machine, device and batch
comes to the same: a level that differed in its last bit would move codes to other places. Leaves out fitting.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tokeff.tokenizers.audio.codec.search import nearest

UNITS_PER_DB = 16
QUIETEST = 1e-10
"""Power that is added to that of a band: nothing is below -100 dB."""


def levels_of(coefficients: Tensor, widths: Sequence[int]) -> Tensor:
    """[..., hop] -> mean power of each band in units, [..., bands]; of the type of the coefficients."""
    power = torch.stack(
        [band.square().mean(-1) for band in coefficients.split_with_sizes(tuple(widths), dim=-1)], dim=-1
    )
    return 10 * UNITS_PER_DB * torch.log10(power + QUIETEST)


def encode_levels(levels: Tensor, codebooks: Tensor) -> Tensor:
    """[n, values] of a position, and int16 [stages, codes, values] -> ids [n, stages]: each nearest to what is left."""
    left, ids = levels, []
    for codebook in codebooks.to(levels.dtype):
        ids.append(nearest(left, codebook))
        left = left - codebook[ids[-1]]
    return torch.stack(ids, dim=1)


def decode_levels(ids: Tensor, codebooks: Tensor) -> Tensor:
    """ids [n, stages used] -> int64 [n, values]."""
    used = ids.shape[1]
    return sum((book[each].long() for book, each in zip(codebooks[:used], ids.unbind(1), strict=True)), torch.tensor(0))


def scales_of(levels: Tensor, widths: Sequence[int]) -> Tensor:
    """Levels [..., bands] -> the size of a coefficient of each, [..., hop]."""
    repeats = torch.tensor(tuple(widths), device=levels.device)
    scales = 10 ** (levels / (20 * UNITS_PER_DB))
    return scales.repeat_interleave(repeats, dim=-1, output_size=sum(widths))
