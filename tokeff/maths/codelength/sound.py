"""The coder of sound in segments [B, C, n]: prediction per block, residuals under a scale learned per segment.

Large residuals lose low bits, which are sent as they are; what then leaves the table of symbols escapes to a number.
`fit` chooses what is sent; `predicted` and `context` are what a decoder repeats.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.maths.codelength import histograms, linear, sound_fit

N_SCALES, N_SYMBOLS, KEPT_OCTAVES = 34, 256, 4
"""Half octaves of the expected magnitude (2^-2 to 2^15), symbols per context, octaves coded without dropping bits."""

LARGEST = N_SYMBOLS // 2 - 1
"""A symbol of this size escapes: its excess follows as an exponential-Golomb number."""

SPANS = (1, 1, 2, 4, 8, 16, 32, 64, 128)
"""Lengths of the stretches of past residuals, each before the last, whose mean magnitudes tell the scale."""

_START = (0.12, 0.1, 0.15, 0.15, 0.15, 0.12, 0.08, 0.06, 0.05)
_LOUD_BITS, _LOUD_RIDGE, _EVERY = 8, 2.0, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is sent for one channel of segments [B]."""

    coefficients: Tensor
    """float64 [B, n_blocks, n_taps], in the order of sound_fit.delays."""
    loudness: Tensor
    """float64 [B, n_features]: expected magnitude of the residual."""
    header_bits: Tensor
    """float64 [B]."""


def predicted(signals: list[Tensor], model: Model) -> Tensor:
    """Predictions [B, n] (float64) from signals [B, n], the channel itself first; n is a whole number of blocks."""
    b, n = signals[0].shape
    before, after = max(sound_fit.ORDERS), -min(sound_fit.BESIDE)
    padded = [torch.nn.functional.pad(signal, (before, after)) for signal in signals]
    out = torch.zeros(b, n // sound_fit.BLOCK, sound_fit.BLOCK, dtype=torch.float64, device=signals[0].device)
    used = model.coefficients.flatten(0, 1).any(0).tolist()
    for i, (s, k) in enumerate(sound_fit.delays(len(signals) - 1)):
        if used[i]:
            late = padded[s][:, before - k : before - k + n].unfold(-1, sound_fit.BLOCK, sound_fit.BLOCK)
            out.addcmul_(model.coefficients[..., i, None], late)
    return out.view(b, n)


def features(residual: Tensor, known_residual: Tensor | None, side: Tensor | None) -> Tensor:
    """What tells the scale, float64 [B, F, n]: means of past magnitudes, the coded channel's, changes of `side`, 1."""
    n, past = residual.shape[-1], sum(SPANS)
    total = torch.nn.functional.pad(residual.abs().cumsum(-1), (past + 1, 0))
    rows, end = [], past
    for span in SPANS:
        rows.append((total[:, end : end + n] - total[:, end - span : end - span + n]) / span)
        end -= span
    beside = [] if known_residual is None else [known_residual.abs()]
    beside += [] if side is None else [(side - sound_fit.shifted(side, 1)).abs()]
    for one in beside:
        around = torch.nn.functional.pad(one.cumsum(-1), (9, 8), mode="constant")
        around[..., -8:] = around[..., -9:-8]
        rows += [(around[..., 9 + 1 : 9 + 1 + n] - around[..., 9 - 3 : 9 - 3 + n]) / 4]
        rows += [(around[..., 9 + 7 : 9 + 7 + n] - around[..., 9 - 9 : 9 - 9 + n]) / 16]
    return torch.stack([*rows, torch.ones_like(residual)], 1)


def start(n_features: int) -> list[float]:
    """Coefficients of `features` that cost nothing."""
    return [*_START, *[0.0] * (n_features - len(_START) - 1), 0.3]


def context(seen: Tensor, model: Model) -> Tensor:
    """Half octave (int64 [B, n]) of the expected magnitude, from `features` [B, F, n]."""
    expected = torch.zeros_like(seen[:, 0])
    for i in range(seen.shape[1]):
        expected.addcmul_(model.loudness[:, i, None], seen[:, i])
    return histograms.scale_context(expected.float(), N_SCALES).long()


def _fit(
    signals: list[Tensor], known_residual: Tensor | None, side: Tensor | None, n: int
) -> tuple[Model, Tensor, Tensor]:
    """The model, its predictions and what tells the scale."""
    b, taps = len(signals[0]), sound_fit.delays(len(signals) - 1)
    g = sound_fit.products(signals, taps)
    coefficients, price = sound_fit.choose(g.flatten(0, 1), len(signals) - 1, min(n, sound_fit.BLOCK))
    empty = torch.zeros(b, 0, dtype=torch.float64, device=g.device)
    model = Model(coefficients=coefficients.view(b, -1, len(taps)), loudness=empty, header_bits=empty)
    guess = predicted(signals, model)
    residual = signals[0] - torch.round(guess)
    seen = features(residual, known_residual, side)
    loudness, cost = _fit_loudness(residual, seen, n)
    header_bits = price.view(b, -1).sum(1) + cost
    return Model(coefficients=model.coefficients, loudness=loudness, header_bits=header_bits), guess, seen


def fit(signals: list[Tensor], known_residual: Tensor | None, side: Tensor | None, n: int) -> Model:
    """The model of the first of `signals` [B, whole blocks], of which `n` samples count, given the others."""
    return _fit(signals, known_residual, side, n)[0]


def _fit_loudness(residual: Tensor, seen: Tensor, n: int) -> tuple[Tensor, Tensor]:
    every = _EVERY if n >= 2**14 else 1
    target = residual.abs()
    smooth = torch.nn.functional.avg_pool1d(target[:, None], 33, 1, 16, count_include_pad=False)[:, 0, :n:every]
    weights = torch.exp2(-torch.round(2.0 * torch.log2(smooth + 0.5)))
    stacked = torch.cat([seen[..., :n:every], target[:, None, :n:every]], 1)
    free = torch.tensor(start(seen.shape[1]), dtype=torch.float64, device=seen.device).expand(len(seen), -1)
    products = linear.gram(stacked[:, None], weights[:, None])
    solved = linear.solve(products, free, _LOUD_RIDGE).clamp(min=0.0)
    bits = min(_LOUD_BITS, 3 + round(0.5 * math.log2(n)))
    return linear.rounded(solved, free, bits, torch.ones_like(solved, dtype=torch.bool))


def split(residual: Tensor, where: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Symbols 0..N_SYMBOLS-1 of integer residuals under contexts `where`, low bits dropped, excess of escapes."""
    low = histograms.dropped_bits(where, KEPT_OCTAVES)
    high = residual >> low
    symbol = high.clamp(-LARGEST, LARGEST)
    return symbol & (N_SYMBOLS - 1), low, (high - symbol).abs()


def code_length_bits(x: Tensor, side: Tensor | None, n: int) -> Tensor:
    """Bits [B] (float64) of integer sound x [B, C, whole blocks] (float64), of which `n` samples count."""
    weights = histograms.prior(N_SYMBOLS, N_SCALES, KEPT_OCTAVES)
    bits = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    known_residual = None
    for c in range(x.shape[1]):
        beside = None if side is None else side[:, c]
        signals = [x[:, c]] + ([x[:, c - 1]] if c else []) + ([] if beside is None else [beside])
        model, guess, seen = _fit(signals, known_residual, beside, n)
        residual = x[:, c] - torch.round(guess)
        index, low, excess = coded(residual, guess, context(seen, model))
        escaped = index % N_SYMBOLS
        escaped = (escaped == LARGEST) | (escaped == N_SYMBOLS - LARGEST)
        numbers = torch.where(escaped, 2 * torch.floor(torch.log2(excess.double() + 1)) + 1, 0.0)
        counts = histograms.counts_of(index[:, :n], len(weights))
        bits += histograms.code_length_bits(counts, weights, N_SYMBOLS)
        bits += model.header_bits + (low.double() + numbers)[:, :n].sum(1)
        known_residual = residual
    return bits


def coded(residual: Tensor, guess: Tensor, where: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Indices context * N_SYMBOLS + symbol (int64 [B, n]), low bits and excess, from what a decoder also has."""
    offset = ((guess - torch.floor(guess)) * histograms.OFFSETS).long()
    base_ahead = (torch.round(guess) - torch.floor(guess)).long()
    symbol, low, excess = split(residual.long() + base_ahead, where)
    return (where * histograms.OFFSETS + offset) * N_SYMBOLS + symbol, low, excess
