"""Signals: decoded content, as every tokenizer gets it and every reconstruction returns it.

Text is bytes that are valid UTF-8; a picture is 8-bit; sound is float with the 16-bit grid as its canonical
resolution; a clip is frames that are decoded when they are asked for, never all at once. Leaves out decoding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tokeff.records.headers import AudioHeader, ImageHeader, TextHeader, VideoHeader

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSignal:
    """A text: `data` is valid UTF-8."""

    data: bytes

    @property
    def header(self) -> TextHeader:
        """Its size."""
        return TextHeader(n_bytes=len(self.data))

    @property
    def text(self) -> str:
        """The characters."""
        return self.data.decode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSignal:
    """A picture."""

    header: ImageHeader
    pixels: "Tensor"
    """uint8 [channels, height, width] on the CPU."""


BLOCK_SAMPLES = 2**20
"""Samples of each channel that are read at once of a long recording."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioSignal:
    """A recording."""

    header: AudioHeader
    samples: "Tensor"
    """float32 [channels, n_samples] on the CPU, in [-1, 1]; sample = 16-bit value / 32768."""

    def read(self, first: int, stop: int) -> "Tensor":
        """Some of the samples [channels, stop - first]."""
        return self.samples[:, first:stop]

    def blocks(self) -> "Iterator[Tensor]":
        """All samples [channels, at most BLOCK_SAMPLES], one block behind the other."""
        for first in range(0, self.header.n_samples, BLOCK_SAMPLES):
            yield self.read(first, min(first + BLOCK_SAMPLES, self.header.n_samples))


class SampleSource(Protocol):
    """Samples on demand."""

    def read(self, first: int, stop: int) -> "Tensor":
        """float32 [channels, stop - first] on the CPU, in [-1, 1]. Cheapest where each call goes on behind the last."""
        ...


class LongAudioSignal(AudioSignal):
    """A recording whose samples are read when they are asked for; `samples` are all of them at once."""

    __slots__ = ("source",)
    source: SampleSource

    def __init__(self, *, header: AudioHeader, source: SampleSource) -> None:
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "source", source)

    @property
    def samples(self) -> "Tensor":
        """float32 [channels, n_samples]."""
        return self.read(0, self.header.n_samples)

    def read(self, first: int, stop: int) -> "Tensor":
        """Some of the samples."""
        return self.source.read(first, stop)


class FrameSource(Protocol):
    """Frames on demand."""

    def frames(self, indices: Sequence[int] | None = None) -> "Iterator[Tensor]":
        """Yield uint8 [n, 3, height, width] chunks, n bounded, of the frames at the rising presentation `indices`.

        None means every frame. Memory stays that of one chunk.
        """
        ...


@runtime_checkable
class SampledSource(FrameSource, Protocol):
    """Frames of a reconstruction that kept only some of a clip's and makes the others from those."""

    def over(self, originals: FrameSource) -> FrameSource:
        """The same reconstruction from exact kept frames: what it lacks was lost in time alone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoSignal:
    """A clip."""

    header: VideoHeader
    source: FrameSource


Signal = TextSignal | ImageSignal | AudioSignal | VideoSignal
