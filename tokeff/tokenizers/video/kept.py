"""Tokens of single frames, and the frames that an image tokenizer makes of them again. Streamed in batches of frames.

Ids are held and cut apart where they are decoded. Tokens that are vectors would fill the memory: they are made once
more from the frames when they are asked for. Leaves out the frames between (`between`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokeff.records.headers import Header, ImageHeader, VideoHeader
from tokeff.records.signals import FrameSource, ImageSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import Tokenizer
from tokeff.tokenizers.video.samplers import Places

BATCH_PIXELS, BATCH_FRAMES = 2**23, 64
"""So many pixels, in so many frames at most, are with the image tokenizer at once."""

Ids = NDArray[np.integer[Any]]


class DecodesImages(Tokenizer[ImageSignal], Protocol):
    """An image tokenizer that reconstructs."""

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[ImageSignal]:
        """The reconstruction of each picture."""
        ...


def image_header(clip: VideoHeader) -> ImageHeader:
    """Of one frame."""
    return ImageHeader(width=clip.width, height=clip.height, channels=3)


def batch_size(header: ImageHeader) -> int:
    """Frames of one batch."""
    return min(BATCH_FRAMES, max(1, BATCH_PIXELS // (header.height * header.width)))


def encoded(
    image: Tokenizer[ImageSignal], source: FrameSource, header: ImageHeader, places: Places
) -> Iterator[list[Tokens]]:
    """Tokens of the frames at `places`, batch by batch; no batch holds more frames than a chunk of the source."""
    for chunk in source.frames(places.tolist()):
        for frames in torch.split(chunk, batch_size(header)):
            yield image.encode([ImageSignal(header=header, pixels=pixels) for pixels in frames])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptFrames:
    """The payload of a clip's tokens: which frames they are of, and where each frame's begin."""

    places: Places
    """[n] indices of the kept frames, rising."""
    ends: tuple[NDArray[np.int64], ...] = ()
    """Of each stream, [n] places behind the last id of each frame; () where tokens are vectors."""
    rests: tuple[Tokens, ...] = ()
    """Of each frame, its tokens without the ids: grid and payload; () where tokens are vectors."""
    source: FrameSource | None = None
    """Where tokens are vectors, what they are made from again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedFrames:
    """A FrameSource of the kept frames of a clip, as they come back from their tokens."""

    image: DecodesImages
    header: ImageHeader
    tokens: Tokens

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield uint8 [n, 3, height, width] of the frames at `indices`, all among the kept; None: all of these."""
        kept: KeptFrames = self.tokens.payload
        places = kept.places if indices is None else np.asarray(indices, dtype=np.int64)
        for batch in self._batches(kept, places):
            pictures = self.image.decode(batch, [self.header] * len(batch))
            yield torch.stack([picture.pixels for picture in pictures])

    def _batches(self, kept: KeptFrames, places: Places) -> Iterator[list[Tokens]]:
        if kept.source is not None:
            yield from encoded(self.image, kept.source, self.header, places)
            return
        rows = np.searchsorted(kept.places, places).tolist()
        step = batch_size(self.header)
        for start in range(0, len(rows), step):
            yield [self._of_frame(kept, row) for row in rows[start : start + step]]

    def _of_frame(self, kept: KeptFrames, row: int) -> Tokens:
        streams = [
            ids[ends[row - 1] if row else 0 : ends[row]]
            for ids, ends in zip(self.tokens.streams, kept.ends, strict=True)
        ]
        rest = kept.rests[row]
        return Tokens.discrete(streams, grid=rest.grid, payload=rest.payload)
