"""Fits of the coder of planes: the predictor and the expected magnitude of its residual, as they are sent.

Leaves out the choice of contexts and all counting, which are in planes.
"""

import math

import torch
from torch import Tensor

from tokeff.maths.codelength import linear
from tokeff.maths.codelength.taps import BOTTOM, TOP, Layout, causal_pad, edge_pad

FITTED_SAMPLES = (2**14, 2**16)
"""Least and most samples per channel that a fit of the predictor looks at; that of the magnitude looks at half."""

QUICK_SAMPLES = (2**13, 2**16)
"""The same for the frames of clips, of which a fit is most of the work."""

USUAL, QUICK = (8, 4), (20, 4)
"""Of how many samples a fit looks at one, and in strips of how many rows; `QUICK` is for the frames of clips."""

FIRST_PASS = 2**14
"""Samples per channel from which the first of two passes, which gives only weights, looks at every third row."""

_RIDGE, _LOUD_RIDGE = 8.0, 4.0
_LOUD_BITS = 8
_LOUD_GAIN = 0.02  # bits per sample that fitted coefficients of the magnitude are worth at least
_LOUDEST = 63.0


def stack(x: Tensor, references: Tensor) -> Tensor:
    """Padded planes [B, C+R, H+3, W+4] of a signal and its references."""
    return torch.cat([causal_pad(x), edge_pad(references)], 1) if references.shape[1] else causal_pad(x)


def predictions(planes: Tensor, predictor: Tensor, n_levels: int) -> Tensor:
    """Predictions [B, C, H, W] (float32) within the range of the levels, from padded planes [B, C+R, H+3, W+4]."""
    half = n_levels // 2
    return linear.apply(planes, predictor).clamp_(-half, n_levels - 1 - half)


def magnitudes(planes: Tensor, guess: Tensor) -> Tensor:
    """Padded planes [B, C+1+R, H+3, W+4] of residual magnitudes, of ones, of gradients of the references.

    `planes` [B, C+R, H+3, W+4] are those of `stack`, and `guess` [B, C, H, W] their prediction.
    """
    b, c, h, w = guess.shape
    out = planes.new_zeros(b, planes.shape[1] + 1, h + 3, w + 4)
    inside = out[..., 2:-1, 2:-2]
    torch.sub(planes[:, :c, 2:-1, 2:-2], torch.round(guess), out=inside[:, :c]).abs_().clamp_(max=_LOUDEST)
    inside[:, c] = 1.0
    if planes.shape[1] > c:
        p = planes[:, c:]
        torch.sub(p[..., 2:-1, 3:-1], p[..., 2:-1, 1:-3], out=inside[:, c + 1 :]).abs_()
        inside[:, c + 1 :].add_((p[..., 3:, 2:-2] - p[..., 1:-2, 2:-2]).abs_()).clamp_(max=2 * _LOUDEST)
    return out


def _strips(h: int, w: int, part: int, quick: bool, device: torch.device) -> tuple[Tensor, int]:
    """The strips for a fit of h x w on one in `part` of the samples it may look at."""
    least, most = QUICK_SAMPLES if quick else FITTED_SAMPLES
    share, height = QUICK if quick else USUAL
    return linear.sampled_strips(h, w, min(most, max(least, h * w // share)) // part, height, device)


def coefficient_bits(h: int, w: int) -> int:
    """Fraction bits of coefficients: an error of one step then costs a few bits over the whole item."""
    return min(12, 3 + round(0.5 * math.log2(max(h * w, 2))))


def _start(layout: Layout, channel: int, b: int, device: torch.device) -> tuple[Tensor, int]:
    """The free coefficients [B, F] of a channel, and how many of them belong to the signal itself."""
    own = layout.start(channel)
    values = torch.tensor(own + [0.0] * len(layout.referred(channel)), dtype=torch.float64, device=device)
    return values.expand(b, -1), len(own)


def _chosen(products: Tensor, start: Tensor, n_own: int, groups: int, *, bits: int, n: int) -> tuple[Tensor, ...]:
    """Fixed-point coefficients [B, F], their price [B] and how many references are used [B]: what promises fewest bits.

    The choices are the taps on the signal itself, with those on the first reference, with those on both, and the free
    coefficients.
    """
    (b, n_taps), ways = start.shape, []
    for used in range(groups + 1):
        m = n_own + (n_taps - n_own) // max(groups, 1) * used
        of = [*range(m), n_taps]
        solved, sent = torch.zeros_like(start), (torch.arange(n_taps, device=start.device) < m).expand(b, -1)
        solved[:, :m] = linear.solve(products[:, of][:, :, of], start[:, :m], _RIDGE)
        ways.append(linear.rounded(solved, start, bits, sent))
        if used == 0:
            ways.append(linear.rounded(start, start, bits, sent))
    promised = [price + 0.5 * n * torch.log2(linear.energy(products, way) + 0.08 * n) for way, price in ways]
    best = torch.stack(promised).min(0).indices
    items = torch.arange(b, device=best.device)
    coefficients, price = (torch.stack(each)[best, items] for each in zip(*ways, strict=True))
    return coefficients, price, (best - 1).clamp(min=0)


def fit_predictor(
    planes: Tensor, layout: Layout, coded: Tensor | None, *, quick: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Kernel [B, C, P, 4, 5], price [B] and how many references are used [B, C].

    Two passes: the second weighs each sample by about one over the squared residual of the first around it.
    """
    b, (h, w) = planes.shape[0], (planes.shape[-2] - 3, planes.shape[-1] - 4)
    strips, height = _strips(h, w, 1, quick, planes.device)
    bits = coefficient_bits(h, w)
    price = torch.zeros(b, dtype=torch.float64, device=planes.device)
    lists, use = [], list[Tensor]()
    for c in range(layout.channels):
        taps = layout.own(c) + layout.referred(c)
        start, n_own = _start(layout, c, b, planes.device)
        seen, weights = linear.gather(planes, [*taps, (c, 0, 0)], strips, height), _at(coded, strips, height, planes)
        rows = slice(None, None, 3 if seen.shape[1] * w >= FIRST_PASS else 1)
        first = linear.solve(linear.gram(seen[:, rows], None if coded is None else weights[:, rows]), start, _RIDGE)
        residual = seen[:, :, -1] - (first.float()[:, None, None] @ seen[:, :, :-1])[:, :, 0]
        near = linear.surroundings(residual.abs_(), height)
        products = linear.gram(seen, weights * torch.exp2(-torch.round(torch.log2(2.0 * near * near + 1.0))))
        fixed, cost, used = _chosen(products, start, n_own, layout.groups, bits=bits, n=h * w)
        lists.append((fixed, taps))
        price, use = price + cost, [*use, used]
    return linear.kernel(lists, planes.shape[1]), price, torch.stack(use, 1)


def fit_loudness(
    planes: Tensor,
    predictor: Tensor,
    layout: Layout,
    use: Tensor,
    coded: Tensor | None,
    *,
    n_levels: int,
    quick: bool = False,
) -> tuple[Tensor, Tensor]:
    """Kernel [B, C, P', 4, 5] of the expected magnitude and its price [B]: least squares of relative error."""
    b, (h, w) = planes.shape[0], (planes.shape[-2] - 3, planes.shape[-1] - 4)
    strips, height = _strips(h, w, 2, quick, planes.device)
    loud, places = _loud_strips(planes, predictor, strips, height, n_levels)
    bits = min(_LOUD_BITS, coefficient_bits(h, w) - 1)
    lists, price, weights = (
        [],
        torch.zeros(b, dtype=torch.float64, device=loud.device),
        _at(coded, strips, height, loud),
    )
    for c in range(layout.channels):
        taps, n_own = layout.loud(c) + layout.steep(c), len(layout.loud(c))
        start = loud.new_tensor(layout.start_loud(c) + [0.0] * (len(taps) - n_own), dtype=torch.float64).expand(b, -1)
        free, free_cost = linear.rounded(start, start, bits, torch.ones_like(start, dtype=torch.bool))
        seen = linear.gather(loud, [*taps, (c, 0, 0)], places, height)
        near = linear.surroundings(seen[:, :, -1], height)
        products = linear.gram(seen, weights * torch.exp2(-torch.round(2.0 * torch.log2(near + 0.5))))
        solved = linear.solve(products, start, _LOUD_RIDGE).clamp(min=0.0)
        sent = torch.ones_like(solved, dtype=torch.bool)
        sent[:, n_own:] = use[:, c, None] > torch.arange(layout.groups, device=use.device)
        fixed, cost = linear.rounded(solved, start, bits, sent)
        cheap = cost <= _LOUD_GAIN * h * w
        fixed = torch.where(cheap[:, None], fixed, free)
        cost = torch.where(cheap, cost, free_cost)
        lists.append((fixed, taps))
        price = price + cost
    return linear.kernel(lists, loud.shape[1]), price


def _loud_strips(
    planes: Tensor, predictor: Tensor, strips: Tensor, height: int, n_levels: int
) -> tuple[Tensor, Tensor]:
    """Padded planes of magnitudes that hold strips and what their taps reach, stacked; where each begins."""
    reach, h = TOP + BOTTOM, planes.shape[2] - TOP - BOTTOM
    rows = (strips[:, None] + torch.arange(-TOP, height + 2 * reach - TOP, device=strips.device)).flatten()
    near = planes.index_select(2, rows.clamp(0, h + reach - 1))
    loud = magnitudes(near, predictions(near, predictor, n_levels))
    loud.mul_(((rows >= TOP) & (rows < h + TOP))[:, None])
    return loud, torch.arange(len(strips), device=strips.device) * (height + 2 * reach) + TOP


def _at(coded: Tensor | None, strips: Tensor, height: int, like: Tensor) -> Tensor:
    """Weights [B, n_rows, W] of the places of the rows of strips: 1 where they will be coded."""
    if coded is not None:
        rows = strips[:, None] + torch.arange(height, device=strips.device)
        return coded.index_select(1, rows.flatten()).to(torch.float32)
    return like.new_ones(like.shape[0], len(strips) * height, like.shape[-1] - 4)
