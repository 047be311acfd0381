"""Resampling of sound by FFmpeg's swresample: any pair of rates, no delay between input and output.

torchaudio's resampler builds its kernel for the reduced pair of rates: gigabytes for a pair like 47,999 and 48,000.
Leaves out decoding (`audio`) and codecs (`audio_coding`).
"""

from collections.abc import Iterable, Iterator

import av
import numpy as np
import torch
from av.audio.resampler import AudioResampler
from torch import Tensor

CHUNK_SAMPLES = 2**20
"""FFmpeg counts the bytes of a frame in 32 bits: long recordings go in by parts."""
SHORTEST_SAMPLES = 256


def resample(samples: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """float32 [channels, n] at `from_hz` -> float32 [channels, ceil(n * to_hz / from_hz)]; channels stay apart."""
    if from_hz == to_hz:
        return samples
    return torch.cat(list(resample_blocks(torch.split(samples, CHUNK_SAMPLES, dim=1), from_hz, to_hz)), dim=1)


def resample_blocks(blocks: Iterable[Tensor], from_hz: int, to_hz: int) -> Iterator[Tensor]:
    """The same for a recording that comes in blocks [channels, n] which follow one another; so many samples in all.

    The samples do not depend on where the blocks begin.
    """
    if from_hz == to_hz:
        yield from blocks
        return
    n_in = n_out = 0
    channels: list[_Channel] = []
    for part in _in_equal_parts(blocks):
        channels = channels or [_Channel(from_hz, to_hz) for _ in part]
        n_in += part.shape[1]
        done = torch.stack([channel.put(row) for channel, row in zip(channels, part, strict=True)])
        n_out += done.shape[1]
        yield done
    # swresample gives nothing for an input shorter than its filter.
    shortest = SHORTEST_SAMPLES * max(1, -(-from_hz // to_hz))
    rest = torch.stack([channel.end(max(0, shortest - n_in)) for channel in channels])
    yield fit(rest, -(-n_in * to_hz // from_hz) - n_out)


def _in_equal_parts(blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same samples in parts of CHUNK_SAMPLES, the last one shorter.

    swresample that is begun with less than its filter's length rounds one phase another way (by 1e-5, at 47,999 Hz to
    48,000 Hz).
    """
    held: list[Tensor] = []
    for block in blocks:
        held.append(block)
        if sum(each.shape[1] for each in held) < CHUNK_SAMPLES:
            continue
        *full, rest = torch.split(torch.cat(held, dim=1), CHUNK_SAMPLES, dim=1)
        if rest.shape[1] == CHUNK_SAMPLES:
            full, rest = [*full, rest], rest[:, :0]
        yield from full
        held = [rest.clone()]
    yield torch.cat(held, dim=1)


def fit(samples: Tensor, n_samples: int) -> Tensor:
    """`samples` [channels, n] cut, or filled with silence, to exactly `n_samples`."""
    missing = n_samples - samples.shape[1]
    return torch.nn.functional.pad(samples, (0, missing)) if missing > 0 else samples[:, :n_samples]


class _Channel:
    """One channel on its way through swresample."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz = from_hz
        self.resampler = AudioResampler(format="fltp", layout="mono", rate=to_hz)

    def put(self, row: Tensor) -> Tensor:
        """What is ready after so much more: [n]."""
        if not len(row):
            return row
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(row.numpy()[None]), format="fltp", layout="mono")
        frame.sample_rate = self.from_hz
        return _joined(self.resampler.resample(frame))

    def end(self, n_silent: int) -> Tensor:
        """The rest, behind so much silence: [n]."""
        return torch.cat([self.put(torch.zeros(n_silent)), _joined(self.resampler.resample(None))])


def _joined(frames: list[av.AudioFrame]) -> Tensor:
    return torch.from_numpy(np.concatenate([np.zeros(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)]))
