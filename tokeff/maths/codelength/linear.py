"""Linear prediction with coefficients that are sent: least squares, fixed-point rounding, their price.

Samples and magnitudes are integers and coefficients multiples of 2^-bits whose weighted sum stays below 2^24 steps, so
every partial sum is exact in float32 and a prediction is the same in any order of summation, on any device.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tokeff.maths.codelength.taps import BOTTOM, SIDE, TOP, Tap

REACH = 24.0
"""The largest sum of absolute coefficients: 24 x 128 x 2^12 < 2^24."""

ABREAST = 4
"""Neighbouring columns that one convolution yields together."""

_FIELD_BITS = 4
"""Bits that name the Golomb parameter of one list of coefficients, or say that the list is the free one."""


def sampled_strips(h: int, w: int, n_samples: int, height: int, device: torch.device) -> tuple[Tensor, int]:
    """First rows (int64) of evenly spread strips of `height` for a fit on about `n_samples` of h x w, and the height.

    One strip of all rows where that is not more than `n_samples`.
    """
    n_strips = max(1, n_samples // (height * w))
    if h * w <= n_samples or h <= height * n_strips:
        return torch.zeros(1, dtype=torch.int64, device=device), h
    return torch.arange(n_strips, device=device) * (h - height) // max(n_strips - 1, 1), height


def gather(planes: Tensor, taps: Sequence[Tap], strips: Tensor, height: int) -> Tensor:
    """Values [B, n_rows, n_taps, W] at `taps` around the rows of strips in padded `planes` [B, P, H+3, W+4]."""
    (b, p, _, padded), s = planes.shape, len(strips)
    w = padded - 2 * SIDE
    rows = strips[:, None] + torch.arange(height + TOP + BOTTOM, device=planes.device)
    near = planes.index_select(2, rows.flatten()).view(b, p, s, -1, padded)
    seen = planes.new_empty(b, s, height, len(taps), w)
    for i, (plane, dy, dx) in enumerate(taps):
        seen[..., i, :] = near[:, plane, :, TOP + dy : TOP + dy + height, SIDE + dx : SIDE + dx + w]
    return seen.view(b, s * height, len(taps), w)


def surroundings(magnitudes: Tensor, height: int) -> Tensor:
    """Means [B, n_rows, W] of the 5x5 surroundings, within their strip, of magnitudes [B, n_rows, W]."""
    b, _, w = magnitudes.shape
    planes = magnitudes.reshape(b, -1, height, w)
    inside = [_fives(planes.new_ones(n), 0) for n in (height, w)]
    total = _fives(_fives(planes, -1), -2)
    return total.div_(inside[0][:, None] * inside[1]).view(magnitudes.shape)


def _fives(x: Tensor, dim: int) -> Tensor:
    """Sums of five neighbours along `dim`, nothing being outside: five times as fast as pooling on a CPU."""
    n, shape = x.shape[dim], list(x.shape)
    shape[dim] = n + 4
    padded = x.new_zeros(shape)
    padded.narrow(dim, 2, n).copy_(x)
    twos = padded.narrow(dim, 0, n + 3) + padded.narrow(dim, 1, n + 3)
    return (twos.narrow(dim, 0, n) + twos.narrow(dim, 2, n)).add_(padded.narrow(dim, 4, n))


def gram(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Products [B, F, F] (float64) of features [B, R, F, n], weighted by [B, R, n]; a row sums in float32."""
    weighted = features if weights is None else features * weights[:, :, None]
    return torch.matmul(weighted, features.transpose(-1, -2)).sum(1, dtype=torch.float64)


def solve(products: Tensor, start: Tensor, ridge: float) -> Tensor:
    """Least squares drawn towards `start`: coefficients [B, F] (float64) from products [B, F+1, F+1], target last."""
    n = start.shape[-1]
    g = products[:, :n, :n] + ridge * torch.eye(n, dtype=torch.float64, device=products.device)
    rest = products[:, :n, n] - (products[:, :n, :n] @ start[..., None])[..., 0]
    step: Tensor = torch.linalg.solve(g, rest[..., None])[..., 0]
    return start + step


def energy(products: Tensor, coefficients: Tensor) -> Tensor:
    """Weighted squared error [B] that coefficients [B, F] leave, from products [B, F+1, F+1]."""
    v = torch.cat([coefficients, -torch.ones_like(coefficients[:, :1])], 1)
    left: Tensor = ((v[:, None] @ products)[:, 0] * v).sum(-1).clamp(min=0.0)
    return left


def rounded(coefficients: Tensor, start: Tensor, bits: int, sent: Tensor) -> tuple[Tensor, Tensor]:
    """Fixed-point coefficients [B, F] and their price in bits [B]; `start` itself costs only its name.

    The differences to the rounded `start` of those `sent` (bool [B, F]) are written as signed exponential-Golomb
    numbers of the cheapest order; the others are as in `start`.
    """
    scale = float(2**bits)
    free = torch.round(start * scale)
    steps = torch.round(coefficients * scale)
    wild = ~(steps.abs().sum(-1, keepdim=True) <= REACH * scale)
    steps = torch.where(wild, free, steps)
    steps = torch.where(sent, steps, free)
    delta = steps - free
    return steps / scale, golomb_bits(delta, sent)


def golomb_bits(numbers: Tensor, sent: Tensor | None = None) -> Tensor:
    """Bits [B] of signed integers [B, F] (in floats): the cheapest order's name, then exponential-Golomb numbers.

    A list of zeros costs only the name.
    """
    folded = torch.where(numbers > 0, 2 * numbers - 1, -2 * numbers)
    orders = torch.arange(2**_FIELD_BITS - 1, device=numbers.device, dtype=torch.float64).view(-1, 1, 1)
    lengths = 2 * torch.floor(torch.log2(torch.floor(folded / 2**orders) + 1)) + 1 + orders
    if sent is not None:
        lengths = lengths * sent
    return torch.where((numbers == 0).all(-1), 0.0, lengths.sum(-1).min(0).values) + _FIELD_BITS


def kernel(lists: Sequence[tuple[Tensor, Sequence[Tap]]], n_planes: int) -> Tensor:
    """Convolution weights [B, n_lists, n_planes, 4, 5] that hold each list of coefficients [B, F] at its taps."""
    first = lists[0][0]
    k = first.new_zeros(first.shape[0], len(lists), n_planes, TOP + BOTTOM + 1, 2 * SIDE + 1, dtype=torch.float32)
    for i, (coefficients, taps) in enumerate(lists):
        planes, rows, columns = zip(*((p, TOP + dy, SIDE + dx) for p, dy, dx in taps), strict=True)
        k[:, i, list(planes), list(rows), list(columns)] = coefficients.float()
    return k


def apply(planes: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums [B, n_lists, H, W] over padded `planes` [B, P, H+3, W+4], each item under its own kernel."""
    return _by_columns(planes, weights) if planes.device.type == "cpu" else _by_taps(planes, weights)


def _by_columns(planes: Tensor, weights: Tensor) -> Tensor:
    """On a CPU: convolutions that yield few channels are slow, so a wider kernel yields `ABREAST` columns as channels.

    Item after item: convolutions in groups of three or six planes take several times as long.
    """
    b, p, h, w = planes.shape
    n, width = weights.shape[1], w - 2 * SIDE
    wide = weights.new_zeros(b, n, ABREAST, p, TOP + BOTTOM + 1, 2 * SIDE + ABREAST)
    for i in range(ABREAST):
        wide[:, :, i, ..., i : i + 2 * SIDE + 1] = weights
    whole = torch.nn.functional.pad(planes, (0, -width % ABREAST)) if width % ABREAST else planes
    out = planes.new_empty(b, n, h - TOP - BOTTOM, width + -width % ABREAST)
    for item, of_item, sums in zip(whole, wide, out, strict=True):
        columns = torch.nn.functional.conv2d(item[None], of_item.flatten(0, 1), stride=(1, ABREAST))
        side_by_side = columns.view(n, ABREAST, h - TOP - BOTTOM, -1).permute(0, 2, 3, 1)
        sums.view(side_by_side.shape).copy_(side_by_side)
    return out[..., :width]


def _by_taps(planes: Tensor, weights: Tensor) -> Tensor:
    """On a GPU: tap after tap, all items at once; a library's convolution might take a path that is not exact."""
    b, _, h, w = planes.shape
    n, inside = weights.shape[1], (h - TOP - BOTTOM, w - 2 * SIDE)
    out = planes.new_zeros(b, n, *inside)
    for i, plane, dy, dx in weights.any(0).nonzero().tolist():
        seen = planes[:, plane, dy : dy + inside[0], dx : dx + inside[1]]
        out[:, i].addcmul_(seen, weights[:, i, plane, dy, dx, None, None])
    return out
