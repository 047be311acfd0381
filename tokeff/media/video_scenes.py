"""How much each frame of a clip differs from the one before it: the scene score of FFmpeg's filter `select`.

score = min(d, |d - d'|) / 100 up to 1, d the mean absolute difference to the frame before in levels of 255 and d' that
of the frame before (libavfilter/f_select.c): high where the picture changes at once, low where it keeps moving. Taken
on grey pictures of at most 160 pixels a side, so it is a little below the filter's score of the whole picture. Frames
stream: two small pictures are in memory. Leaves out which frames are picked (`tokeff.tokenizers.video.samplers`).
"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from tokeff.records.signals import VideoSignal

LONGEST_SIDE = 160
_BT601_LUMA = (0.299, 0.587, 0.114)


@runtime_checkable
class GreyFrames(Protocol):
    """A source that gives small grey pictures without colour conversion."""

    def grey(self, width: int, height: int) -> Iterator[Tensor]:
        """Yield uint8 [n, height, width] of every frame, n bounded."""
        ...


def scene_scores(signal: VideoSignal) -> NDArray[np.float64]:
    """[n_frames] in 0..1, the first 0. Raises ItemError where a frame does not decode."""
    last: Tensor | None = None
    differences = [np.zeros(1)]
    for chunk in _small_grey(signal):
        joined = chunk.float() if last is None else torch.cat([last, chunk.float()])
        differences.append(joined.diff(dim=0).abs_().mean(dim=(1, 2), dtype=torch.float64).numpy())
        last = joined[-1:]
    means = np.concatenate(differences)
    change = np.abs(np.diff(means, prepend=0.0))
    scores: NDArray[np.float64] = np.minimum(np.minimum(means, change) / 100, 1.0)
    return scores


def _small_grey(signal: VideoSignal) -> Iterator[Tensor]:
    """uint8 [n, height, width], turned or not: the score does not depend on it."""
    width, height = signal.header.width, signal.header.height
    shrink = max(1.0, max(width, height) / LONGEST_SIDE)
    width, height = max(1, round(width / shrink)), max(1, round(height / shrink))
    if isinstance(signal.source, GreyFrames):
        yield from signal.source.grey(width, height)
        return
    weights = torch.tensor(_BT601_LUMA).view(1, 3, 1, 1)
    for chunk in signal.source.frames():
        luma = (chunk * weights).sum(dim=1, keepdim=True)
        yield adaptive_avg_pool2d(luma, (height, width)).round_().to(torch.uint8)[:, 0]
