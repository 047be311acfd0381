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


class SampleSource(Protocol):
    """Samples on demand."""

    def read(self, first: int, stop: int) -> "Tensor":
        """float32 [channels, stop - first] on the CPU, in [-1, 1]. Cheapest where each call goes on behind the last."""
        ...


@dataclass(frozen=True, slots=True)
class HeldSamples:
    """Samples in memory."""

    samples: "Tensor"

    def read(self, first: int, stop: int) -> "Tensor":
        """A view of them."""
        return self.samples[:, first:stop]


BLOCK_SAMPLES = 2**20
"""Samples of each channel that are read at once of a long recording."""


@dataclass(frozen=True, slots=True, init=False, eq=False)
class AudioSignal:
    """A recording; in memory, or so long that its samples are read when they are asked for."""

    header: AudioHeader
    source: SampleSource

    def __init__(
        self, *, header: AudioHeader, samples: "Tensor | None" = None, source: SampleSource | None = None
    ) -> None:
        if (samples is None) == (source is None):
            raise ValueError("a recording has samples or a source of them: one of the two")
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "source", source if samples is None else HeldSamples(samples))

    @property
    def samples(self) -> "Tensor":
        """float32 [channels, n_samples] on the CPU, in [-1, 1]; sample = 16-bit value / 32768. All of them at once."""
        if isinstance(self.source, HeldSamples):
            return self.source.samples
        return self.source.read(0, self.header.n_samples)

    @property
    def is_held(self) -> bool:
        """Whether the samples are in memory."""
        return isinstance(self.source, HeldSamples)

    def blocks(self) -> "Iterator[Tensor]":
        """The samples [channels, at most BLOCK_SAMPLES], one block behind the other."""
        for first in range(0, self.header.n_samples, BLOCK_SAMPLES):
            yield self.source.read(first, min(first + BLOCK_SAMPLES, self.header.n_samples))


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
