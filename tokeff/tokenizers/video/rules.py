"""Rules of video encoders: which frames are looked at, at which size, and how many tokens that makes. Light: numpy.

Each rule is a function of the header alone. Leaves out the pixels (`tubelet`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

import numpy as np

from tokeff.errors import ItemError, SpecError
from tokeff.records.cards import ParameterValue
from tokeff.records.headers import VideoHeader
from tokeff.tokenizers.video.samplers import Places, n_moments

Size = tuple[int, int]
"""(height, width)"""
MAX_ASPECT_RATIO = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What becomes of one clip."""

    n_tokens: int
    grid: tuple[int, int, int] | None = None
    """(times, rows, columns) of tokens."""
    places: Places | None = None
    """Frames looked at, rising, a frame perhaps more than once; None where only the number of tokens is published."""
    resized: Size = (0, 0)
    crop: Size = (0, 0)
    """The middle part of the resized frame that is kept; the whole where it is the same."""


class Rule(Protocol):
    """A published rule with its numbers."""

    @property
    def resample(self) -> Literal["bilinear", "bicubic"]:
        """The filter of its resizing."""
        ...

    def plan(self, header: VideoHeader) -> Plan:
        """What becomes of a clip. Raises ItemError where the rule refuses it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMae:
    """VideoMAE (arXiv 2203.12602): a fixed number of frames, shorter side resized, middle square, tubelets."""

    n_frames: int = 16
    temporal_patch: int = 2
    patch: int = 16
    size: int = 224
    merge: int = 1

    @property
    def resample(self) -> Literal["bilinear", "bicubic"]:
        """Of transformers' VideoMAEVideoProcessor."""
        return "bilinear"

    def plan(self, header: VideoHeader) -> Plan:
        """Frames evenly from the first to the last, repeated where the clip has fewer."""
        places = np.arange(self.n_frames) * (header.n_frames - 1) // max(self.n_frames - 1, 1)
        short, long = sorted((header.height, header.width))
        longer = int(self.size * long / short)
        resized = (self.size, longer) if header.height == short else (longer, self.size)
        side = self.size // self.patch
        grid = (self.n_frames // self.temporal_patch, side, side)
        return Plan(n_tokens=math.prod(grid), grid=grid, places=places, resized=resized, crop=(self.size, self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class _QwenVl:
    """What the rules of Qwen's models share: so many frames in time, sizes in whole units near the original."""

    fps: float = 2.0
    min_frames: int = 4
    max_frames: int = 768
    min_pixels: int
    max_pixels: int
    cap_pixels_per_frame: bool = False
    max_video_tokens: int
    patch: int
    temporal_patch: int = 2
    merge: int = 2

    @property
    def resample(self) -> Literal["bilinear", "bicubic"]:
        """Of the processors."""
        return "bicubic"

    @property
    def unit(self) -> int:
        """Side of a token, in pixels."""
        return self.patch * self.merge

    def _rounded(self, header: VideoHeader) -> Size:
        _check_aspect(header)
        return round(header.height / self.unit) * self.unit, round(header.width / self.unit) * self.unit

    def _shrunk(self, header: VideoHeader, factor: float) -> Size:
        height, width = (
            max(self.unit, math.floor(side / factor / self.unit) * self.unit) for side in (header.height, header.width)
        )
        return height, width

    def _grown(self, header: VideoHeader, factor: float) -> Size:
        height, width = (math.ceil(side * factor / self.unit) * self.unit for side in (header.height, header.width))
        return height, width

    def _plan(self, places: Places, size: Size) -> Plan:
        """An odd number of frames is filled up with its last."""
        filled = np.concatenate([places, np.repeat(places[-1:], -len(places) % self.temporal_patch)])
        grid = (len(filled) // self.temporal_patch, size[0] // self.unit, size[1] // self.unit)
        return Plan(n_tokens=math.prod(grid), grid=grid, places=filled, resized=size, crop=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qwen2Vl(_QwenVl):
    """Qwen2-VL (arXiv 2409.12191) and Qwen2.5-VL: bounds on the pixels of each frame; Qwen2VLVideoProcessor."""

    min_pixels: int = 128 * 28 * 28
    max_pixels: int = 768 * 28 * 28
    max_video_tokens: int = 128_000
    patch: int = 14

    def plan(self, header: VideoHeader) -> Plan:
        """Frames at `fps`, an even number; a clip of one frame is looked at whole. Sides near the original."""
        places = self._places(header.n_frames, header.frame_rate_hz)
        max_pixels = self.max_pixels
        if self.cap_pixels_per_frame:
            share = int(self.max_video_tokens * self.unit * self.unit * 0.9) * self.temporal_patch // len(places)
            max_pixels = max(min(max_pixels, share), int(self.min_pixels * 1.05))
        height, width = self._rounded(header)
        area = header.height * header.width
        if height * width > max_pixels:
            height, width = self._shrunk(header, math.sqrt(area / max_pixels))
        elif height * width < self.min_pixels:
            height, width = self._grown(header, math.sqrt(self.min_pixels / area))
        return self._plan(places, (height, width))

    def _places(self, n: int, rate_hz: float) -> Places:
        step = self.temporal_patch
        if n < step:
            return np.arange(n)
        most = min(self.max_frames, n) // step * step
        wanted = min(max(n / rate_hz * self.fps if rate_hz else 0, self.min_frames), most, n)
        n_sampled = max(math.floor(wanted / step), 1) * step
        # Single precision and a step, not a number of steps, as the processor has it: rounding may add a frame.
        places = np.arange(0, n, n / n_sampled).astype(np.float32).astype(np.int64)
        return np.minimum(places, n - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qwen3Vl(_QwenVl):
    """Qwen3-VL: bounds on the pixels of the whole clip; Qwen3VLVideoProcessor."""

    min_pixels: int = 128 * 32 * 32
    max_pixels: int = 768 * 32 * 32
    max_video_tokens: int = 768
    patch: int = 16

    def plan(self, header: VideoHeader) -> Plan:
        """Frames at `fps`, evenly from the first to the last. Raises ItemError for a clip of one frame."""
        places = self._places(header.n_frames, header.frame_rate_hz)
        if len(places) < self.temporal_patch:
            got, expected = len(places), self.temporal_patch
            raise ItemError("too_short", "the rule needs several frames", got=got, expected=expected)
        return self._plan(places, self._size(header, len(places)))

    def _places(self, n: int, rate_hz: float) -> Places:
        wanted = int(n / rate_hz * self.fps) if rate_hz else 0
        n_sampled = min(max(wanted, self.min_frames), self.max_frames, n)
        places: Places = np.linspace(0, n - 1, n_sampled).round().astype(np.int64)
        return places

    def _size(self, header: VideoHeader, n: int) -> Size:
        max_pixels = self.max_pixels
        if self.cap_pixels_per_frame:
            share = min(self.max_video_tokens * self.unit * self.unit, max_pixels // n)
            max_pixels = max(share, int(self.min_pixels * 1.05)) * n
        header = _at_least(header, self.unit)
        height, width = self._rounded(header)
        volume = round(n / self.temporal_patch) * self.temporal_patch * height * width
        if volume > max_pixels:
            return self._shrunk(header, math.sqrt(n * header.height * header.width / max_pixels))
        if volume < self.min_pixels:
            return self._grown(header, math.sqrt(self.min_pixels / (n * header.height * header.width)))
        return height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class PerFrame:
    """A hosted model of which only the count is published: so many tokens for each moment k / fps of the clip."""

    fps: float = 1.0
    tokens_per_frame: int = 258
    max_tokens: int | None = None
    """Of a clip: a longer one is refused, as the service does."""

    @property
    def resample(self) -> Literal["bilinear", "bicubic"]:
        """Not published; nothing is resized here."""
        return "bicubic"

    def plan(self, header: VideoHeader) -> Plan:
        """The number of tokens only. Raises ItemError `over_budget`."""
        n_tokens = n_moments(header, self.fps) * self.tokens_per_frame
        if self.max_tokens is not None and n_tokens > self.max_tokens:
            expected = f"max_tokens={self.max_tokens} at most"
            raise ItemError("over_budget", "longer than the service takes", got=f"{n_tokens} tokens", expected=expected)
        return Plan(n_tokens=n_tokens)


RULES: Mapping[str, type[VideoMae] | type[Qwen2Vl] | type[Qwen3Vl] | type[PerFrame]] = {
    "videomae": VideoMae,
    "qwen2-vl": Qwen2Vl,
    "qwen3-vl": Qwen3Vl,
    "per-frame": PerFrame,
}


def rule_of(parameters: Mapping[str, ParameterValue], where: str) -> Rule:
    """The rule that a card names, with its numbers. Raises SpecError for a number that the rule does not have."""
    numbers: dict[str, Any] = dict(parameters)
    name = str(numbers.pop("rule", ""))
    if name not in RULES:
        raise SpecError("no rule is named", where=where, got=name or None, expected="one of " + ", ".join(RULES))
    known = [field.name for field in fields(RULES[name])]
    for key, value in numbers.items():
        if key not in known:
            raise SpecError(f"the rule {name} has no {key}", where=where, expected="one of " + ", ".join(known))
        if not isinstance(value, bool) and value <= 0:
            raise SpecError(f"{key} must be above 0", where=where, got=value)
    return RULES[name](**numbers)


def _check_aspect(header: VideoHeader) -> None:
    if max(header.height, header.width) / min(header.height, header.width) > MAX_ASPECT_RATIO:
        got, expected = f"{header.width}x{header.height}", f"sides within 1:{MAX_ASPECT_RATIO}"
        raise ItemError("aspect_ratio", "too elongated for this rule", got=got, expected=expected)


def _at_least(header: VideoHeader, unit: int) -> VideoHeader:
    """A clip with a side below `unit` counts as enlarged, sides cut to whole pixels."""
    if min(header.height, header.width) >= unit:
        return header
    scale = max(unit / header.height, unit / header.width)
    return VideoHeader(
        width=int(header.width * scale),
        height=int(header.height * scale),
        frame_seconds=header.frame_seconds,
        duration_seconds=header.duration_seconds,
    )
