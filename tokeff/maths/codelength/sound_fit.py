"""Linear prediction of sound: coefficients per block from windowed correlations, fixed-point, priced.

Every tap is a delayed copy of a few signals (the channel itself, the channel coded before, the reconstruction), so all
products of a block are correlations, and those are taken by FFT. Samples have 16 bits and coefficients at most
MAX_BITS fraction bits: weighted sums are exact in float64, whatever their order.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from tokeff.maths.codelength import linear

BLOCK = 4096
"""Samples that share coefficients."""

ORDERS = (0, 8, 16, 32)
"""Numbers of own past samples that a block may use."""

BESIDE = tuple(range(-8, 9))
"""Delays at which the channel coded before and the reconstruction are seen; both are known on either side."""

MAX_BITS = 17
CHOICE_BITS = 3.0 + 5.0
"""Bits of a block that name its taps and the precision of its coefficients."""

_OVERLAP, _ABREAST = 256, 32
_FFT = 2 * BLOCK


def delays(n_known: int) -> list[tuple[int, int]]:
    """(signal, delay) of every tap beside `n_known` known signals; signal 0 is the channel itself."""
    return [(0, k) for k in range(1, max(ORDERS) + 1)] + [(s, k) for s in range(1, n_known + 1) for k in BESIDE]


def shifted(signal: Tensor, delay: int) -> Tensor:
    """The signal [..., n] `delay` samples later, zeros moving in."""
    n = signal.shape[-1]
    out = torch.zeros_like(signal)
    if abs(delay) < n:
        out[..., max(delay, 0) : n + min(delay, 0)] = signal[..., max(-delay, 0) : n - max(delay, 0)]
    return out


def products(signals: Sequence[Tensor], taps: Sequence[tuple[int, int]]) -> Tensor:
    """Products [B, n_blocks, F+1, F+1] of the taps and, last, of signal 0, from signals [B, n_blocks * BLOCK]."""
    size = BLOCK + 2 * _OVERLAP
    window = torch.ones(size, dtype=torch.float64, device=signals[0].device)
    ramp = torch.sin(torch.linspace(0, math.pi / 2, 2 * _OVERLAP + 2, dtype=torch.float64)[1:-1]) ** 2
    window[: 2 * _OVERLAP] = ramp.to(window)
    window[-2 * _OVERLAP :] = ramp.flip(0).to(window)
    spectra = []
    for signal in signals:
        cut = torch.nn.functional.pad(signal, (_OVERLAP, _OVERLAP)).unfold(-1, size, BLOCK)
        spectra.append(torch.fft.rfft(cut * window, _FFT))
    every = [*taps, (0, 0)]
    kinds = torch.tensor([s for s, _ in every], device=window.device)
    late = torch.tensor([k for _, k in every], device=window.device)
    out = window.new_empty(*spectra[0].shape[:-1], len(every), len(every))
    for u in range(len(signals)):
        for v in range(u, len(signals)):
            of_u, of_v = (kinds == u).nonzero()[:, 0], (kinds == v).nonzero()[:, 0]
            lag = (late[of_u][:, None] - late[of_v]) % _FFT
            found = torch.fft.irfft(spectra[u].conj() * spectra[v], _FFT)[..., lag]
            out[..., of_u[:, None], of_v] = found
            out[..., of_v[:, None], of_u] = found.transpose(-1, -2)
    return out


def filtered(signal: Tensor, coefficients: Tensor, first: int) -> Tensor:
    """Sums [B, n_blocks, BLOCK] of signal [B, n] delayed by first, first + 1, ... under coefficients [B, n_blocks, K].

    As products of matrices: rows of stretches of the signal with a Toeplitz matrix for each block.
    """
    k = coefficients.shape[-1]
    last, width = first + k - 1, _ABREAST + k - 1
    padded = torch.nn.functional.pad(signal, (max(last, 0), max(-first, 0)))
    start = max(last, 0) - last
    stretches = padded[:, start : start + signal.shape[1] + k - 1].unfold(-1, width, _ABREAST)
    stretches = stretches.view(len(signal), -1, BLOCK // _ABREAST, width)
    behind = torch.arange(_ABREAST, device=signal.device) - torch.arange(width, device=signal.device)[:, None] + k - 1
    toeplitz = torch.nn.functional.pad(coefficients, (0, 1))[
        ..., torch.where(behind.clamp(0, k - 1) == behind, behind, k)
    ]
    return torch.matmul(stretches, toeplitz).flatten(-2)


def choose(all_products: Tensor, n_known: int, n: int) -> tuple[Tensor, Tensor]:
    """Fixed-point coefficients [M, F] and their price [M] for products [M, F+1, F+1]: the cheapest choice of taps.

    A choice is an order with no known signal, or an order with all of them.
    """
    taps = delays(n_known)
    coefficients, prices, promises = [], [], []
    for beside in range(1 + bool(n_known)):
        known = [i for i, (s, _) in enumerate(taps) if s > 0 and beside]
        for of, solved in _nested(all_products, known):
            fixed, price = _rounded(all_products, solved, of)
            coefficients.append(fixed)
            prices.append(price + CHOICE_BITS)
            promises.append(prices[-1] + 0.5 * n * torch.log2(linear.energy(all_products, fixed) + 0.08 * n))
    best = torch.stack(promises).min(0).indices
    items = torch.arange(len(best), device=best.device)
    return torch.stack(coefficients)[best, items], torch.stack(prices)[best, items]


def _nested(g: Tensor, known: list[int]) -> Iterator[tuple[list[int], Tensor]]:
    """For each of `ORDERS`: its taps, after those of `known` signals, and their least squares [M, n_taps].

    Of one Cholesky factor the leading parts are the factors of the smaller systems.
    """
    of, target = known + list(range(max(ORDERS))), g.shape[1] - 1
    a = g[:, of][:, :, of]
    power = torch.diagonal(a, dim1=1, dim2=2).mean(-1)
    ridge = (1e-9 * power + 1e-3)[:, None, None] * torch.eye(len(of), dtype=g.dtype, device=g.device)
    factor = torch.linalg.cholesky_ex(a + ridge).L
    half = torch.linalg.solve_triangular(factor, g[:, of, target, None], upper=False)
    for order in ORDERS:
        m = len(known) + order
        solved = torch.linalg.solve_triangular(factor[:, :m, :m].mT, half[:, :m], upper=True)[..., 0]
        # A matrix that has no factor promises nothing: zeros are then as good.
        yield sorted(of[:m]), torch.nan_to_num(solved, 0.0, 0.0, 0.0)[:, sorted(range(m), key=of.__getitem__)]


def _rounded(g: Tensor, solved: Tensor, of: list[int]) -> tuple[Tensor, Tensor]:
    """Coefficients [M, F] of those solved for the taps `of`, rounded as finely as pays, and their price [M]."""
    full = g.new_zeros(g.shape[0], g.shape[1] - 1)
    if not of:
        return full, g.new_zeros(len(g))
    full[:, of] = solved
    power = torch.diagonal(g, dim1=1, dim2=2)[:, of].mean(-1)
    # A step d of F coefficients adds F d^2 power / 12 to the error; an F / BLOCK part of it is worth one bit each.
    error = linear.energy(g, full) + 0.08 * BLOCK
    step = torch.sqrt(12 * 1.85 / BLOCK * error / (power + 1.0))
    scale = torch.exp2(torch.ceil(-torch.log2(step)).clamp(3, MAX_BITS))[:, None]
    steps = torch.round(solved * scale).clamp(-(2**22), 2**22)
    full[:, of] = steps / scale
    price = linear.golomb_bits(steps[:, :8])
    return full, price + linear.golomb_bits(steps[:, 8:]) if len(of) > 8 else price
