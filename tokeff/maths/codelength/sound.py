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

LOUDEST = 2.0**15
"""What tells the scale sees magnitudes up to here: sums of a segment are then exact in float64, in any order."""

_START = (0.12, 0.1, 0.15, 0.15, 0.15, 0.12, 0.08, 0.06, 0.05)
_PAST, _AROUND = sum(SPANS), ((-3, 1), (-9, 7))
Windows = list[tuple[Tensor, int, int]]
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
    out = torch.zeros_like(signals[0]).view(*model.coefficients.shape[:2], sound_fit.BLOCK)
    taps = sound_fit.delays(len(signals) - 1)
    for s, signal in enumerate(signals):
        of = [i for i, (kind, _) in enumerate(taps) if kind == s]
        out += sound_fit.filtered(signal, model.coefficients[..., of], taps[of[0]][1])
    return out.view(signals[0].shape).clamp_(-65536.0, 65535.0)


def _sums(magnitudes: Tensor, before: int, after: int) -> Tensor:
    """Sums [B, before + n + 1 + after] of what lies before each place of magnitudes [B, n], and around them."""
    total = torch.nn.functional.pad(magnitudes.clamp(max=LOUDEST).cumsum(-1), (before + 1, after))
    if after:
        total[..., -after:] = total[..., -after - 1, None]
    return total


def _windows(residual: Tensor, known_residual: Tensor | None, side: Tensor | None) -> Windows:
    """What tells the scale but for the constant: (sums, first place, length) of windows that move with the sample.

    Stretches of past magnitudes, then surroundings in the channel coded before and in the changes of `side`.
    """
    total, end = _sums(residual.abs(), _PAST, 0), _PAST
    found = []
    for span in SPANS:
        found.append((total, end - span, span))
        end -= span
    beside = [] if known_residual is None else [known_residual.abs()]
    beside += [] if side is None else [(side - sound_fit.shifted(side, 1)).abs()]
    for one in beside:
        around = _sums(one, 8, 8)
        found += [(around, 9 + first, last - first) for first, last in _AROUND]
    return found


def features(windows: Windows, n: int, every: int = 1) -> Tensor:
    """Means over `windows`, float64 [B, F, m], and 1, of every so many of the first n samples."""
    means = [(s[:, at + k : at + k + n : every] - s[:, at : at + n : every]) / k for s, at, k in windows]
    return torch.stack([*means, torch.ones_like(means[0])], 1)


def start(n_features: int) -> list[float]:
    """Coefficients of `features` that cost nothing."""
    return [*_START, *[0.0] * (n_features - len(_START) - 1), 0.3]


def context(residual: Tensor, known_residual: Tensor | None, side: Tensor | None, loudness: Tensor) -> Tensor:
    """Half octave (int16 [B, n]) of the expected magnitude: the sum of `features` under loudness [B, F]."""
    return _context(_windows(residual, known_residual, side), loudness, residual.shape[-1])


def _context(windows: Windows, loudness: Tensor, n: int) -> Tensor:
    expected = loudness[:, -1:].repeat(1, n)
    for i, (sums, at, k) in enumerate(windows):
        share = loudness[:, i, None] / k
        expected.addcmul_(sums[:, at + k : at + k + n], share).addcmul_(sums[:, at : at + n], share, value=-1)
    return histograms.scale_context(expected.float(), N_SCALES)


def _fit(
    signals: list[Tensor], known_residual: Tensor | None, side: Tensor | None, n: int
) -> tuple[Model, Tensor, Windows]:
    """The model, its predictions and what tells the scale."""
    b, taps = len(signals[0]), sound_fit.delays(len(signals) - 1)
    g = sound_fit.products(signals, taps)
    coefficients, price = sound_fit.choose(g.flatten(0, 1), len(signals) - 1, min(n, sound_fit.BLOCK))
    empty = torch.zeros(b, 0, dtype=torch.float64, device=g.device)
    model = Model(coefficients=coefficients.view(b, -1, len(taps)), loudness=empty, header_bits=empty)
    guess = predicted(signals, model)
    residual = signals[0] - torch.round(guess)
    windows = _windows(residual, known_residual, side)
    loudness, cost = _fit_loudness(residual, windows, n)
    header_bits = price.view(b, -1).sum(1) + cost
    return Model(coefficients=model.coefficients, loudness=loudness, header_bits=header_bits), guess, windows


def fit(signals: list[Tensor], known_residual: Tensor | None, side: Tensor | None, n: int) -> Model:
    """The model of the first of `signals` [B, whole blocks], of which `n` samples count, given the others."""
    return _fit(signals, known_residual, side, n)[0]


def _fit_loudness(residual: Tensor, windows: Windows, n: int) -> tuple[Tensor, Tensor]:
    every = _EVERY if n >= 2**14 else 1
    near = _sums(residual.abs(), 16, 16)
    smooth = (near[:, 33 : 33 + n : every] - near[:, :n:every]) / 33
    weights = torch.exp2(-torch.round(2.0 * torch.log2(smooth + 0.5)))
    stacked = torch.cat([features(windows, n, every), residual[:, None, :n:every].abs()], 1)
    free = torch.tensor(start(stacked.shape[1] - 1), dtype=torch.float64, device=residual.device)
    free = free.expand(len(residual), -1)
    products = linear.gram(stacked[:, None], weights[:, None])
    solved = linear.solve(products, free, _LOUD_RIDGE).clamp(min=0.0)
    bits = min(_LOUD_BITS, 3 + round(0.5 * math.log2(n)))
    return linear.rounded(solved, free, bits, torch.ones_like(solved, dtype=torch.bool))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """What segments [B] take."""

    bits: Tensor
    """float64 [B]: each as a code of its own, every channel with its own histograms."""
    rest_bits: Tensor
    """float64 [B]: those of them that are not under histograms."""
    counts: Tensor
    """int64 [B, contexts * N_SYMBOLS] of all channels."""


def prior() -> Tensor:
    """Prior weights [contexts * N_SYMBOLS] of a channel."""
    return histograms.prior(N_SYMBOLS, N_SCALES, KEPT_OCTAVES)


def code_lengths(x: Tensor, side: Tensor | None, n: int) -> Lengths:
    """Of integer sound x [B, C, whole blocks] (float64), of which `n` samples count."""
    weights = prior()
    dropped = histograms.dropped_bits(torch.arange(N_SCALES, device=x.device), KEPT_OCTAVES).double()
    bits, rest = torch.zeros(2, len(x), dtype=torch.float64, device=x.device)
    total = torch.zeros(len(x), len(weights), dtype=torch.int64, device=x.device)
    known_residual = None
    for c in range(x.shape[1]):
        beside = None if side is None else side[:, c]
        signals = [x[:, c]] + ([x[:, c - 1]] if c else []) + ([] if beside is None else [beside])
        model, guess, windows = _fit(signals, known_residual, beside, n)
        index, excess = coded(x[:, c], guess, _context(windows, model.loudness, x.shape[-1]))
        counts = histograms.counts_of(index[:, :n], len(weights))
        bits += histograms.code_length_bits(counts, weights, N_SYMBOLS)
        rest += (counts.view(len(x), N_SCALES, -1).sum(-1) * dropped).sum(-1) + _escape_bits(index, excess, n)
        rest += model.header_bits
        total += counts
        known_residual = x[:, c] - torch.round(guess)
    return Lengths(bits=bits + rest, rest_bits=rest, counts=total)


def coded(x: Tensor, guess: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Indices context * N_SYMBOLS + symbol and excess of escapes, int32 [B, n], of x under what a decoder also has."""
    quarters = (guess * histograms.OFFSETS).floor_().to(torch.int32)
    base, where = quarters >> histograms.OFFSET_BITS, where.to(torch.int32)
    high = x.to(torch.int32).sub_(base).bitwise_right_shift_(histograms.dropped_bits(where, KEPT_OCTAVES))
    symbol = high.clamp(-LARGEST, LARGEST)
    cell = where.mul_(histograms.OFFSETS).add_(quarters.bitwise_and_(histograms.OFFSETS - 1))
    return cell.mul_(N_SYMBOLS).add_(symbol & (N_SYMBOLS - 1)), high.sub_(symbol).abs_()


def _escape_bits(index: Tensor, excess: Tensor, n: int) -> Tensor:
    """Bits [B] of the exponential-Golomb numbers that follow escapes."""
    symbol = index[:, :n] & (N_SYMBOLS - 1)
    escaped = (symbol - N_SYMBOLS // 2).abs_() == 1
    item, place = escaped.nonzero(as_tuple=True)
    numbers = 2 * torch.floor(torch.log2(excess[item, place].double() + 1)) + 1
    return numbers.new_zeros(len(index)).index_add_(0, item, numbers)
