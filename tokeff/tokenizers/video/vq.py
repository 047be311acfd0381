"""The family `vq` for clips: ids of a learned codebook over space and time, and back. transformers' Emu3VQVAE.

Sampled frames are cut into windows that are encoded each by itself, as Emu3 does: by default as many frames as become
one time of codes; the last window is filled up with its last frame. Windows go through the model in batches, so that
memory holds a batch and the ids. Opening the model, sizes and scales are those of the image family `vq`,
through which it is opened.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from tokeff.errors import ArtefactInvalid, ItemError, SpecError
from tokeff.media.video_torchcodec import Decoder
from tokeff.records.cards import Card
from tokeff.records.headers import Header, VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.protocols import LoadContext
from tokeff.tokenizers.video.between import Between, BetweenFrames, way_named
from tokeff.tokenizers.video.samplers import FromHeader, Places, Sampler, parse_sampler


class Windows(Protocol):
    """A model, put to windows of frames in batches that fit into memory."""

    dtype: str
    max_pixels: int
    """Pixels of a frame, times the windows that are with the model at once."""
    n_frames: int
    """Of a window."""

    @property
    def n_times(self) -> int:
        """Times of ids of a window."""
        ...

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        ...

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) of ids of a frame. Raises ItemError where it cannot be fitted."""
        ...

    def ids(self, frames: Tensor) -> Tensor:
        """uint8 [n x n_frames, 3, height, width] -> int32 [n, n_times, rows, columns]."""
        ...

    def frames(self, ids: Tensor, size: tuple[int, int]) -> Tensor:
        """The way back: uint8 [n x n_frames, 3, *size]."""
        ...


@runtime_checkable
class TakesWindows(Protocol):
    """An image tokenizer whose model takes clips, too."""

    @property
    def window_frames(self) -> int:
        """Frames that become one time of ids."""
        ...

    def windows(self, n_frames: int) -> Windows:
        """The model for windows of so many frames, a multiple of `window_frames`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoVqTokenizer:
    """A sampler and a model over space and time."""

    card: Card
    windows: Windows
    sampler: Sampler
    between: Between
    decoder: Decoder

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """One stream."""
        return (self.windows.n_codes,)

    @property
    def dtype(self) -> str:
        """Of the network's arithmetic."""
        return self.windows.dtype

    def encode(self, signals: Sequence[VideoSignal]) -> list[Tokens]:
        """Ids int32 [times x rows x columns] with their grid. Raises ItemError where a frame cannot be fitted."""
        return [self._encode_one(signal) for signal in signals]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[VideoSignal]:
        """Clips with every frame of the originals; windows are decoded when they are asked for."""
        return [self._decode_one(item, header) for item, header in zip(tokens, headers, strict=True)]

    def _encode_one(self, signal: VideoSignal) -> Tokens:
        places = self.sampler.places(signal)
        ids = torch.cat(
            [self.windows.ids(frames) for frames in self._whole_windows(self.decoder(signal), places)]
        ).flatten(0, 1)
        return Tokens.discrete([ids.numpy().ravel()], grid=tuple(ids.shape), payload=places)

    def _whole_windows(self, signal: VideoSignal, places: Places) -> Iterator[Tensor]:
        """Frames at `places`, a whole number of windows at once; the last one filled up."""
        n, waiting = self.windows.n_frames, torch.empty((0, 3, signal.header.height, signal.header.width)).byte()
        for chunk in signal.source.frames(places.tolist()):
            waiting = torch.cat([waiting, chunk])
            whole = len(waiting) // n * n
            if whole:
                yield waiting[:whole]
            waiting = waiting[whole:]
        if len(waiting):
            yield torch.cat([waiting, waiting[-1:].expand(n - len(waiting), -1, -1, -1)])

    def _decode_one(self, tokens: Tokens, header: Header) -> VideoSignal:
        if not isinstance(header, VideoHeader):
            raise TypeError(f"a clip's header is needed, got {type(header).__name__}")
        ids = self._ids(tokens, self.windows.grid(header.height, header.width))
        decoded = DecodedWindows(windows=self.windows, header=header, places=tokens.payload, ids=ids)
        source = BetweenFrames(header=header, places=tokens.payload, kept=decoded, between=self.between)
        return VideoSignal(header=header, source=source)

    def _ids(self, tokens: Tokens, grid: tuple[int, int]) -> Tensor:
        """[windows, n_times, rows, columns]. Raises ItemError where these are not the ids of such a clip."""
        (ids,) = tokens.streams
        n_windows = -(-len(tokens.payload) // self.windows.n_frames)
        expected, n_codes = n_windows * self.windows.n_times * math.prod(grid), self.windows.n_codes
        if len(ids) != expected or not 0 <= int(ids.min(initial=0)) <= int(ids.max(initial=0)) < n_codes:
            raise ItemError(
                "corrupt",
                "these are not the ids of a clip of this size",
                got=f"{len(ids)} ids from {ids.min(initial=0)} to {ids.max(initial=0)}",
                expected=f"{expected} ids below {n_codes}",
            )
        return torch.from_numpy(ids.reshape(n_windows, self.windows.n_times, *grid))


class _Counts(VideoVqTokenizer):
    """With a sampler that needs headers only, the clip's header is enough."""

    __slots__ = ()

    def count(self, header: VideoHeader) -> Counts:
        """Windows x times x places of the grid. Raises ItemError where a frame cannot be fitted."""
        n_windows = -(-len(cast("FromHeader", self.sampler).from_header(header)) // self.windows.n_frames)
        n_tokens = n_windows * self.windows.n_times * math.prod(self.windows.grid(header.height, header.width))
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedWindows:
    """A FrameSource of the sampled frames, as they come back from their ids."""

    windows: Windows
    header: VideoHeader
    places: Places
    ids: Tensor
    """[windows, n_times, rows, columns]"""

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield uint8 [n, 3, height, width] of the frames at `indices`, all among `places`."""
        n, size = self.windows.n_frames, (self.header.height, self.header.width)
        rows = np.searchsorted(self.places, self.places if indices is None else np.asarray(indices, dtype=np.int64))
        wanted = np.unique(rows // n)
        step = max(1, self.windows.max_pixels // math.prod(size))
        for start in range(0, len(wanted), step):
            batch = wanted[start : start + step]
            frames = self.windows.frames(self.ids[torch.from_numpy(batch)], size)
            mine = rows[np.isin(rows // n, batch)]
            yield frames[torch.from_numpy(np.searchsorted(batch, mine // n) * n + mine % n)]


def load(card: Card, context: LoadContext) -> VideoVqTokenizer:
    """Opens a tokenizer of the family. Raises ArtefactMissing, ArtefactInvalid, SpecError."""
    image = context.open(_as_image(card))
    if not isinstance(image, TakesWindows):
        raise ArtefactInvalid(
            "is a model of single pictures",
            where=card.name,
            expected="Emu3VQVAE",
            fix="Frames through it, one by one: frames:all/vq:DIR.",
        )
    n_frames = cast("int", card.parameters.get("window", image.window_frames))
    if n_frames < 1 or n_frames % image.window_frames:
        expected = f"a multiple of {image.window_frames}"
        raise SpecError("the model does not take windows of so many frames", where=card.name, got=n_frames,
                        expected=expected)  # fmt: skip
    sampler = parse_sampler(str(card.parameters.get("sampler", "all")))
    between = way_named(str(card.parameters.get("between", "hold")), card.name)
    kind = _Counts if isinstance(sampler, FromHeader) else VideoVqTokenizer
    decoder = Decoder(str(card.parameters.get("backend", "pyav")), context.device)
    return kind(card=card, windows=image.windows(n_frames), sampler=sampler, between=between, decoder=decoder)


OF_IMAGES = ("dtype", "compile", "fit", "allow_pickle")
"""Parameters that are the image tokenizer's."""


def _as_image(card: Card) -> str:
    """The specification of the same model for pictures."""
    place = card.artefact and (card.artefact.file or card.artefact.hub)
    if not place:
        raise SpecError("no model is named", where=card.name, fix="Write video/vq:DIR or video/vq:owner/name.")
    given = {name: card.parameters[name] for name in OF_IMAGES if name in card.parameters}
    query = "&".join(f"{name}={str(value).lower()}" for name, value in given.items())
    return f"image/vq:{place}?{query}" if query else f"image/vq:{place}"
