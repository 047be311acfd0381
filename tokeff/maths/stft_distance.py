"""Multi-resolution STFT distance of two sounds: spectra at three resolutions, compared in two ways.

Yamamoto et al. 2020 (arXiv 1910.11480), with the numbers of its table; `auraloss` has the same of one channel as
a loss, against which this is tested. At each resolution the spectral convergence |S - S'| / |S| (Frobenius norms, by
channel) and the mean absolute difference of the logarithms of magnitudes (nats) are added; the figure is the mean over
resolutions. Windows are so many samples at the file's own rate. Sounds come in blocks.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from tokeff.maths.distortion import Figure

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""Points of the transform, step and length of the Hann window, in samples."""
FLOOR = 1e-8
"""Of squared magnitudes."""
CHUNK_FRAMES = 4096
"""Frames of all channels of both sounds that are transformed at once, to bound memory."""


class StftDistance:
    """Blocks [channels, n] of an original and its copy, in order."""

    def __init__(self) -> None:
        self._each = [_Resolution(*numbers) for numbers in RESOLUTIONS]
        self._silent = True

    def add(self, original: Tensor, copy: Tensor) -> None:
        """One more block of each."""
        self._silent = self._silent and not bool(original.any())
        pair = torch.stack([original, copy]).float()
        for each in self._each:
            each.add(pair)

    def figure(self) -> Figure:
        """Of all blocks; ends them. None for silence, and for sound that is too short to be mirrored at its ends."""
        if self._silent:
            return Figure(None, "silent")
        distances = [each.end() for each in self._each]
        known = [distance for distance in distances if distance is not None]
        return Figure(sum(known) / len(known)) if len(known) == len(distances) else Figure(None, "shorter_than_window")


def stft_distance(original: Tensor, copy: Tensor) -> Figure:
    """The same of whole sounds [channels, n_samples]."""
    distance = StftDistance()
    distance.add(original, copy)
    return distance.figure()


@dataclass(slots=True)
class _Resolution:
    """Sums at one resolution. Sound is mirrored at both ends by half a transform, so that frames are centred."""

    n_points: int
    step: int
    n_window: int
    held: Tensor | None = None
    """[2, channels, n] samples that further frames need."""
    begun: bool = False
    error: Tensor | None = None
    """[channels] squared differences of magnitudes; `energy` those of the original, `logs` of logarithms."""
    energy: Tensor | None = None
    logs: Tensor | None = None
    n_magnitudes: int = 0

    def add(self, pair: Tensor) -> None:
        """[2, channels, n]."""
        held = pair if self.held is None else torch.cat([self.held, pair], dim=-1)
        margin = self.n_points // 2
        if not self.begun:
            if held.shape[-1] <= margin:
                self.held = held
                return
            held = torch.cat([held[..., 1 : margin + 1].flip(-1), held], dim=-1)
            self.begun = True
        # The last samples stay: the end is mirrored.
        self.held = self._frames(held, held.shape[-1] - margin)

    def end(self) -> float | None:
        """The distance; None where nothing could be mirrored."""
        margin = self.n_points // 2
        if self.held is None or not self.begun:
            return None
        mirrored = self.held[..., -margin - 1 : -1].flip(-1)
        self._frames(torch.cat([self.held, mirrored], dim=-1), self.held.shape[-1] + margin)
        if self.error is None or self.energy is None or self.logs is None:
            return None
        convergence = float((self.error / self.energy).sqrt().mean())
        return convergence + float(self.logs.sum()) / self.n_magnitudes

    def _frames(self, held: Tensor, n_samples: int) -> Tensor:
        """Add every frame within the first `n_samples`; what is left behind the last one's start."""
        n_frames = max(0, (n_samples - self.n_points) // self.step + 1)
        most = max(1, CHUNK_FRAMES // held[..., 0].numel())
        for start in range(0, n_frames, most):
            n = min(most, n_frames - start)
            first = start * self.step
            self._add(held[..., first : first + (n - 1) * self.step + self.n_points])
        return held[..., n_frames * self.step :]

    def _add(self, samples: Tensor) -> None:
        window = _window(self.n_points, self.n_window, samples.device)
        frames = samples.unfold(-1, self.n_points, self.step) * window
        spectrum = torch.fft.rfft(frames)
        power = (spectrum.real.square() + spectrum.imag.square()).clamp(min=FLOOR)
        (x, y), (log_x, log_y) = power.sqrt(), power.log() / 2
        sums = [
            each.sum(dim=(-1, -2), dtype=torch.float64) for each in ((x - y).square(), x * x, (log_x - log_y).abs())
        ]
        if self.error is None or self.energy is None or self.logs is None:
            self.error, self.energy, self.logs = sums
        else:
            self.error, self.energy, self.logs = self.error + sums[0], self.energy + sums[1], self.logs + sums[2]
        self.n_magnitudes += x.numel()


@cache
def _window(n_points: int, n_window: int, device: torch.device) -> Tensor:
    """A Hann window in the middle of a transform, as torch.stft lays it."""
    left = (n_points - n_window) // 2
    window = torch.hann_window(n_window, device=device)
    return torch.nn.functional.pad(window, (left, n_points - n_window - left))
