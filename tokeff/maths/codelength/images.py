"""Code lengths of pictures, with and without a reconstruction beside them. Memory is that of a few tiles.

The stream of a picture is empty where its reconstruction is exact (so identity is 0 bits; a container knows that a
stream is empty, as it knows the length of any file). Otherwise every tile begins with its mode.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from tokeff.maths.codelength import checks
from tokeff.maths.codelength.colours import MAX_ITEMS
from tokeff.maths.codelength.modes import MODE_BITS, cheapest_bits
from tokeff.maths.codelength.pools import Pool

TILE = 1024
"""Greatest height and width coded as one: a larger picture is cut into equal tiles, each a code of its own."""

PIXELS_AT_ONCE = 2**20
"""Pixels of a batch worked on at once: about 0.6 KB of memory each, whatever the size of the pictures."""


def image_code_length(
    x: Tensor,
    side: Tensor | None = None,
    *,
    depth_bits: int = 8,
    source_bits: Tensor | None = None,
    pool: Pool | None = None,
) -> Tensor:
    """Bits [B] (float64) to rebuild uint8 pictures x [B, C, H, W] (C 1 or 3) once `side` of that shape is known.

    `depth_bits` < 8 codes the high bits of x only; `side` is always seen in full. A float `side` is rounded first. It
    is not used where it does not help: never more than `source_bits` [B], the bits without it (measured, unless they
    are given). What histograms may share beside `side` goes into `pool`. Errors: TokeffError where shapes differ,
    ItemError where `side` holds NaN.
    """
    checks.picture_shape(x, "the pictures")
    if side is None:
        return _coded_bits(x, None, depth_bits, pool)[0]
    checks.same_shape(x, side, "pictures")
    bits, exact = _coded_bits(x, side, depth_bits, pool)
    alone = _coded_bits(x, None, depth_bits)[0] if source_bits is None else source_bits
    return torch.where(exact, 0.0, torch.minimum(bits, alone))


def _coded_bits(x: Tensor, side: Tensor | None, depth_bits: int, pool: Pool | None = None) -> tuple[Tensor, Tensor]:
    """Bits [B] with every tile's mode paid for, and which items [B] `side` gives exactly."""
    shift = checks.depth(depth_bits, 8)
    bits = torch.zeros(2, len(x), dtype=torch.float64, device=x.device)
    exact = torch.full((len(x),), side is not None, device=x.device)
    for part, rows, columns in tiles(x.shape):
        place = (part, slice(None), rows, columns)
        tile, beside = checks.pictures(x[place], "the pictures") >> shift, []
        given = torch.zeros(len(tile), dtype=torch.bool, device=x.device)
        if side is not None:
            beside = [checks.pictures(side[place].to(x.device), "the reconstructions")]
            given = (tile == beside[0] >> shift).flatten(1).all(1)
        exact[part] &= given
        bits[:, part] += MODE_BITS
        if not given.all():
            rest = [reference[~given] for reference in beside]
            bits[:, part] += _scattered(cheapest_bits(tile[~given], rest, 2**depth_bits, pool) - MODE_BITS, ~given)
    if pool is not None:
        pool.rest_bits += bits[1, ~exact].tolist()
    return bits[0], exact


def _scattered(values: Tensor, where: Tensor) -> Tensor:
    out = torch.zeros(len(values), len(where), dtype=torch.float64, device=where.device)
    out[:, where] = values
    return out


def tiles(shape: torch.Size) -> Iterator[tuple[slice, slice, slice]]:
    """Batches of equal tiles of pictures [B, C, H, W], as slices of items, rows and columns."""
    b, _, h, w = shape
    for top, bottom in _cuts(h):
        for left, right in _cuts(w):
            many = min(MAX_ITEMS, max(1, PIXELS_AT_ONCE // ((bottom - top) * (right - left))))
            for first in range(0, b, many):
                yield slice(first, first + many), slice(top, bottom), slice(left, right)


def _cuts(length: int) -> Iterator[tuple[int, int]]:
    n = -(-length // TILE)
    for i in range(n):
        yield i * length // n, (i + 1) * length // n
