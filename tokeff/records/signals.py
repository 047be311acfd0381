"""Signals: decoded content, as every tokenizer gets it and every reconstruction returns it.

Text is bytes that are valid UTF-8; a picture is 8-bit; sound is float with the 16-bit grid as its canonical
resolution; a clip is frames that are decoded when they are asked for, never all at once. Leaves out decoding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioSignal:
    """A recording."""

    header: AudioHeader
    samples: "Tensor"
    """float32 [channels, n_samples] on the CPU, in [-1, 1]; sample = 16-bit value / 32768."""


class FrameSource(Protocol):
    """Frames on demand."""

    def frames(self, indices: Sequence[int] | None = None) -> "Iterator[Tensor]":
        """Yield uint8 [n, 3, height, width] chunks, n bounded, of the frames at the rising presentation `indices`.

        None means every frame. Memory stays that of one chunk.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoSignal:
    """A clip."""

    header: VideoHeader
    source: FrameSource


Signal = TextSignal | ImageSignal | AudioSignal | VideoSignal
