"""The predictive coder of planes: pictures, frames and their references. Leaves out tiles, modes and streams.

`fit` chooses what is sent (coefficients, which references are used); `symbols` is what a decoder repeats sample by
sample: it depends on samples already coded, on the references and on what was sent, and on nothing else.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.maths.codelength import histograms, linear
from tokeff.maths.codelength.taps import Layout, causal_pad, edge_pad

FITTED_SAMPLES, LOUD_SAMPLES = 2**17, 2**16
"""Samples per channel that the fits of the predictor and of the magnitude look at, in whole rows."""

_RIDGE, _LOUD_RIDGE = 8.0, 4.0
_LOUD_BITS = 8
_LOUD_GAIN = 0.02  # bits per sample that fitted coefficients of the magnitude are worth at least
_LOUDEST = 63.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is sent for items [B] before their samples."""

    layout: Layout
    n_levels: int
    predictor: Tensor
    """float32 [B, C, C+R, 4, 5], multiples of 2^-12 or coarser."""
    loudness: Tensor
    """float32 [B, C, C+1+R, 4, 5]: expected magnitude of the residual."""
    header_bits: Tensor
    """float64 [B]."""


def _stack(x: Tensor, references: Tensor) -> Tensor:
    return torch.cat([causal_pad(x), edge_pad(references)], 1) if references.shape[1] else causal_pad(x)


def _magnitudes(x: Tensor, guess: Tensor, references: Tensor) -> Tensor:
    """Padded planes [B, C+1+R, H+3, W+4] of residual magnitudes, of ones, of gradients of the references."""
    loud = torch.nn.functional.pad((x - torch.round(guess)).abs_().clamp_(max=_LOUDEST), (2, 2, 2, 1))
    planes = [loud, torch.ones_like(loud[:, :1])]
    if references.shape[1]:
        p = edge_pad(references)
        across = (p[..., 2:-1, 3:-1] - p[..., 2:-1, 1:-3]).abs()
        down = (p[..., 3:, 2:-2] - p[..., 1:-2, 2:-2]).abs()
        planes.append(torch.nn.functional.pad((across + down).clamp(max=2 * _LOUDEST), (2, 2, 2, 1)))
    return torch.cat(planes, 1)


def coefficient_bits(h: int, w: int) -> int:
    """Fraction bits of coefficients: an error of one step then costs a few bits over the whole item."""
    return min(12, 3 + round(0.5 * math.log2(max(h * w, 2))))


def _start(layout: Layout, channel: int, b: int, device: torch.device) -> tuple[Tensor, int]:
    """The free coefficients [B, F] of a channel, and how many of them belong to the signal itself."""
    own = layout.start(channel)
    values = torch.tensor(own + [0.0] * len(layout.referred(channel)), dtype=torch.float64, device=device)
    return values.expand(b, -1), len(own)


def _chosen(products: Tensor, start: Tensor, n_own: int, bits: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Fixed-point coefficients [B, F], their price [B] and whether references are used [B]: what promises fewest bits.

    The choices are all taps, those on the signal itself, and the free coefficients.
    """
    full = linear.solve(products, start, _RIDGE)
    of = [*range(n_own), start.shape[1]]
    own = torch.zeros_like(full)
    own[:, :n_own] = linear.solve(products[:, of][:, :, of], start[:, :n_own], _RIDGE)
    sent = torch.ones_like(full, dtype=torch.bool)
    is_own = sent.clone()
    is_own[:, n_own:] = False
    ways = [linear.rounded(full, start, bits, sent), linear.rounded(own, start, bits, is_own)]
    ways.append(linear.rounded(start, start, bits, is_own))
    promised = [price + 0.5 * n * torch.log2(linear.energy(products, way) + 0.08 * n) for way, price in ways]
    best = torch.stack(promised).min(0).indices
    items = torch.arange(len(best), device=best.device)
    coefficients, price = (torch.stack(each)[best, items] for each in zip(*ways, strict=True))
    return coefficients, price, (best == 0) & (n_own < start.shape[1])


def _fit_predictor(planes: Tensor, layout: Layout, coded: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Kernel [B, C, P, 4, 5], price [B] and use of references [B, C].

    Two passes: the second weighs each sample by about one over the squared residual of the first around it.
    """
    b, (h, w) = planes.shape[0], (planes.shape[-2] - 3, planes.shape[-1] - 4)
    (rows, strip), bits = linear.sampled_rows(h, w, FITTED_SAMPLES, planes.device), coefficient_bits(h, w)
    price = torch.zeros(b, dtype=torch.float64, device=planes.device)
    lists, use = [], list[Tensor]()
    for c in range(layout.channels):
        taps = layout.own(c) + layout.referred(c)
        start, n_own = _start(layout, c, b, planes.device)
        seen, weights = linear.gather(planes, [*taps, (c, 0, 0)], rows), _at(coded, rows, planes)
        first = linear.solve(linear.gram(seen, weights), start, _RIDGE)
        residual = seen[:, -1] - (first.float()[:, None] @ seen[:, :-1])[:, 0]
        near = linear.surroundings(residual.abs_(), w, strip)
        products = linear.gram(seen, weights * torch.exp2(-torch.round(torch.log2(2.0 * near * near + 1.0))))
        fixed, cost, used = _chosen(products, start, n_own, bits, h * w)
        lists.append((fixed, taps))
        price, use = price + cost, [*use, used]
    return linear.kernel(lists, planes.shape[1]), price, torch.stack(use, 1)


def _fit_loudness(loud: Tensor, layout: Layout, use: Tensor, coded: Tensor | None) -> tuple[Tensor, Tensor]:
    """Kernel [B, C, P', 4, 5] of the expected magnitude and its price [B]: least squares of relative error."""
    b, (h, w) = loud.shape[0], (loud.shape[-2] - 3, loud.shape[-1] - 4)
    rows, strip = linear.sampled_rows(h, w, LOUD_SAMPLES, loud.device)
    bits = min(_LOUD_BITS, coefficient_bits(h, w) - 1)
    lists, price, weights = [], torch.zeros(b, dtype=torch.float64, device=loud.device), _at(coded, rows, loud)
    for c in range(layout.channels):
        taps, n_own = layout.loud(c) + layout.steep(c), len(layout.loud(c))
        start = loud.new_tensor(layout.start_loud(c) + [0.0] * (len(taps) - n_own), dtype=torch.float64).expand(b, -1)
        free, free_cost = linear.rounded(start, start, bits, torch.ones_like(start, dtype=torch.bool))
        seen = linear.gather(loud, [*taps, (c, 0, 0)], rows)
        near = linear.surroundings(seen[:, -1], w, strip)
        products = linear.gram(seen, weights * torch.exp2(-torch.round(2.0 * torch.log2(near + 0.5))))
        solved = linear.solve(products, start, _LOUD_RIDGE).clamp(min=0.0)
        sent = torch.ones_like(solved, dtype=torch.bool)
        sent[:, n_own:] = use[:, c, None]
        fixed, cost = linear.rounded(solved, start, bits, sent)
        cheap = cost <= _LOUD_GAIN * h * w
        fixed = torch.where(cheap[:, None], fixed, free)
        cost = torch.where(cheap, cost, free_cost)
        lists.append((fixed, taps))
        price = price + cost
    return linear.kernel(lists, loud.shape[1]), price


def _at(coded: Tensor | None, rows: Tensor, like: Tensor) -> Tensor:
    """Weights [B, n] of the places of `rows`: 1 where they will be coded."""
    if coded is not None:
        return coded.index_select(1, rows).flatten(1).to(torch.float32)
    return like.new_ones(like.shape[0], len(rows) * (like.shape[-1] - 4))


def _fit(
    x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None
) -> tuple[Model, Tensor, Tensor]:
    """The model, its predictions and its padded magnitudes."""
    planes, half = _stack(x, references), n_levels // 2
    predictor, price, use = _fit_predictor(planes, layout, coded)
    guess = linear.apply(planes, predictor).clamp_(-half, n_levels - 1 - half)
    loud = _magnitudes(x, guess, references)
    loudness, loud_price = _fit_loudness(loud, layout, use, coded)
    header_bits = price + loud_price + layout.channels * bool(layout.references)
    model = Model(layout=layout, n_levels=n_levels, predictor=predictor, loudness=loudness, header_bits=header_bits)
    return model, guess, loud


def fit(x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None) -> Model:
    """Choose the model of centred planes x [B, C, H, W] beside references [B, R, H, W] (float32 integers).

    `coded` (bool [B, H, W]) names the places that will be coded, where not all are.
    """
    return _fit(x, references, layout, n_levels, coded)[0]


def _symbols(x: Tensor, guess: Tensor, loud: Tensor, model: Model) -> Tensor:
    context = histograms.scale_context(linear.apply(loud, model.loudness))
    base = torch.floor(guess)
    context.mul_(histograms.OFFSETS).add_(((guess - base) * histograms.OFFSETS).to(torch.int32))
    return context.mul_(model.n_levels).add_(((x - base).to(torch.int32)) & (model.n_levels - 1))


def symbols(x: Tensor, references: Tensor, model: Model) -> tuple[Tensor, Tensor]:
    """What the entropy coder codes, int32 [B, C, H, W]: context * n_levels + (x - base) modulo n_levels; and base.

    Both the context and the base of a sample follow from what is coded before it: a decoder calls this on what it has.
    """
    half = model.n_levels // 2
    guess = linear.apply(_stack(x, references), model.predictor).clamp_(-half, model.n_levels - 1 - half)
    return _symbols(x, guess, _magnitudes(x, guess, references), model), torch.floor(guess)


def code_length_bits(
    x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None
) -> Tensor:
    """Bits [B] (float64) of planes x [B, C, H, W] under the model fitted to each item, its header included."""
    model, guess, loud = _fit(x, references, layout, n_levels, coded)
    index, weights = _symbols(x, guess, loud, model), histograms.prior(n_levels)
    counted = None if coded is None else coded.flatten(1)
    bits = [histograms.code_length_bits(index[:, c].flatten(1), weights, n_levels, counted) for c in range(x.shape[1])]
    return model.header_bits + torch.stack(bits).sum(0)
