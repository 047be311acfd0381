"""Distance of two sounds in loudness over mel bands, as an ear hears bands rather than samples.

Band powers in dB, floored 80 dB below full scale of a band; the mean absolute difference over bands, frames and
channels. Leaves out perceptual models with trained weights.
"""

from functools import cache

import torch
from torch import Tensor

from tokeff.maths.distortion import Figure

N_MELS = 80
WINDOW_SECONDS = 0.04
FLOOR_DB = -80.0
CHUNK_FRAMES = 4096
"""Frames transformed at once, to bound memory."""


def log_mel_distance_db(original: Tensor, copy: Tensor, sample_rate_hz: int) -> Figure:
    """Mean absolute difference, dB, of two sounds [channels, n_samples].

    Hann windows of about 40 ms (a power of two of samples), a quarter of one apart; 80 triangular bands on the HTK mel
    scale up to half the rate. A full-scale sine is at 0 dB. A gain of g on sound above the floor is |20 log10 g|.
    None where the sound is shorter than a window, or the rate so low that a band would hold no frequency.
    """
    window = window_length(sample_rate_hz)
    if original.shape[-1] < window:
        return Figure(None, "shorter_than_window")
    if not bool(_filters(sample_rate_hz, window // 2 + 1, original.device).any(dim=0).all()):
        return Figure(None, "rate_too_low")
    frames = [signal.float().unfold(-1, window, window // 4) for signal in (original, copy)]
    n_frames, total = frames[0].shape[1], 0.0
    for start in range(0, n_frames, CHUNK_FRAMES):
        left, right = (_bands_db(each[:, start : start + CHUNK_FRAMES], sample_rate_hz) for each in frames)
        total += float((left - right).abs().sum(dtype=torch.float64))
    return Figure(total / (original.shape[0] * n_frames * N_MELS))


def window_length(sample_rate_hz: int) -> int:
    """The power of two of samples nearest to 40 ms."""
    return 1 << round(torch.log2(torch.tensor(WINDOW_SECONDS * sample_rate_hz)).item())


def mel_filters(sample_rate_hz: int, n_bins: int) -> Tensor:
    """[n_bins, N_MELS] weights of triangles between equal steps of 2595 log10(1 + f/700), each with a peak of 1."""
    highest = 2595 * torch.log10(torch.tensor(1 + sample_rate_hz / 2 / 700, dtype=torch.float64))
    edges = 700 * (10 ** (torch.linspace(0, 1, N_MELS + 2, dtype=torch.float64) * highest / 2595) - 1)
    places = torch.linspace(0, sample_rate_hz / 2, n_bins, dtype=torch.float64)[:, None]
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


@cache
def _filters(sample_rate_hz: int, n_bins: int, device: torch.device) -> Tensor:
    return mel_filters(sample_rate_hz, n_bins).to(device)


def _bands_db(frames: Tensor, sample_rate_hz: int) -> Tensor:
    """[channels, n_frames, window] -> [channels, n_frames, N_MELS] powers in dB."""
    window = frames.shape[-1]
    shape = torch.hann_window(window, device=frames.device)
    # A sine of amplitude 1 has half the window's sum at its frequency.
    power = (torch.fft.rfft(frames * shape).abs() / (shape.sum() / 2)).square()
    bands = power @ _filters(sample_rate_hz, window // 2 + 1, frames.device)
    return (10 * torch.log10(bands.clamp(min=1e-30))).clamp(min=FLOOR_DB)
