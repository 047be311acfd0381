"""Recordings for training: one channel at the codec's rate, held in memory; a few set apart, crops drawn from the rest.

Leaves out finding and decoding files.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.errors import InsufficientData
from tokeff.media.resampling import resample
from tokeff.records.signals import AudioSignal

HELD_OUT_SHARE = 1 / 10
MAX_HELD_OUT = 16
DEFAULT_MAX_BYTES = 2**32
"""Recordings are held in memory; beyond 4 GiB of samples no more are taken."""
GAINS_DB = (-12.0, 6.0)
"""Crops are made quieter or louder at random: recordings differ in level."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recordings:
    """A training set: float32 [n_samples] each."""

    train: tuple[Tensor, ...]
    held_out: tuple[Tensor, ...]
    n_too_short: int
    n_left_out: int
    """Recordings beyond the memory allowed."""
    fingerprint: str
    """sha256 over the samples of all recordings used, at 16 bits and the codec's rate, in order."""

    def crops(self, n: int, length: int, generator: torch.Generator) -> Tensor:
        """float32 [n, length] from places drawn evenly over all samples, with a gain drawn for each."""
        lengths = torch.tensor([float(len(each)) for each in self.train])
        chosen = torch.multinomial(lengths, n, replacement=True, generator=generator).tolist()
        draws = torch.rand(n, 2, generator=generator).tolist()
        return torch.stack([_crop(self.train[i], length, draw) for i, draw in zip(chosen, draws, strict=True)])


def gather(
    signals: Iterable[AudioSignal],
    *,
    sample_rate_hz: int,
    least_samples: int,
    seed: int,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Recordings:
    """The recordings of `signals`, channels averaged. Raises InsufficientData where fewer than two are long enough."""
    kept: list[Tensor] = []
    n_too_short = n_left_out = n_bytes = 0
    digest = hashlib.sha256()
    for signal in signals:
        samples = resample(signal.samples.mean(0, keepdim=True), signal.header.sample_rate_hz, sample_rate_hz)[0]
        if len(samples) < least_samples:
            n_too_short += 1
        elif n_bytes + samples.nbytes > max_bytes:
            n_left_out += 1
        else:
            kept.append(samples.contiguous())
            n_bytes += samples.nbytes
            digest.update(str(len(samples)).encode() + (samples * 32767).round().short().numpy().tobytes())
    if len(kept) < 2:
        raise InsufficientData(
            "too few recordings to train on: one part is for fitting and one for testing",
            got=f"{len(kept)} usable, {n_too_short} shorter than {least_samples / sample_rate_hz:g} s",
            expected="at least 2",
            fix="Name a folder with more recordings, or choose a smaller --crop.",
        )
    held_out, train = _split(kept, seed)
    return Recordings(
        train=train,
        held_out=held_out,
        n_too_short=n_too_short,
        n_left_out=n_left_out,
        fingerprint=digest.hexdigest(),
    )


def _split(recordings: Sequence[Tensor], seed: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    order = torch.randperm(len(recordings), generator=torch.Generator().manual_seed(seed)).tolist()
    n_held = min(MAX_HELD_OUT, max(1, round(len(recordings) * HELD_OUT_SHARE)))
    return tuple(recordings[i] for i in order[:n_held]), tuple(recordings[i] for i in order[n_held:])


def _crop(recording: Tensor, length: int, draw: Sequence[float]) -> Tensor:
    """`draw`: place and gain, each in [0, 1)."""
    first = int(draw[0] * (len(recording) - length + 1))
    gain_db = GAINS_DB[0] + (GAINS_DB[1] - GAINS_DB[0]) * draw[1]
    return recording[first : first + length] * 10 ** (gain_db / 20)
