"""Linear prediction of sound: coefficients per block from windowed correlations, fixed-point, priced.

Every tap is a delayed copy of a few signals (the channel itself, the channel coded before, the reconstruction), so all
products of a block are correlations, and those are taken by FFT. Samples have 16 bits and coefficients at most
MAX_BITS fraction bits: weighted sums are exact in float64, whatever their order.
"""

import math
from collections.abc import Sequence

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

_OVERLAP = 256
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


def choose(all_products: Tensor, n_known: int, n: int) -> tuple[Tensor, Tensor]:
    """Fixed-point coefficients [M, F] and their price [M] for products [M, F+1, F+1]: the cheapest choice of taps.

    A choice is an order with no known signal, or an order with all of them.
    """
    taps = delays(n_known)
    coefficients, prices, promises = [], [], []
    for beside in range(1 + bool(n_known)):
        for order in ORDERS:
            of = [i for i, (s, k) in enumerate(taps) if (s == 0 and k <= order) or (s > 0 and beside)]
            fixed, price = _rounded(all_products, of)
            coefficients.append(fixed)
            prices.append(price + CHOICE_BITS)
            promises.append(prices[-1] + 0.5 * n * torch.log2(linear.energy(all_products, fixed) + 0.08 * n))
    best = torch.stack(promises).min(0).indices
    items = torch.arange(len(best), device=best.device)
    return torch.stack(coefficients)[best, items], torch.stack(prices)[best, items]


def _rounded(g: Tensor, of: list[int]) -> tuple[Tensor, Tensor]:
    """Coefficients [M, F] solved for the taps `of` and rounded as finely as pays, and their price [M]."""
    fixed = g.new_zeros(g.shape[0], g.shape[1] - 1)
    if not of:
        return fixed, g.new_zeros(len(g))
    target = g.shape[1] - 1
    a, y = g[:, of][:, :, of], g[:, of, target]
    power = torch.diagonal(a, dim1=1, dim2=2).mean(-1)
    ridge = (1e-9 * power + 1e-3)[:, None, None] * torch.eye(len(of), dtype=g.dtype, device=g.device)
    solved = torch.linalg.solve(a + ridge, y[..., None])[..., 0]
    full = fixed.clone()
    full[:, of] = solved
    # A step d of F coefficients adds F d^2 power / 12 to the error; an F / BLOCK part of it is worth one bit each.
    error = linear.energy(g, full) + 0.08 * BLOCK
    step = torch.sqrt(12 * 1.85 / BLOCK * error / (power + 1.0))
    scale = torch.exp2(torch.ceil(-torch.log2(step)).clamp(3, MAX_BITS))[:, None]
    steps = torch.round(solved * scale).clamp(-(2**22), 2**22)
    fixed[:, of] = steps / scale
    price = linear.golomb_bits(steps[:, :8])
    return fixed, price + linear.golomb_bits(steps[:, 8:]) if len(of) > 8 else price
