"""Samples that come in blocks, one behind the other, read as if they lay in memory.

What can only go forward (a decoder, a resampler) is begun anew where a reader goes back. Leaves out what makes the
blocks.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor


class ForwardSamples:
    """A `SampleSource` over anything that gives its blocks [channels, n] in order, as often as it is asked to."""

    def __init__(self, blocks: Callable[[], Iterator[Tensor]]) -> None:
        self._blocks = blocks
        self._running: Iterator[Tensor] = iter(())
        self._held: Tensor | None = None
        self._begin = 0

    def read(self, first: int, stop: int) -> Tensor:
        """float32 [channels, stop - first]. Raises IndexError behind the end."""
        if self._held is None or first < self._begin:
            self._running, self._begin = self._blocks(), 0
            self._held = next(self._running)
        parts, end = [self._held], self._begin + self._held.shape[1]
        while end < stop:
            block = next(self._running, None)
            if block is None:
                raise IndexError(f"samples {first} to {stop} of {end}")
            if end <= first:
                parts, self._begin = [], end
            parts.append(block)
            end += block.shape[1]
        held = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        wanted = held[:, first - self._begin : stop - self._begin]
        # What was read is not held: the next reader goes on behind it.
        self._held, self._begin = held[:, stop - self._begin :], stop
        return wanted
