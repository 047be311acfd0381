"""The predictive coder of planes: pictures, frames and their references. Leaves out tiles, modes and streams.

`fit` chooses what is sent (coefficients, which references are used); `symbols` is what a decoder repeats sample by
sample: it depends on samples already coded, on the references and on what was sent, and on nothing else.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.maths.codelength import histograms, linear
from tokeff.maths.codelength.plane_fit import fit_loudness, fit_predictor, magnitudes, stack
from tokeff.maths.codelength.taps import Layout

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
        where = None if self.counted is None else self.counted.flatten(1)
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


def _fit(
    planes: Tensor, layout: Layout, n_levels: int, coded: Tensor | None, *, pooled: bool = False
) -> tuple[Model, Tensor, Tensor]:
    """The model of padded planes, its predictions and its padded magnitudes."""
    half = n_levels // 2
    predictor, price, use = fit_predictor(planes, layout, coded, quick=pooled)
    guess = linear.apply(planes, predictor).clamp_(-half, n_levels - 1 - half)
    loud = magnitudes(planes, guess)
    loudness, loud_price = fit_loudness(loud, layout, use, coded, quick=pooled)
    header_bits = price + loud_price + layout.channels * bool(layout.references)
    model = Model(layout=layout, n_levels=n_levels, predictor=predictor, loudness=loudness, header_bits=header_bits)
    return model, guess, loud


def fit(x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None) -> Model:
    """Choose the model of centred planes x [B, C, H, W] beside references [B, R, H, W] (float32 integers).

    `coded` (bool [B, H, W]) names the places that will be coded, where not all are.
    """
    return _fit(stack(x, references), layout, n_levels, coded)[0]


def _division(planes: Tensor, base: Tensor, n_levels: int, finest: int) -> Tensor:
    """Which part of its scale a sample belongs to, float32 [B, C, H, W], below DETAILS[finest].

    How the left and the upper sample, and the reference, lie to the whole number below a prediction: below, on it, on
    the next, above.
    """
    c = base.shape[1]
    found = (planes[:, :c, 2:-1, 1:-3] - base).add_(1.0).clamp_(0.0, 3.0).mul_(4.0)
    found += (planes[:, :c, 1:-2, 2:-2] - base).add_(1.0).clamp_(0.0, 3.0)
    if finest == 1:
        return found
    known = planes[:, c : 2 * c, 2:-1, 2:-2]
    if n_levels < 256:
        known = torch.floor((known + 128.0) * (n_levels / 256.0)) - n_levels // 2
    return found.mul_(4.0).add_((known - base).add_(1.0).clamp_(0.0, 3.0))


def _index(planes: Tensor, model: Model, *, guess: Tensor, loud: Tensor, finest: int) -> Tensor:
    base, first, detail = torch.floor(guess), float(DETAILED_SCALES * histograms.OFFSETS), float(DETAILS[finest])
    context = histograms.scale_context(linear.apply(loud, model.loudness)).to(torch.float32)
    context.mul_(histograms.OFFSETS).add_((guess - base).mul_(histograms.OFFSETS).floor_())
    if finest:
        divided = (context * detail).add_(_division(planes, base, model.n_levels, finest))
        context = torch.where(context < first, divided, context.add_(first * (detail - 1.0)))
    residual = (planes[:, : base.shape[1], 2:-1, 2:-2] - base).to(torch.int32).bitwise_and_(model.n_levels - 1)
    return residual.add_(context.mul_(model.n_levels).to(torch.int32))


def finest_detail(x: Tensor, references: Tensor, *, pooled: bool) -> int:
    """Up to which of `DETAILS` planes x [B, C, H, W] are tried, all that apply where they are pooled with others."""
    n = sum(pooled or x.shape[-1] * x.shape[-2] >= least for least in DETAILED_SAMPLES)
    return n - 1 if references.shape[1] else min(n - 1, 1)


def symbols(x: Tensor, references: Tensor, model: Model, finest: int = 0) -> tuple[Tensor, Tensor]:
    """What the entropy coder codes, int32 [B, C, H, W] at one of `DETAILS`, and base.

    An index is context * n_levels + (x - base) modulo n_levels. Context and base of a sample follow from what is coded
    before it: a decoder calls this on what it has.
    """
    half, planes = model.n_levels // 2, stack(x, references)
    guess = linear.apply(planes, model.predictor).clamp_(-half, model.n_levels - 1 - half)
    return _index(planes, model, guess=guess, loud=magnitudes(planes, guess), finest=finest), torch.floor(guess)


def code(
    x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None, *, pooled: bool = False
) -> Coded:
    """Planes x [B, C, H, W] under the model fitted to each item, ready for counting, `pooled` with others or not."""
    planes = stack(x, references)
    model, guess, loud = _fit(planes, layout, n_levels, coded, pooled=pooled)
    finest = finest_detail(x, references, pooled=pooled)
    index = _index(planes, model, guess=guess, loud=loud, finest=finest)
    return Coded(index=index, finest=finest, n_levels=n_levels, header_bits=model.header_bits, counted=coded)
