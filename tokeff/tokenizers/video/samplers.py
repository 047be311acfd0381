"""Which frames of a clip a model looks at: one small language for specifications and cards. Light: numpy only.

    all                   every frame
    uniform(8)            8 frames evenly from the first to the last
    fps(0.5)              the frame on screen every 2 seconds
    keyframes             frames that decode by themselves
    scene(0.3,64)         the first frame of every shot, of the 64 clearest changes at most

`fps=0.5` is `fps(0.5)`: parentheses need quotes in a shell. A sampler picks frames by presentation order, so none is
picked twice: asked for more than there are, it gives all. All but `scene` need the header only (`FromHeader`); `scene`
looks at every frame. Leaves out the score of a change (`tokeff.media.video_scenes`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import ItemError, NotFound, SpecError
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import VideoSignal

Places = NDArray[np.int64]
"""[n] indices of frames in order of presentation, rising."""

TICK_SECONDS = 1e-6
"""Times of containers are no finer; it keeps 30 frames at 1/30 s from becoming 29 or 31 by rounding."""


class Sampler(Protocol):
    """Picks frames. `str()` of it is how it is written."""

    def places(self, signal: VideoSignal) -> Places:
        """The frames picked, at least one. Raises ItemError where the clip does not allow it."""
        ...


@runtime_checkable
class FromHeader(Protocol):
    """A sampler that needs no pixels: tokens of its frames can be counted from headers."""

    def from_header(self, header: VideoHeader) -> Places:
        """Equals `places` of a clip with this header."""
        ...


class _NoPixels:
    """`places` of samplers that need the header only."""

    __slots__ = ()

    def places(self: FromHeader, signal: VideoSignal) -> Places:
        """The frames picked."""
        return self.from_header(signal.header)


@dataclass(frozen=True, slots=True)
class Every(_NoPixels):
    """All frames."""

    def __str__(self) -> str:
        return "all"

    def from_header(self, header: VideoHeader) -> Places:
        """0, 1, ..."""
        return np.arange(header.n_frames)


@dataclass(frozen=True, slots=True)
class Uniform(_NoPixels):
    """`n` frames evenly from the first to the last: floor(i (N - 1) / (n - 1)), as LLaVA-NeXT's np.linspace(dtype=int).

    >>> Uniform(4).from_header(VideoHeader.regular(width=1, height=1, n_frames=10, frame_rate_hz=25)).tolist()
    [0, 3, 6, 9]
    """

    n: int

    def __str__(self) -> str:
        return f"uniform({self.n})"

    def from_header(self, header: VideoHeader) -> Places:
        """All frames where there are no more than `n`."""
        return thinned(np.arange(header.n_frames), self.n)


@dataclass(frozen=True, slots=True)
class ByRate(_NoPixels):
    """The frame on screen at k / fps seconds after the first, for every such moment before the clip's end.

    A frame that stays on screen longer than 1 / fps is picked once.
    """

    fps: float

    def __str__(self) -> str:
        return f"fps({self.fps:g})"

    def from_header(self, header: VideoHeader) -> Places:
        """By times of presentation, so that a variable frame rate is sampled in time."""
        moments = np.arange(n_moments(header, self.fps)) / self.fps + TICK_SECONDS
        seconds = header.frame_seconds - header.frame_seconds[0]
        return np.unique(np.searchsorted(seconds, moments, side="right") - 1)


@dataclass(frozen=True, slots=True)
class Keyframes(_NoPixels):
    """Frames that the file marks as keys and that are shown; the first frame where it marks none of those."""

    def __str__(self) -> str:
        return "keyframes"

    def from_header(self, header: VideoHeader) -> Places:
        """Raises ItemError `no_keyframes` where the header was not read from a file."""
        if header.key_places is None:
            raise ItemError("no_keyframes", "it is not known which of its frames are keys")
        return header.key_places if len(header.key_places) else np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Scene:
    """The first frame, and each frame whose scene score is above `threshold`; of these the `most` - 1 highest.

    The score is that of FFmpeg's filter `select` (0 to 1; its manual calls 0.3 to 0.5 sane), on a small grey picture.
    """

    threshold: float
    most: int | None = None

    def __str__(self) -> str:
        return f"scene({self.threshold:g})" if self.most is None else f"scene({self.threshold:g},{self.most})"

    def places(self, signal: VideoSignal) -> Places:
        """Decodes every frame, small and in grey. Raises ItemError where one does not decode."""
        from tokeff.media.video_scenes import scene_scores

        scores = scene_scores(signal)
        changes = np.flatnonzero(scores > self.threshold)
        if self.most is not None and len(changes) >= self.most:
            # Stable: of equal changes the earlier.
            changes = np.sort(changes[np.argsort(-scores[changes], kind="stable")[: self.most - 1]])
        return np.concatenate([np.zeros(1, dtype=np.int64), changes])


def n_moments(header: VideoHeader, fps: float) -> int:
    """How many moments k / fps (k = 0, 1, ...) lie in the clip; at least one."""
    return max(1, ceil((header.duration_seconds - TICK_SECONDS) * fps))


def thinned(places: Places, most: int) -> Places:
    """`most` of the places, evenly from the first to the last; all where there are no more."""
    if len(places) <= most:
        return places
    kept: Places = places[np.arange(most) * (len(places) - 1) // max(most - 1, 1)]
    return kept


def within_budget(places: Places, tokens_per_frame: int, max_tokens: int) -> Places:
    """The places thinned to what `max_tokens` pay for. Raises ItemError `over_budget` where they pay for none."""
    if tokens_per_frame > max_tokens:
        got, expected = f"{tokens_per_frame} tokens", f"max_tokens={max_tokens} at most"
        raise ItemError("over_budget", "one frame costs more than the budget", got=got, expected=expected)
    return thinned(places, max_tokens // max(tokens_per_frame, 1))


_FORMS = "all, uniform(8), fps(1), keyframes or scene(0.3,64)"


def parse_sampler(text: str) -> Sampler:
    """The sampler that `text` writes. Raises SpecError, or NotFound for a name that is none."""
    name, arguments = _taken_apart(text)
    if name not in _READERS:
        raise NotFound.among("frame sampler", name, _READERS, fix=f"Write {_FORMS}.")
    numbers, build = _READERS[name]
    if len(arguments) not in numbers:
        got, expected = f"{len(arguments)} arguments", f"{' or '.join(map(str, numbers))} as in {_FORMS}"
        raise SpecError(f"{name} takes another number of arguments", where=text, got=got, expected=expected)
    try:
        return build(arguments)
    except ValueError as error:
        raise SpecError(str(error), where=text, expected=_FORMS) from error


def _taken_apart(text: str) -> tuple[str, list[str]]:
    """`name(a,b)` or `name=a,b` or `name`."""
    if text.endswith(")"):
        name, opened, arguments = text[:-1].partition("(")
    else:
        name, opened, arguments = text.partition("=")
    return name, [part.strip() for part in arguments.split(",")] if opened else []


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"a number of frames is at least 1, got {text}")
    return number


def _rate(text: str) -> float:
    rate = float(text)
    if not (isfinite(rate) and rate > 0):
        raise ValueError(f"a rate is above 0, got {text}")
    return rate


def _threshold(text: str) -> float:
    threshold = float(text)
    if not 0 <= threshold <= 1:
        raise ValueError(f"a threshold lies in 0..1, got {text}")
    return threshold


_READERS: Mapping[str, tuple[tuple[int, ...], Callable[[list[str]], Sampler]]] = {
    "all": ((0,), lambda _: Every()),
    "uniform": ((1,), lambda given: Uniform(_count(given[0]))),
    "fps": ((1,), lambda given: ByRate(_rate(given[0]))),
    "keyframes": ((0,), lambda _: Keyframes()),
    "scene": ((1, 2), lambda given: Scene(_threshold(given[0]), *map(_count, given[1:]))),
}
