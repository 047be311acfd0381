"""Which part of a signal is coded: the middle of it, or all. Pictures, recordings and clips.

Code lengths and the files of kept libraries are of the same part, so that they can be compared.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from tokeff.records.headers import VideoHeader
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, VideoSignal

WINDOW_SIDE, WINDOW_SAMPLES = 512, 2**18
CLIP_FRAMES, CLIP_SIDE = 16, 256
"""Unless the whole is asked for: of a picture at most so many rows and columns, of a recording so many samples per
channel, of a clip so many frames in a row and so many rows and columns; always from the middle."""

COMPARED_BYTES, STRETCHES = 2**31, 12
"""Unless the whole is asked for, of a clip with more raw bytes only so many are compared with its reconstruction: runs
of frames spread evenly from the first to the last."""


def compared_frames(header: VideoHeader, whole: bool) -> list[int] | None:
    """The frames whose distortion is measured, rising; None: all of them."""
    n_each = max(1, COMPARED_BYTES // (3 * header.height * header.width * STRETCHES))
    if whole or n_each * STRETCHES >= header.n_frames:
        return None
    gap = header.n_frames - n_each
    starts = (turn * gap // (STRETCHES - 1) for turn in range(STRETCHES))
    return [place for start in starts for place in range(start, start + n_each)]


class View:
    """What of an item is coded: the middle of the signal and of its copy, or all of both."""

    def __init__(self, key: str, signal: Signal, copy: Signal | None, whole: bool) -> None:
        self.key, self.signal, self.copy, self.whole = key, signal, copy, whole

    @property
    def n_bytes(self) -> int:
        """Raw bytes of what is coded."""
        if isinstance(self.signal, VideoSignal):
            height, width = self.signal.header.height, self.signal.header.width
            rows, columns = (_middle(length, CLIP_SIDE, self.whole) for length in (height, width))
            return 3 * len(self.frames()) * len(range(height)[rows]) * len(range(width)[columns])
        if isinstance(self.signal, AudioSignal):
            header = self.signal.header
            return (
                2
                * header.n_channels
                * len(range(header.n_samples)[_middle(header.n_samples, WINDOW_SAMPLES, self.whole)])
            )
        return self.tensor(self.signal).numel()

    def tensor(self, signal: Signal | None) -> Tensor:
        """[C, H, W] or [channels, n] of a picture or recording."""
        if isinstance(signal, ImageSignal):
            rows, columns = (_middle(length, WINDOW_SIDE, self.whole) for length in signal.pixels.shape[1:])
            return signal.pixels[:, rows, columns]
        if isinstance(signal, AudioSignal):
            part = _middle(signal.header.n_samples, WINDOW_SAMPLES, self.whole)
            return signal.read(part.start, part.stop)
        raise TypeError(f"no picture or recording: {type(signal).__name__}")

    def frames(self) -> range:
        """Places of the coded frames of a clip."""
        assert isinstance(self.signal, VideoSignal)
        return range(self.signal.header.n_frames)[_middle(self.signal.header.n_frames, CLIP_FRAMES, self.whole)]

    def chunks(self, signal: Signal | None) -> Iterator[Tensor]:
        """Frames [1, 3, H, W] of a clip, one by one."""
        assert isinstance(signal, VideoSignal)
        for chunk in signal.source.frames(self.frames()):
            rows, columns = (_middle(length, CLIP_SIDE, self.whole) for length in chunk.shape[2:])
            yield from torch.split(chunk[:, :, rows, columns], 1)


def _middle(length: int, window: int, whole: bool) -> slice:
    first = 0 if whole else max(0, (length - window) // 2)
    return slice(first, length if whole else min(length, first + window))
