"""Adaptive histograms: the exact length of a sequential adaptive code, from final counts alone.

A Dirichlet prior with weights a_k (sum A) codes n symbols with counts n_k in
[lnG(n+A) - lnG(A) - sum_k (lnG(n_k+a_k) - lnG(a_k))] / ln 2 bits, in any order. The weights follow a shape (a logistic
core with a Laplace tail) of the scale and the offset that a context stands for, so that few samples are already cheap.
Counts add up: over the frames of a clip, and over the items of a corpus (`pools`), beside which every item has a length
of its own.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

SCALES, OFFSET_BITS = 16, 2
OFFSETS = 2**OFFSET_BITS
"""Contexts: half octaves of the expected magnitude (from 2^-2) and quarters of the prediction's fraction."""

CONCENTRATION = 16.0
"""Weight of the prior shape, in samples."""

_FLOOR = 2e-5
_TAIL, _TAIL_WIDTH, _CORE_WIDTH = 0.04, 3.0, 0.7


@lru_cache(maxsize=32)
def prior(n_symbols: int, n_scales: int = SCALES, kept_octaves: int = 64) -> Tensor:
    """Prior weights [n_scales * OFFSETS * n_symbols] (float64) of residuals modulo `n_symbols`.

    Scales above 2^kept_octaves are those of residuals whose low bits went, so that they stay below it.
    """
    k = torch.arange(n_symbols, dtype=torch.float64)
    residual = torch.where(k < (n_symbols + 1) // 2, k, k - n_symbols)
    offset = (torch.arange(OFFSETS, dtype=torch.float64) + 0.5) / OFFSETS
    halves = torch.arange(n_scales, dtype=torch.float64) + 0.5
    scale = 2.0 ** (halves / 2 - 2 - dropped_bits(halves.long(), kept_octaves))
    distance = residual - offset[:, None]
    width = scale[:, None, None] * _CORE_WIDTH
    core = torch.sigmoid((distance + 0.5) / width) - torch.sigmoid((distance - 0.5) / width)
    reach = scale[:, None, None] * _TAIL_WIDTH
    p = core + _TAIL * torch.exp(-distance.abs() / reach) / (2 * reach) + _FLOOR
    return (CONCENTRATION * p / p.sum(-1, keepdim=True)).flatten()


def dropped_bits(half_octaves: Tensor, kept_octaves: int) -> Tensor:
    """How many low bits of residuals go uncoded at contexts of these half octaves, so that scales stay manageable."""
    return (half_octaves >> 1).sub_(kept_octaves + 1).clamp_(min=0)


def scale_context(expected: Tensor, n_scales: int = SCALES) -> Tensor:
    """Index 0..n_scales-1 (int16) of the half octave of an expected magnitude (float32), read off its exponent."""
    octave_half = expected.clamp(min=0.25).view(torch.int32).bitwise_right_shift_(22).to(torch.int16)
    return octave_half.sub_(125 << 1).clamp_(0, n_scales - 1)


def counts_of(symbols: Tensor, size: int, counted: Tensor | None = None) -> Tensor:
    """Counts int64 [B, size] of each item's `symbols` int [B, n], or of those at the places `counted` of [B * n]."""
    b, n = symbols.shape
    flat = symbols.flatten() if counted is None else symbols.flatten()[counted]
    if b > 1:
        item = torch.arange(b * n, device=symbols.device) if counted is None else counted
        flat = flat + torch.div(item, n, rounding_mode="floor") * size
    return torch.bincount(flat, minlength=b * size).view(b, size)


def code_length_bits(counts: Tensor, weights: Tensor, n_symbols: int) -> Tensor:
    """Bits [B] (float64) of adaptive coding, one histogram per item and context.

    `counts` [B, n_contexts * n_symbols] and prior weights of that length are both context * n_symbols + symbol.
    """
    b, size = counts.shape
    weights = weights.to(counts.device)
    totals = counts.view(b, -1, n_symbols).sum(-1).to(torch.float64)
    mass = weights.view(-1, n_symbols).sum(-1)
    bits = (torch.lgamma(totals + mass) - torch.lgamma(mass)).sum(-1)
    flat = counts.flatten()
    filled = flat.nonzero()[:, 0]
    a = weights[filled % size]
    gain = torch.lgamma(flat[filled] + a) - torch.lgamma(a)
    return (bits - torch.zeros_like(bits).index_add_(0, filled // size, gain)) / math.log(2)
