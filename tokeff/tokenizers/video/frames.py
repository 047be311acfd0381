"""The family `frames`: sampled frames, each through an image tokenizer; what most video models in use do.

Frames are decoded and encoded in batches, and what the image tokenizer would need to decode them is let go, so that a
long clip needs no more memory than its ids. Leaves out the way back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tokeff.errors import SpecError
from tokeff.records.cards import Card
from tokeff.records.headers import ImageHeader, VideoHeader
from tokeff.records.signals import ImageSignal, VideoSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.protocols import CountsFromHeader, LoadContext, Tokenizer
from tokeff.tokenizers.video.sampling import Sampler, sampler_named

BATCH_FRAMES = 16
"""So many frames are in the image tokenizer at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesTokenizer:
    """A frame sampler and an image tokenizer."""

    card: Card
    sampler: Sampler
    image: Tokenizer[ImageSignal]

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """The image tokenizer's."""
        return self.image.codebook_sizes

    def encode(self, signals: Sequence[VideoSignal]) -> list[Tokens]:
        """One clip after the other: ids of its frames stream by stream, or their number. Raises ItemError."""
        return [_joined(self._encoded_frames(signal), self.codebook_sizes) for signal in signals]

    def _encoded_frames(self, signal: VideoSignal) -> Iterator[Tokens]:
        header = ImageHeader(width=signal.header.width, height=signal.header.height, channels=3)
        for chunk in signal.source.frames(self.sampler(signal.header).tolist()):
            for start in range(0, len(chunk), BATCH_FRAMES):
                frames = chunk[start : start + BATCH_FRAMES]
                yield from self.image.encode([ImageSignal(header=header, pixels=pixels) for pixels in frames])


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingFramesTokenizer(FramesTokenizer):
    """With an image tokenizer that counts from headers, the clip's header is enough."""

    def count(self, header: VideoHeader) -> Counts:
        """Frames sampled x tokens of a frame."""
        image = cast("CountsFromHeader[ImageHeader]", self.image)
        one = image.count(ImageHeader(width=header.width, height=header.height, channels=3))
        n_frames = len(self.sampler(header))
        return Counts(n_tokens=n_frames * one.n_tokens, n_positions=n_frames * one.n_positions)


def load(card: Card, context: LoadContext) -> FramesTokenizer:
    """Opens the image tokenizer that the card names. Raises SpecError where it is none."""
    spec = card.parameters.get("image")
    if spec is None:
        raise SpecError("no image tokenizer is named", where=card.name, fix="Write frames:fps=1/qwen2-vl, for example.")
    sampler = sampler_named(str(card.parameters.get("sampler", "fps=1")))
    image: Tokenizer[Any] = context.open(str(spec))
    if image.card.modality != "image":
        raise SpecError("frames need an image tokenizer", where=card.name, got=f"{spec} ({image.card.modality})")
    kind = CountingFramesTokenizer if isinstance(image, CountsFromHeader) else FramesTokenizer
    return kind(card=card, sampler=sampler, image=image)


def _joined(frames: Iterable[Tokens], codebook_sizes: tuple[int, ...]) -> Tokens:
    """The tokens of a clip; its grid is (frames, rows, columns) where its frames share one."""
    streams: list[list[Any]] = [[] for _ in codebook_sizes]
    n_frames, n_tokens = 0, 0
    grids: set[tuple[int, ...] | None] = set()
    for tokens in frames:
        for ids, stream in zip(streams, tokens.streams, strict=True):
            ids.append(stream)
        n_frames, n_tokens = n_frames + 1, n_tokens + tokens.counts.n_tokens
        grids.add(tokens.grid)
    common = grids.pop() if len(grids) == 1 else None
    grid = None if common is None else (n_frames, *common)
    if not codebook_sizes:
        return Tokens.continuous(n_tokens, grid=grid)
    return Tokens.discrete([np.concatenate(ids) for ids in streams], grid=grid)
