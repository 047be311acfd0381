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
    """Planes ready for counting: indices int32 [B, C, H, W] at each detail tried, and the price of the model."""

    indices: list[Tensor]
    n_levels: int
    header_bits: Tensor
    counted: Tensor | None = None
    """Which places [B, H, W] are coded; None means all."""

    def counts(self, items: Tensor | slice) -> list[Tensor]:
        """Counts int64 [C, contexts * levels] at each detail, summed over `items`."""
        where = None if self.counted is None else self.counted[items].flatten()[None]
        return [
            torch.cat(
                [
                    histograms.counts_of(index[items, c].flatten()[None], len(weights), where)
                    for c in range(index.shape[1])
                ]
            )
            for index, weights in zip(self.indices, self._weights(), strict=True)
        ]

    def bits(self, n: int | None = None) -> Tensor:
        """Bits [B] (float64) of each item as a code of its own, at the cheapest of the first `n` details."""
        where = None if self.counted is None else self.counted.flatten(1)
        ways = []
        for index, weights in list(zip(self.indices, self._weights(), strict=True))[:n]:
            each = [histograms.counts_of(channel.flatten(1), len(weights), where) for channel in index.unbind(1)]
            ways.append(sum_of([histograms.code_length_bits(counts, weights, self.n_levels) for counts in each]))
        return self.header_bits + torch.stack(ways).min(0).values + DETAIL_BITS

    def _weights(self) -> list[Tensor]:
        return [context_prior(self.n_levels, detail) for detail in DETAILS[: len(self.indices)]]


def sum_of(terms: list[Tensor]) -> Tensor:
    """The sum of equal shapes."""
    return torch.stack(terms).sum(0)


def context_prior(n_levels: int, detail: int) -> Tensor:
    """Prior weights [contexts * n_levels] of the contexts that `symbols` yields at a detail."""
    of_scale = histograms.prior(n_levels).view(histograms.SCALES, -1, 1, n_levels)
    divided = of_scale[:DETAILED_SCALES].expand(-1, -1, detail, -1)
    return torch.cat([divided.flatten(), of_scale[DETAILED_SCALES:].flatten()])


def _fit(
    x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None
) -> tuple[Model, Tensor, Tensor]:
    """The model, its predictions and its padded magnitudes."""
    planes, half = stack(x, references), n_levels // 2
    predictor, price, use = fit_predictor(planes, layout, coded)
    guess = linear.apply(planes, predictor).clamp_(-half, n_levels - 1 - half)
    loud = magnitudes(x, guess, references)
    loudness, loud_price = fit_loudness(loud, layout, use, coded)
    header_bits = price + loud_price + layout.channels * bool(layout.references)
    model = Model(layout=layout, n_levels=n_levels, predictor=predictor, loudness=loudness, header_bits=header_bits)
    return model, guess, loud


def fit(x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None) -> Model:
    """Choose the model of centred planes x [B, C, H, W] beside references [B, R, H, W] (float32 integers).

    `coded` (bool [B, H, W]) names the places that will be coded, where not all are.
    """
    return _fit(x, references, layout, n_levels, coded)[0]


def _lie(values: Tensor, base: Tensor) -> Tensor:
    """How values lie to the whole number below a prediction: 0 below, 1 on it, 2 on the next, 3 above."""
    return (values - base).add_(1.0).clamp_(0.0, 3.0).to(torch.int32)


def _details(x: Tensor, references: Tensor, base: Tensor, n_levels: int, n: int) -> list[Tensor | None]:
    """The first `n` divisions of contexts, int32 [B, C, H, W] each."""
    found: list[Tensor | None] = [None]
    if n > 1:
        planes = stack(x, x[:, :0])
        sides = _lie(planes[..., 2:-1, 1:-3], base).mul_(4).add_(_lie(planes[..., 1:-2, 2:-2], base))
        found.append(sides)
    if n > 2:
        known = torch.floor((references[:, : x.shape[1]] + 128.0) * (n_levels / 256.0)) - n_levels // 2
        found.append(sides * 4 + _lie(known, base))
    return found


def _indices(x: Tensor, references: Tensor, model: Model, *, guess: Tensor, loud: Tensor, n: int) -> list[Tensor]:
    scale = histograms.scale_context(linear.apply(loud, model.loudness))
    base = torch.floor(guess)
    plain = (scale * histograms.OFFSETS).add_(((guess - base) * histograms.OFFSETS).to(torch.int32))
    residual = ((x - base).to(torch.int32)) & (model.n_levels - 1)
    first = DETAILED_SCALES * histograms.OFFSETS
    out = []
    for detail, division in zip(DETAILS, _details(x, references, base, model.n_levels, n), strict=False):
        context = plain
        if division is not None:
            context = torch.where(plain < first, plain * detail + division, plain + first * (detail - 1))
        out.append((context * model.n_levels).add_(residual))
    return out


def n_details(x: Tensor, references: Tensor, *, pooled: bool) -> int:
    """How many of `DETAILS` are tried for planes x [B, C, H, W], all that apply where they are pooled with others."""
    n = sum(pooled or x.shape[-1] * x.shape[-2] >= least for least in DETAILED_SAMPLES)
    return n if references.shape[1] else min(n, 2)


def symbols(x: Tensor, references: Tensor, model: Model, n: int = 1) -> tuple[list[Tensor], Tensor]:
    """What the entropy coder codes, int32 [B, C, H, W] at `n` details, and base.

    An index is context * n_levels + (x - base) modulo n_levels. Context and base of a sample follow from what is coded
    before it: a decoder calls this on what it has.
    """
    half = model.n_levels // 2
    guess = linear.apply(stack(x, references), model.predictor).clamp_(-half, model.n_levels - 1 - half)
    indices = _indices(x, references, model, guess=guess, loud=magnitudes(x, guess, references), n=n)
    return indices, torch.floor(guess)


def code(
    x: Tensor, references: Tensor, layout: Layout, n_levels: int, coded: Tensor | None = None, *, pooled: bool = False
) -> Coded:
    """Planes x [B, C, H, W] under the model fitted to each item, ready for counting, `pooled` with others or not."""
    model, guess, loud = _fit(x, references, layout, n_levels, coded)
    n = n_details(x, references, pooled=pooled)
    indices = _indices(x, references, model, guess=guess, loud=loud, n=n)
    return Coded(indices=indices, n_levels=n_levels, header_bits=model.header_bits, counted=coded)
