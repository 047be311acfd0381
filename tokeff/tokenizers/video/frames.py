"""The family `frames`: sampled frames, each through an image tokenizer; what most video models in use do.

Frames are decoded and encoded in batches, so that a long clip needs no more memory than its ids. Where the image
tokenizer has a way back, so has this: the kept frames come back from their tokens, the others are held or blended from
those (`between`). Leaves out which frames are kept (`samplers`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from tokeff.errors import SpecError
from tokeff.media.video_torchcodec import Decoder
from tokeff.records.cards import Card
from tokeff.records.headers import Header, VideoHeader
from tokeff.records.signals import FrameSource, ImageSignal, VideoSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.protocols import ComputesIn, CountsFromHeader, LoadContext, Reconstructs, Tokenizer
from tokeff.tokenizers.video.between import Between, BetweenFrames, way_named
from tokeff.tokenizers.video.kept import DecodedFrames, DecodesImages, KeptFrames, encoded, image_header
from tokeff.tokenizers.video.samplers import FromHeader, Places, Sampler, parse_sampler, within_budget

DEFAULT_SAMPLER, DEFAULT_BETWEEN = "fps=1", "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesTokenizer:
    """A frame sampler and an image tokenizer."""

    card: Card
    sampler: Sampler
    image: Tokenizer[ImageSignal]
    between: Between
    decoder: Decoder
    max_tokens: int | None = None
    """Of a clip: frames are thinned evenly to what it pays for."""

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """The image tokenizer's."""
        return self.image.codebook_sizes

    @property
    def dtype(self) -> str:
        """Of the image tokenizer's arithmetic."""
        return self.image.dtype if isinstance(self.image, ComputesIn) else "float32"

    def encode(self, signals: Sequence[VideoSignal]) -> list[Tokens]:
        """One clip after the other: ids of its frames stream by stream, or their number. Raises ItemError."""
        return [self._encode_one(signal) for signal in signals]

    def _encode_one(self, signal: VideoSignal) -> Tokens:
        places = self._paid(self.sampler.places(signal), signal.header)
        source = self.decoder(signal).source
        batches = encoded(self.image, source, image_header(signal.header), places)
        frames = (tokens for batch in batches for tokens in batch)
        return _joined(frames, places, source, self.codebook_sizes)

    def _paid(self, places: Places, header: VideoHeader) -> Places:
        if self.max_tokens is None:
            return places
        image = cast("CountsFromHeader[Any]", self.image)
        return within_budget(places, image.count(image_header(header)).n_tokens, self.max_tokens)


class _Counts(FramesTokenizer):
    """With a sampler and an image tokenizer that need headers only, the clip's header is enough."""

    __slots__ = ()

    def count(self, header: VideoHeader) -> Counts:
        """Frames sampled x tokens of a frame."""
        places = self._paid(cast("FromHeader", self.sampler).from_header(header), header)
        one = cast("CountsFromHeader[Any]", self.image).count(image_header(header))
        return Counts(n_tokens=len(places) * one.n_tokens, n_positions=len(places) * one.n_positions)


class _Rebuilds(FramesTokenizer):
    """With an image tokenizer that has a way back."""

    __slots__ = ()

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[VideoSignal]:
        """Clips with every frame of the originals; frames are decoded when they are asked for."""
        return [self._decode_one(item, header) for item, header in zip(tokens, headers, strict=True)]

    def _decode_one(self, tokens: Tokens, header: Header) -> VideoSignal:
        if not isinstance(header, VideoHeader):
            raise TypeError(f"a clip's header is needed, got {type(header).__name__}")
        kept: KeptFrames = tokens.payload
        decoded = DecodedFrames(image=cast("DecodesImages", self.image), header=image_header(header), tokens=tokens)
        source = BetweenFrames(header=header, places=kept.places, kept=decoded, between=self.between)
        return VideoSignal(header=header, source=source)


class _CountsAndRebuilds(_Counts, _Rebuilds):
    """Both."""

    __slots__ = ()


_KINDS: dict[tuple[bool, bool], type[FramesTokenizer]] = {
    (False, False): FramesTokenizer,
    (True, False): _Counts,
    (False, True): _Rebuilds,
    (True, True): _CountsAndRebuilds,
}


def load(card: Card, context: LoadContext) -> FramesTokenizer:
    """Opens the image tokenizer that the card names. Raises SpecError where it is none, or cannot keep to a budget."""
    spec = card.parameters.get("image")
    if spec is None:
        raise SpecError("no image tokenizer is named", where=card.name, fix="Write frames:fps=1/qwen2-vl, for example.")
    sampler = parse_sampler(str(card.parameters.get("sampler", DEFAULT_SAMPLER)))
    between = way_named(str(card.parameters.get("between", DEFAULT_BETWEEN)), card.name)
    image: Tokenizer[Any] = context.open(str(spec))
    if image.card.modality != "image":
        raise SpecError("frames need an image tokenizer", where=card.name, got=f"{spec} ({image.card.modality})")
    max_tokens = cast("int | None", card.parameters.get("max_tokens"))
    _check_budget(max_tokens, image, card)
    if "between" in card.parameters and not isinstance(image, Reconstructs):
        raise SpecError("its image tokenizer has no way back", where=card.name, got="between")
    kind = _KINDS[
        isinstance(image, CountsFromHeader) and isinstance(sampler, FromHeader), isinstance(image, Reconstructs)
    ]
    decoder = Decoder(str(card.parameters.get("backend", "pyav")), context.device)
    return kind(card=card, sampler=sampler, image=image, between=between, decoder=decoder, max_tokens=max_tokens)


def _check_budget(max_tokens: int | None, image: Tokenizer[Any], card: Card) -> None:
    if max_tokens is None:
        return
    if max_tokens < 1:
        raise SpecError("a budget is at least one token", where=card.name, got=max_tokens)
    if not isinstance(image, CountsFromHeader):
        fix = "Leave max_tokens out, or choose a tokenizer whose tokens follow from the size of a picture."
        raise SpecError("what a frame costs depends on its content", where=card.name, got=image.card.name, fix=fix)


def _joined(frames: Iterable[Tokens], places: Places, source: FrameSource, codebook_sizes: tuple[int, ...]) -> Tokens:
    """The tokens of a clip; its grid is (frames, rows, columns) where its frames share one."""
    streams: list[list[Any]] = [[] for _ in codebook_sizes]
    rests: list[Tokens] = []
    n_tokens = 0
    grids: set[tuple[int, ...] | None] = set()
    for tokens in frames:
        for ids, stream in zip(streams, tokens.streams, strict=True):
            ids.append(stream)
        n_tokens += tokens.counts.n_tokens
        grids.add(tokens.grid)
        if codebook_sizes:
            rests.append(replace(tokens, streams=()))
    common = grids.pop() if len(grids) == 1 else None
    grid = None if common is None else (len(places), *common)
    if not codebook_sizes:
        return Tokens.continuous(n_tokens, grid=grid, payload=KeptFrames(places=places, source=source))
    ends = tuple(np.cumsum([len(ids) for ids in stream]) for stream in streams)
    payload = KeptFrames(places=places, ends=ends, rests=tuple(rests))
    return Tokens.discrete([np.concatenate(ids) for ids in streams], grid=grid, payload=payload)
