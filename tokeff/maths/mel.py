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
"""Frames of all channels that are transformed at once, to bound memory."""


def log_mel_distance_db(original: Tensor, copy: Tensor, sample_rate_hz: int) -> Figure:
    """Mean absolute difference, dB, of two sounds [channels, n_samples].

    Hann windows of about 40 ms (a power of two of samples), a quarter of one apart; 80 triangular bands on the HTK mel
    scale up to half the rate. A full-scale sine is at 0 dB. A gain of g on sound above the floor is |20 log10 g|.
    None where the sound is shorter than a window, or the rate so low that a band would hold no frequency.
    """
    distance = LogMelDistance(sample_rate_hz)
    distance.add(original, copy)
    return distance.figure()


class LogMelDistance:
    """The same of two sounds that come in blocks [channels, n], in order."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.window = window_length(sample_rate_hz)
        self._held: tuple[Tensor, Tensor] | None = None
        self._total, self._n_bands = 0.0, 0
        self._too_low: bool | None = None

    def add(self, original: Tensor, copy: Tensor) -> None:
        """One more block of each."""
        pair = (original.float(), copy.float())
        if self._held is not None:
            pair = (torch.cat([self._held[0], pair[0]], dim=-1), torch.cat([self._held[1], pair[1]], dim=-1))
        if self._too_low is None:
            bands = _filters(self.sample_rate_hz, self.window // 2 + 1, original.device).any(dim=0)
            self._too_low = not bool(bands.all())
        n_frames = max(0, (pair[0].shape[-1] - self.window) // (self.window // 4) + 1)
        if n_frames and not self._too_low:
            self._add_frames(*(each.unfold(-1, self.window, self.window // 4) for each in pair))
        done = n_frames * (self.window // 4)
        self._held = (pair[0][:, done:], pair[1][:, done:])

    def _add_frames(self, original: Tensor, copy: Tensor) -> None:
        most = max(1, CHUNK_FRAMES // len(original))
        for start in range(0, original.shape[1], most):
            left, right = (_bands_db(each[:, start : start + most], self.sample_rate_hz) for each in (original, copy))
            self._total += float((left - right).abs().sum(dtype=torch.float64))
            self._n_bands += left.numel()

    def figure(self) -> Figure:
        """Of all blocks."""
        if self._too_low:
            return Figure(None, "rate_too_low")
        if not self._n_bands:
            return Figure(None, "shorter_than_window")
        return Figure(self._total / self._n_bands)


def window_length(sample_rate_hz: int) -> int:
    """The power of two of samples nearest to 40 ms, and no less than a quarter needs: 4."""
    return max(4, 1 << max(0, round(torch.log2(torch.tensor(WINDOW_SECONDS * sample_rate_hz)).item())))


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
