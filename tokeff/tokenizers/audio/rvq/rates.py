"""Rates and channels: a file's blocks as a codec wants them, and back, one block at a time.

Resampling is torchaudio's windowed sinc. A block sees its neighbours, so that cutting a recording into blocks changes
no sample beyond rounding. The kernel of an odd pair of rates (47,999 to 48,000 Hz) would take gigabytes: there
FFmpeg's swresample stands in. A codec of one channel gets the mean of a file's channels, and what it gives back is
every channel; a codec of two gets both of a file with two, and elsewhere the mean twice.
"""

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from tokeff.media.resampling import resample_blocks

ZEROS, ROLLOFF = 6, 0.99
"""torchaudio's defaults: zero crossings of the sinc on each side, and where it cuts."""
MAX_KERNEL = 2**22
"""Numbers of a kernel: 16 MiB. 44,100 to 48,000 Hz has 29,000."""


def resampled(blocks: Iterable[Tensor], from_hz: int, to_hz: int) -> Iterator[Tensor]:
    """float32 [channels, n] blocks at `from_hz` -> blocks at `to_hz`, ceil(n * to_hz / from_hz) samples in all."""
    if from_hz == to_hz:
        yield from blocks
    elif uses_torchaudio(from_hz, to_hz):
        yield from _by_torchaudio(blocks, from_hz, to_hz)
    else:
        yield from resample_blocks(blocks, from_hz, to_hz)


def resampled_length(n_samples: int, from_hz: int, to_hz: int) -> int:
    """Samples that `resampled` makes of so many."""
    return -(-n_samples * to_hz // from_hz)


def uses_torchaudio(from_hz: int, to_hz: int) -> bool:
    """Whether the kernel of this pair of rates is small enough."""
    old, new = _reduced(from_hz, to_hz)
    return new * (2 * _width(old, new) + old) <= MAX_KERNEL


def _reduced(from_hz: int, to_hz: int) -> tuple[int, int]:
    common = math.gcd(from_hz, to_hz)
    return from_hz // common, to_hz // common


def _width(old: int, new: int) -> int:
    """Samples that the kernel reaches to each side."""
    return math.ceil(ZEROS * old / (min(old, new) * ROLLOFF))


def _by_torchaudio(blocks: Iterable[Tensor], from_hz: int, to_hz: int) -> Iterator[Tensor]:
    from torchaudio.functional import resample

    old, new = _reduced(from_hz, to_hz)
    context = -(-(_width(old, new) + old) // old) * old
    held, begin, done = None, 0, 0
    for block in blocks:
        held = block if held is None else torch.cat([held, block], dim=1)
        stop = (begin + held.shape[1] - context) // old * old
        if stop <= done:
            continue
        left = min(context, done)
        piece = held[:, done - left - begin : stop + context - begin]
        yield resample(piece, old, new)[:, left // old * new : (left + stop - done) // old * new]
        keep = max(0, stop - context)
        held, begin, done = held[:, keep - begin :], keep, stop
    if held is not None and begin + held.shape[1] > done:
        left = min(context, done)
        yield resample(held[:, done - left - begin :], old, new)[:, left // old * new :]


def with_channels(block: Tensor, n_channels: int) -> Tensor:
    """[any, n] -> [n_channels, n]: as it is, or the mean of the channels so many times."""
    return block if len(block) == n_channels else block.mean(dim=0, keepdim=True).expand(n_channels, -1)
