"""Resampling of sound by FFmpeg's swresample: any pair of rates, no delay between input and output.

torchaudio's resampler builds its kernel for the reduced pair of rates: gigabytes for a pair like 47,999 and 48,000.
Leaves out decoding (`audio`) and codecs (`audio_coding`).
"""

import av
import numpy as np
import torch
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from torch import Tensor

CHUNK_SAMPLES = 2**20
"""FFmpeg counts the bytes of a frame in 32 bits: long recordings go in by parts."""
SHORTEST_SAMPLES = 256


def resample(samples: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """float32 [channels, n] at `from_hz` -> float32 [channels, ceil(n * to_hz / from_hz)]; channels stay apart."""
    if from_hz == to_hz:
        return samples
    # swresample gives nothing for an input shorter than its filter.
    shortest = SHORTEST_SAMPLES * max(1, -(-from_hz // to_hz))
    padded = fit(samples, max(samples.shape[1], shortest)).numpy()
    channels = np.stack([_one_channel(row, from_hz, to_hz) for row in padded])
    return fit(torch.from_numpy(channels), -(-samples.shape[1] * to_hz // from_hz))


def fit(samples: Tensor, n_samples: int) -> Tensor:
    """`samples` [channels, n] cut, or filled with silence, to exactly `n_samples`."""
    missing = n_samples - samples.shape[1]
    return torch.nn.functional.pad(samples, (0, missing)) if missing > 0 else samples[:, :n_samples]


def _one_channel(row: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    resampler = AudioResampler(format="fltp", layout="mono", rate=to_hz)
    frames: list[av.AudioFrame] = []
    for start in range(0, len(row), CHUNK_SAMPLES):
        part = np.ascontiguousarray(row[None, start : start + CHUNK_SAMPLES])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate = from_hz
        frames += resampler.resample(frame)
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])
