"""The frames between those that were kept: held until the next one, or blended in time. Streamed, memory is a chunk.

    hold      the last kept frame at or before; before the first kept frame, that one
    linear    (1 - w) x the kept frame before + w x the one after, w = elapsed / distance in seconds, rounded half to
              even; outside the kept frames, the nearest

Leaves out which frames are kept (`samplers`) and how they were coded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import SpecError
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import FrameSource

Between = Literal["hold", "linear"]
WAYS: dict[str, Between] = {way: way for way in get_args(Between)}
CHUNK_BYTES = 2**23
"""Frames are made up to so many bytes at once: blending takes some four times as much in floats."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BetweenFrames:
    """Every frame of a clip from some of them: a SampledSource."""

    header: VideoHeader
    places: Places
    """Of the kept frames, rising."""
    kept: FrameSource
    """Gives the frames at (some of) `places`."""
    between: Between

    def over(self, originals: FrameSource) -> "BetweenFrames":
        """The same from the exact frames of `originals`."""
        return replace(self, kept=originals)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield uint8 [n, 3, height, width] of the frames at rising `indices`, at most CHUNK_BYTES or one frame."""
        wanted = np.arange(self.header.n_frames) if indices is None else np.asarray(indices, dtype=np.int64)
        before, after = self._neighbours(wanted)
        needed = np.unique(np.concatenate([before, after]))
        kept = _Row(self.kept.frames(self.places[needed].tolist()) if len(needed) else iter(()))
        weights = torch.from_numpy(self._weights(wanted, before, after)).float()
        first, last = (np.searchsorted(needed, each) for each in (before, after))
        step = max(1, CHUNK_BYTES // (3 * self.header.height * self.header.width))
        for start in range(0, len(wanted), step):
            part = slice(start, min(start + step, len(wanted)))
            base, row = kept.reach(int(first[part][0]), int(last[part][-1]))
            left, right = (torch.from_numpy(each[part] - base) for each in (first, last))
            yield _blended(row, left, right, weights[part])

    def _neighbours(self, wanted: Places) -> tuple[Places, Places]:
        """Which of `places` lie at or before each wanted frame, and which at or after; the same where it is held."""
        before: Places = np.maximum(np.searchsorted(self.places, wanted, side="right") - 1, 0)
        if self.between == "hold":
            return before, before
        after: Places = np.minimum(np.searchsorted(self.places, wanted, side="left"), len(self.places) - 1)
        return before, np.maximum(before, after)

    def _weights(self, wanted: Places, before: Places, after: Places) -> NDArray[np.float64]:
        """Of the frame after, 0 to 1."""
        start, end = (self.header.frame_seconds[self.places[each]] for each in (before, after))
        elapsed, distance = self.header.frame_seconds[wanted] - start, end - start
        weights: NDArray[np.float64] = np.clip(
            np.divide(elapsed, distance, out=np.zeros(len(wanted)), where=distance > 0), 0, 1
        )
        return weights


def way_named(text: str, where: str) -> Between:
    """Raises SpecError for what is no way between frames."""
    if text not in WAYS:
        raise SpecError("not a way between frames", where=where, got=text, expected=" or ".join(WAYS))
    return WAYS[text]


def _blended(row: Tensor, left: Tensor, right: Tensor, weights: Tensor) -> Tensor:
    """uint8 [n, 3, height, width] from the kept frames in `row`."""
    if torch.equal(left, right) or not bool(weights.any()):
        return row.index_select(0, left)
    share = weights.view(-1, 1, 1, 1)
    return torch.lerp(row.index_select(0, left).float(), row.index_select(0, right).float(), share).round_().byte()


class _Row:
    """Kept frames in a row, read as far as they are needed and let go once passed."""

    def __init__(self, chunks: Iterator[Tensor]) -> None:
        self._chunks = chunks
        self._held: list[Tensor] = []
        self._end = 0

    def reach(self, first: int, last: int) -> tuple[int, Tensor]:
        """The number of the first frame held, and the frames from there to `last`; those before `first` are let go."""
        while self._end <= last:
            self._held.append(next(self._chunks))
            self._end += len(self._held[-1])
        while self._end - sum(map(len, self._held[1:])) <= first:
            del self._held[0]
        if len(self._held) > 1:
            passed = first - (self._end - sum(map(len, self._held)))
            self._held = [torch.cat([self._held[0][passed:], *self._held[1:]])]
        (row,) = self._held
        return self._end - len(row), row
