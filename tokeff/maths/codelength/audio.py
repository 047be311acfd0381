"""Code lengths of recordings, with and without a reconstruction beside them, in segments of bounded memory.

The stream of a recording is empty where its reconstruction is exact; otherwise every segment begins with its mode.
"""

import torch
from torch import Tensor

from tokeff.errors import TokeffError
from tokeff.maths.codelength import checks, sound, sound_fit
from tokeff.maths.codelength.pools import Pool

SEGMENT = 2**17
"""Samples per channel of a segment, a code of its own: 32 blocks, about 0.5 GB of work beside a reconstruction."""

MODE_BITS = 2.0
"""Bits that name the way of a segment: exact, raw, predicted, predicted without the reconstruction."""


def audio_code_length(
    x: Tensor,
    side: Tensor | None = None,
    *,
    depth_bits: int = 16,
    source_bits: Tensor | None = None,
    pool: Pool | None = None,
) -> Tensor:
    """Bits [B] (float64) to rebuild 16-bit recordings x [B, channels, n] once `side` of that shape is known.

    Integers are 16-bit values; floats are such values / 32768 and are rounded. `depth_bits` < 16 codes the high bits of
    x only. `side` is not used where it does not help: never more than `source_bits` [B], the bits without it (measured,
    unless they are given). What histograms may share beside `side` goes into `pool`. Errors: TokeffError where shapes
    differ, ItemError where a float is NaN or infinite.
    """
    if x.ndim != 3 or min(x.shape[1:]) < 1:
        raise TokeffError("the recordings have the wrong shape", got=tuple(x.shape), expected="[B, channels, n]")
    if side is None:
        return _coded_bits(x, None, depth_bits, pool)[0]
    checks.same_shape(x, side, "recordings")
    bits, exact = _coded_bits(x, side, depth_bits, pool)
    alone = _coded_bits(x, None, depth_bits)[0] if source_bits is None else source_bits
    return torch.where(exact, 0.0, torch.minimum(bits, alone))


def _coded_bits(x: Tensor, side: Tensor | None, depth_bits: int, pool: Pool | None = None) -> tuple[Tensor, Tensor]:
    """Bits [B] with every segment's mode paid for, and which items [B] `side` gives exactly."""
    shift = checks.depth(depth_bits, 16)
    bits, exact = torch.zeros(2, len(x), dtype=torch.float64, device=x.device), x.new_ones(len(x), dtype=torch.bool)
    many = max(1, SEGMENT // min(x.shape[-1] + sound_fit.BLOCK, SEGMENT))
    for first in range(0, len(x), many):
        for start in range(0, x.shape[-1], SEGMENT):
            place = (slice(first, first + many), slice(None), slice(start, start + SEGMENT))
            part = sixteen_bits(x[place], "the recordings")
            known = None if side is None else sixteen_bits(side[place].to(x.device), "the reconstructions")
            spent, same = _segment_bits(part >> shift, known, shift, pool)
            bits[:, place[0]] += spent
            exact[place[0]] &= same
    if pool is not None:
        pool.rest_bits += bits[1, ~exact].tolist()
    return bits[0], exact


def _segment_bits(x: Tensor, side: Tensor | None, shift: int, pool: Pool | None) -> tuple[Tensor, Tensor]:
    """Bits of a segment of levels x [B, C, n], its mode included, and whether `side` gives it exactly [B].

    The bits are [2, B]: all, and those that are not of counts in `pool`.
    """
    n = x.shape[-1]
    raw = x[0].numel() * (16.0 - shift)
    whole = (0, -n % sound_fit.BLOCK)
    exact = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    beside = None
    if side is not None:
        exact = (side >> shift == x).flatten(1).all(1)
        beside = torch.nn.functional.pad(side.double(), whole) / 2**shift
    found = sound.code_lengths(torch.nn.functional.pad(x.double(), whole), beside, n)
    predicted = ~exact & (found.bits < raw)
    if pool is not None and predicted.any():
        pool.count(found.counts[predicted].sum(0, keepdim=True))
    bits = torch.where(predicted, torch.stack([found.bits, found.rest_bits]), raw)
    return torch.where(exact, 0.0, bits) + MODE_BITS, exact


def sixteen_bits(x: Tensor, what: str) -> Tensor:
    """16-bit values (int64): integers as they are, floats in [-1, 1] times 32768, rounded and clipped."""
    return checks.levels(x * 32768.0 if x.is_floating_point() else x, -32768, 32767, what).long()
