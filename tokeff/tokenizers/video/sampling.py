"""Which frames of a clip a model looks at: presentation indices from a header. Light: numpy only.

A sampler picks frames, so none is picked twice: asked for more than there are, it gives all.
"""

from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import SpecError
from tokeff.records.headers import VideoHeader

Places = NDArray[np.int64]
Sampler = Callable[[VideoHeader], Places]

_TICK_SECONDS = 1e-6
"""Times of containers are no finer; it keeps 30 frames at 1/30 s from becoming 29 or 31 by rounding."""


def every(header: VideoHeader) -> Places:
    """All frames."""
    return np.arange(header.n_frames)


def uniform(header: VideoHeader, n: int) -> Places:
    """`n` frames evenly from the first to the last: floor(i (N - 1) / (n - 1)), as LLaVA-NeXT's np.linspace(dtype=int).

    >>> uniform(VideoHeader.regular(width=1, height=1, n_frames=10, frame_rate_hz=25), 4).tolist()
    [0, 3, 6, 9]
    """
    if n >= header.n_frames:
        return every(header)
    return np.arange(n) * (header.n_frames - 1) // max(n - 1, 1)


def by_rate(header: VideoHeader, fps: float) -> Places:
    """The frame on screen at k / fps seconds after the first, for every such moment before the clip's end.

    A frame that stays on screen longer than 1 / fps is picked once.
    """
    moments = np.arange(n_moments(header, fps)) / fps + _TICK_SECONDS
    seconds = header.frame_seconds - header.frame_seconds[0]
    return np.unique(np.searchsorted(seconds, moments, side="right") - 1)


def n_moments(header: VideoHeader, fps: float) -> int:
    """How many moments k / fps (k = 0, 1, ...) lie in the clip; at least one."""
    return max(1, ceil((header.duration_seconds - _TICK_SECONDS) * fps))


def sampler_named(text: str) -> Sampler:
    """The sampler of `all`, `n=8` or `fps=1`. Raises SpecError."""
    name, _, number = text.partition("=")
    try:
        if text == "all":
            return every
        if name == "n" and int(number) > 0:
            n = int(number)
            return lambda header: uniform(header, n)
        if name == "fps" and 0 < float(number) < float("inf"):
            fps = float(number)
            return lambda header: by_rate(header, fps)
    except ValueError as error:
        raise SpecError("this is no number of frames", got=text, expected="all, n=8 or fps=1") from error
    raise SpecError("there is no such frame sampler", got=text, expected="all, n=8 or fps=1")
