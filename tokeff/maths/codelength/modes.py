"""Ways to code a tile of a picture or frame, and the cheapest of them. Leaves out cutting pictures into tiles."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tokeff.maths.codelength import colours, planes
from tokeff.maths.codelength.pools import SHARED_SAMPLES, Pool
from tokeff.maths.codelength.taps import Layout

MODE_BITS = 3.0
"""Bits that name the way: raw, residuals, colours, colours beside either reference, or what either reference gives."""

FLAT_SHARE, KNOWN_SHARE = 0.7, 0.9
"""Shares of pixels that repeat a neighbour, or a reference, from which on colours are tried, alone or beside it."""

FLAT_SAMPLES = 2**15

FEW_SHARE, CLEARLY = 1 / 32, 1.3
"""Residuals are not tried on the whole where colours take this share of the raw bits at most, and residuals promise,
from some strips of rows, to take so many times more."""

_STRIP_ROWS, _STRIPS_SHARE, _STRIPS_SAMPLES = 16, 8, 2**16


def cheapest_bits(x: Tensor, references: Sequence[Tensor], n_levels: int, pool: Pool | None = None) -> Tensor:
    """Bits of uint8 levels x [B, C, H, W] beside references (uint8, same shape), the choice included.

    float64 [2, B]: all, and those that are not of counts in `pool`.
    """
    bits = other_bits(x, references, n_levels).repeat(2, 1)
    tried = ~_hopeless(x, references, n_levels, bits[0])
    if tried.any():
        coded = residuals(x[tried], [reference[tried] for reference in references], n_levels)
        found = coded.bits()
        taken = found < bits[0, tried]
        tried[tried.clone()] = taken
        bits[:, tried] = found[taken]
        if pool is not None and x.shape[2] * x.shape[3] < SHARED_SAMPLES and taken.any():
            pool.count(coded.counts(taken)[0])
            bits[1, tried] = coded.header_bits[taken]
    return bits + MODE_BITS


def _hopeless(x: Tensor, references: Sequence[Tensor], n_levels: int, bits: Tensor) -> Tensor:
    """Whether `bits` [B] that another way takes are fewer by far than residuals would: of one strip of rows in eight.

    Only of tiles that are large and where another way takes few of the raw bits.
    """
    hopeless = bits < FEW_SHARE * raw_bits(x, n_levels)
    if x.shape[2] * x.shape[3] < _STRIPS_SAMPLES or not hopeless.any():
        return torch.zeros_like(hopeless)
    h = x.shape[2]
    first = torch.arange(0, h - _STRIP_ROWS + 1, _STRIP_ROWS * _STRIPS_SHARE, device=x.device)
    rows = (first[:, None] + torch.arange(_STRIP_ROWS, device=x.device)).flatten()
    some, beside = ([each[hopeless].index_select(2, rows) for each in group] for group in ([x], references))
    hopeless[hopeless.clone()] = (
        residuals(some[0], beside, n_levels).bits() * (h / len(rows)) > CLEARLY * bits[hopeless]
    )
    return hopeless


def other_bits(x: Tensor, references: Sequence[Tensor], n_levels: int, *, least_flat: float = FLAT_SHARE) -> Tensor:
    """Bits [B] of the cheapest way but residuals: raw, or colours from a share of flat pixels on."""
    bits = torch.full((len(x),), raw_bits(x, n_levels), dtype=torch.float64, device=x.device)
    ways: list[tuple[int | None, Tensor]] = [(None, flat_share(x) >= least_flat)]
    ways += [(i, _mean((x == reference).all(1)) >= KNOWN_SHARE) for i, reference in enumerate(references)]
    for beside, tried in ways:
        if tried.any():
            chosen = [reference[tried] for reference in references]
            found = colour_bits(x[tried], chosen, None if beside is None else chosen[beside], n_levels)
            bits[tried] = torch.minimum(bits[tried], found)
    return bits


def raw_bits(x: Tensor, n_levels: int) -> float:
    """Bits of one of the tiles x [B, C, H, W] as it lies."""
    return x[0].numel() * math.log2(n_levels)


def centred(x: Tensor, references: Sequence[Tensor], n_levels: int) -> tuple[Tensor, Tensor]:
    """Planes and references as the planes coder takes them: integers around zero, in float32."""
    signal = x.float() - n_levels // 2
    return signal, torch.cat([r.float() - 128 for r in references], 1) if references else signal[:, :0]


def residuals(x: Tensor, references: Sequence[Tensor], n_levels: int, *, pooled: bool = False) -> planes.Coded:
    """Tiles by prediction and residuals, channel after channel, ready for counting."""
    signal, beside = centred(x, references, n_levels)
    return planes.code(signal, beside, Layout(channels=x.shape[1], references=beside.shape[1]), n_levels, pooled=pooled)


def colour_bits(x: Tensor, references: Sequence[Tensor], beside: Tensor | None, n_levels: int) -> Tensor:
    """Bits [B] by colours under contexts, with residuals for the colours that escape, pixel after pixel."""
    named = colours.keys(x)
    contexts = colours.contexts(named, None if beside is None else colours.keys(beside))
    bits, escaped, _ = colours.code_length_bits(named, contexts)
    signal, reference = centred(x, references, n_levels)
    layout = Layout(channels=x.shape[1], references=reference.shape[1], interleaved=True)
    return bits + planes.code(signal, reference, layout, n_levels, escaped).bits()


def flat_share(x: Tensor) -> Tensor:
    """Share [B] (float64) of the pixels of x [B, C, H, W] that repeat the one to the left or above.

    Of a large picture every few rows are looked at: about `FLAT_SAMPLES` pixels.
    """
    rows = torch.arange(0, x.shape[2], max(1, x.shape[2] * x.shape[3] // FLAT_SAMPLES), device=x.device)
    here, above = x.index_select(2, rows), x.index_select(2, (rows - 1).clamp(min=0))
    same = (here == above).all(1)
    same[:, 0] = False
    same[:, :, 1:] |= (here[:, :, :, 1:] == here[:, :, :, :-1]).all(1)
    return _mean(same)


def _mean(places: Tensor) -> Tensor:
    return places.flatten(1).double().mean(1)
