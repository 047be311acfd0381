"""The predictive coder of planes: pictures, frames and their references. Leaves out tiles, modes and streams.

`fit` chooses what is sent (coefficients, which references are used); `symbols` is what a decoder repeats sample by
sample: it depends on samples already coded, on the references and on what was sent, and on nothing else.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.maths.codelength import histograms, linear
from tokeff.maths.codelength.plane_fit import fit_loudness, fit_predictor, magnitudes, predictions, stack
from tokeff.maths.codelength.taps import BOTTOM, SIDE, TOP, Layout, bands

DETAILS = (1, 16, 64)
"""Contexts that a scale is divided into: none; how left and upper sample lie to the prediction; the reference too."""

DETAIL_BITS = 2.0
"""Bits that name which of `DETAILS` an item or clip uses."""

DETAILED_SCALES = 8
"""Only scales below this one are divided: there a sample often repeats one of its neighbours."""

ESTIMATED_SAMPLES = 2**15
"""Samples per channel from which a choice between ways to code a frame is made."""

DETAILED_SAMPLES = (1, 2**14, 2**17)
"""The smallest planes for which each of `DETAILS` is tried in an item of its own: for smaller ones it would not pay."""


SPARSE_ROWS = 32
"""Rows of a band where not all places are coded: bands with none are passed over."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """Planes ready for counting: indices int32 [B, C, H, W] at the finest detail tried, and the price of the model."""

    index: Tensor
    finest: int
    """Position in `DETAILS`; the coarser ones are tried as well."""
    n_levels: int
    header_bits: Tensor
    counted: Tensor | None = None
    """Which places [B, H, W] are coded; None means all."""

    def counts(self, items: Tensor) -> list[Tensor]:
        """Counts int64 [C, contexts * levels] at each detail, summed over `items` of planes that are coded whole."""
        size = len(context_prior(self.n_levels, DETAILS[self.finest]))
        found = [histograms.counts_of(c[items].flatten()[None], size) for c in self.index.unbind(1)]
        return self._details(torch.cat(found))

    def bits(self) -> Tensor:
        """Bits [B] (float64) of each item as a code of its own, at the cheapest detail."""
        where = None if self.counted is None else self.counted.flatten().nonzero()[:, 0]
        size = len(context_prior(self.n_levels, DETAILS[self.finest]))
        ways = torch.zeros(self.finest + 1, len(self.index), dtype=torch.float64, device=self.index.device)
        for channel in self.index.unbind(1):
            counts = self._details(histograms.counts_of(channel.flatten(1), size, where))
            ways += torch.stack([self._length(each, detail) for each, detail in zip(counts, DETAILS, strict=False)])
        return self.header_bits + ways.min(0).values + DETAIL_BITS

    def estimated_bits(self) -> Tensor:
        """About `bits` [B] at no detail of planes that are coded whole, from some of their rows: for choosing."""
        h, w = self.index.shape[-2:]
        rows = self.index[:, :, :: max(1, h * w // ESTIMATED_SAMPLES)]
        context, symbol = rows // self.n_levels, rows % self.n_levels
        detail, first = DETAILS[self.finest], DETAILED_SCALES * histograms.OFFSETS
        context = torch.where(context < first * detail, context // detail, context - first * (detail - 1))
        plain, size = context * self.n_levels + symbol, len(context_prior(self.n_levels, 1))
        each = [self._length(histograms.counts_of(c.flatten(1), size), 1) for c in plain.unbind(1)]
        return self.header_bits + sum_of(each) * (h / rows.shape[2]) + DETAIL_BITS

    def _length(self, counts: Tensor, detail: int) -> Tensor:
        return histograms.code_length_bits(counts, context_prior(self.n_levels, detail), self.n_levels)

    def _details(self, counts: Tensor) -> list[Tensor]:
        """Counts [N, contexts * levels] at each detail from those at the finest."""
        finest, first = DETAILS[self.finest], DETAILED_SCALES * histograms.OFFSETS
        divided = counts[:, : first * finest * self.n_levels].view(len(counts), first, finest, self.n_levels)
        rest, out = counts[:, first * finest * self.n_levels :], [counts]
        for detail in reversed(DETAILS[: self.finest]):
            divided = divided.view(len(counts), first, detail, -1, self.n_levels).sum(3)
            out.append(torch.cat([divided.flatten(1), rest], 1))
        return out[::-1]


def sum_of(terms: list[Tensor]) -> Tensor:
    """The sum of equal shapes."""
    return torch.stack(terms).sum(0)


def context_prior(n_levels: int, detail: int) -> Tensor:
    """Prior weights [contexts * n_levels] of the contexts that `symbols` yields at a detail."""
    of_scale = histograms.prior(n_levels).view(histograms.SCALES, -1, 1, n_levels)
    divided = of_scale[:DETAILED_SCALES].expand(-1, -1, detail, -1)
    return torch.cat([divided.flatten(), of_scale[DETAILED_SCALES:].flatten()])


def fit(
    x: Tensor,
    references: Tensor,
    layout: Layout,
    n_levels: int,
    coded: Tensor | None = None,
    *,
    pooled: bool = False,
) -> Model:
    """Choose the model of centred planes x [B, C, H, W] beside references [B, R, H, W] (float32 integers).

    `coded` (bool [B, H, W]) names the places that will be coded, where not all are; `pooled` says that the planes are
    frames of a clip.
    """
    return _fit(stack(x, references), layout, n_levels, coded, pooled=pooled)


def _fit(planes: Tensor, layout: Layout, n_levels: int, coded: Tensor | None, *, pooled: bool) -> Model:
    quick = pooled
    predictor, price, use = fit_predictor(planes, layout, coded, quick=quick)
    loudness, loud_price = fit_loudness(planes, predictor, layout, use, coded, n_levels=n_levels, quick=quick)
    header_bits = price + loud_price + layout.channels * layout.groups
    return Model(layout=layout, n_levels=n_levels, predictor=predictor, loudness=loudness, header_bits=header_bits)


def _index(planes: Tensor, model: Model, finest: int, coded: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Indices int32 and bases int16 [B, C, H, W], band after band of rows: what a band needs stays in the cache.

    Bands in which nothing is `coded` (bool [B, H, W]) are left as they are.
    """
    c, (h, w) = model.layout.channels, (planes.shape[2] - TOP - BOTTOM, planes.shape[3] - 2 * SIDE)
    index = torch.empty(len(planes), c, h, w, dtype=torch.int32, device=planes.device)
    bases = torch.empty_like(index, dtype=torch.int16)
    for top, bottom in bands(index, None if coded is None else SPARSE_ROWS):
        if coded is not None and not coded[:, top:bottom].any():
            continue
        rows = (slice(None), slice(None), slice(top, bottom))
        near = planes[:, :, top : bottom + TOP + BOTTOM]
        guess, expected = _told(planes, model, top, bottom)
        quarters = guess.mul_(histograms.OFFSETS).floor_().to(torch.int16)
        torch.bitwise_right_shift(quarters, histograms.OFFSET_BITS, out=bases[rows])
        context = histograms.scale_context(expected).mul_(histograms.OFFSETS)
        context.add_(quarters.bitwise_and_(histograms.OFFSETS - 1))
        signal = near[:, :c].to(torch.int16)
        if finest:
            known = near[:, c : 2 * c, TOP:-BOTTOM, SIDE:-SIDE] if finest > 1 else near[:, :0]
            context = _divided(context, _division(signal, bases[rows], _levels(known, model.n_levels)), DETAILS[finest])
        symbol = (signal[:, :, TOP:-BOTTOM, SIDE:-SIDE] - bases[rows]).bitwise_and_(model.n_levels - 1)
        torch.add(symbol.to(torch.int32), context.to(torch.int32), alpha=model.n_levels, out=index[rows])
    return index, bases


def _told(planes: Tensor, model: Model, top: int, bottom: int) -> tuple[Tensor, Tensor]:
    """Predictions and expected magnitudes [B, C, bottom - top, W] of a band of rows."""
    first, last = max(top - TOP, 0), min(bottom + BOTTOM, planes.shape[2] - TOP - BOTTOM)
    around = planes[:, :, first : last + TOP + BOTTOM]
    guess = predictions(around, model.predictor, model.n_levels)
    above = top - first
    # What lies above the first row and below the last is zero, as in `magnitudes` of the whole.
    loud = magnitudes(around, guess)[:, :, above : above + bottom - top + TOP + BOTTOM]
    return guess[:, :, above : above + bottom - top], linear.apply(loud, model.loudness)


def _levels(known: Tensor, n_levels: int) -> Tensor:
    """What a reference [B, R, H, W] says in levels of the signal, int16."""
    if n_levels < 256:
        known = torch.floor((known + 128.0) * (n_levels / 256.0)) - n_levels // 2
    return known.to(torch.int16)


def _division(near: Tensor, base: Tensor, told: Tensor) -> Tensor:
    """Which part of its scale a sample belongs to, int16 [B, C, H, W].

    How the left and the upper sample, and the reference `told` if there is one, lie to the whole number below a
    prediction: below, on it, on the next, above. `near` [B, C, H+3, W+4] are the padded planes around.
    """
    below = base - 1
    found = (near[:, :, TOP:-BOTTOM, 1:-3] - below).clamp_(0, 3).mul_(4)
    found += (near[:, :, 1:-2, SIDE:-SIDE] - below).clamp_(0, 3)
    return found.mul_(4).add_((told - below).clamp_(0, 3)) if told.shape[1] else found


def _divided(context: Tensor, division: Tensor, detail: int) -> Tensor:
    """Contexts of which those of small scales are divided into `detail` parts each."""
    first = DETAILED_SCALES * histograms.OFFSETS
    small = (first - context).clamp_(0, 1)
    return division.mul_(small).add_(context).add_(context.clamp_(max=first), alpha=detail - 1)


def finest_detail(x: Tensor, references: Tensor, *, pooled: bool) -> int:
    """Up to which of `DETAILS` planes x [B, C, H, W] are tried, all that apply where they are pooled with others."""
    n = sum(pooled or x.shape[-1] * x.shape[-2] >= least for least in DETAILED_SAMPLES)
    return n - 1 if references.shape[1] else min(n - 1, 1)


def symbols(x: Tensor, references: Tensor, model: Model, finest: int = 0) -> tuple[Tensor, Tensor]:
    """What the entropy coder codes, int32 [B, C, H, W] at one of `DETAILS`, and base (int16).

    An index is context * n_levels + (x - base) modulo n_levels. Context and base of a sample follow from what is coded
    before it: a decoder calls this on what it has.
    """
    return _index(stack(x, references), model, finest)


def code(
    x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None, *, pooled: bool = False
) -> Coded:
    """Planes x [B, C, H, W] under the model fitted to each item, ready for counting, `pooled` with others or not."""
    planes = stack(x, references)
    model = _fit(planes, layout, n_levels, coded, pooled=pooled)
    finest = finest_detail(x, references, pooled=pooled)
    index, _ = _index(planes, model, finest, coded)
    return Coded(index=index, finest=finest, n_levels=n_levels, header_bits=model.header_bits, counted=coded)
