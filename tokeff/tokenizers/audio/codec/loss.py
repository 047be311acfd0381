"""The two parts of the loss, in dB and differentiable: noise-to-signal ratio and log-mel distance of crops."""

from functools import cache

import torch
from torch import Tensor

from tokeff.maths.mel import FLOOR_DB, mel_filters, window_length

QUIET = 1e-8
"""Power per sample (-80 dB) that is added to signal and noise: silence has a ratio too."""
TINY = 1e-12


def noise_to_signal(original: Tensor, copy: Tensor) -> Tensor:
    """Mean of 10 log10(noise / signal) over [n, n_samples]; smaller is better."""
    noise, signal = ((each.square().mean(1) + QUIET) for each in (copy - original, original))
    return (10 * torch.log10(noise / signal)).mean()


def log_mel_distance(original: Tensor, copy: Tensor, sample_rate_hz: int) -> Tensor:
    """As `tokeff.maths.mel.log_mel_distance_db`, mean over [n, n_samples]."""
    return (_bands_db(original, sample_rate_hz) - _bands_db(copy, sample_rate_hz)).abs().mean()


def _bands_db(samples: Tensor, sample_rate_hz: int) -> Tensor:
    length = window_length(sample_rate_hz)
    window, filters = _window(length, samples.device), _filters(sample_rate_hz, length, samples.device)
    spectrum = torch.fft.rfft(samples.float().unfold(-1, length, length // 4) * window)
    power = spectrum.real.square() + spectrum.imag.square()  # abs() has no gradient at 0
    return (10 * torch.log10(power @ filters + TINY)).clamp(min=FLOOR_DB)


@cache
def _window(length: int, device: torch.device) -> Tensor:
    """Hann, such that a sine of amplitude 1 has a power of 1."""
    shape = torch.hann_window(length, device=device)
    return shape / (shape.sum() / 2)


@cache
def _filters(sample_rate_hz: int, length: int, device: torch.device) -> Tensor:
    return mel_filters(sample_rate_hz, length // 2 + 1).to(device)
