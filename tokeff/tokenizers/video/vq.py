"""The family `vq` for clips: ids of a learned codebook over space and time, and back. transformers' Emu3VQVAE.

Sampled frames are cut into windows that are encoded each by itself, as Emu3 does: by default as many frames as become
one time of codes; the last window is filled up with its last frame. Windows go through the model in batches, so that
memory holds a batch and the ids. Opening the model, sizes and scales are those of the image family `vq`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from tokeff.errors import ArtefactInvalid, ItemError, SpecError
from tokeff.media.video_torchcodec import Decoder
from tokeff.records.cards import Card
from tokeff.records.headers import Header, VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.image.layouts import Layout
from tokeff.tokenizers.image.vq.opening import load as load_picture_model
from tokeff.tokenizers.image.vq.pictures import BATCH_PIXELS, Pictures
from tokeff.tokenizers.image.vq.pixels import canvas_of, pictures_from
from tokeff.tokenizers.image.vq.transformers_models import Emu3Model
from tokeff.tokenizers.protocols import LoadContext
from tokeff.tokenizers.video.between import Between, BetweenFrames, way_named
from tokeff.tokenizers.video.samplers import FromHeader, Places, Sampler, parse_sampler


@dataclass(slots=True, kw_only=True, eq=False)
class Windows(Pictures):
    """A model, put to windows of frames in batches that fit into memory."""

    model: Emu3Model
    n_frames: int
    """Of a window."""

    def __post_init__(self) -> None:
        """What is counted as one picture here is a window."""
        self.max_pixels = max(1, BATCH_PIXELS[self.device.partition(":")[0]] // self.n_frames)

    @property
    def n_times(self) -> int:
        """Times of codes of a window."""
        return self.n_frames // self.model.n_frames

    def ids(self, frames: Tensor) -> Tensor:
        """uint8 [n x n_frames, 3, height, width] -> int32 [n, n_times, rows, columns], on the CPU."""
        layout = self.fit(frames.shape[2], frames.shape[3])

        def run(windows: Sequence[Tensor]) -> list[Tensor]:
            canvas = canvas_of(torch.cat(list(windows)).to(self.device), layout.views[0], self.fit, self.scale)
            pixels = self.scale.apply(canvas).to(getattr(torch, self.dtype))
            with self._exact():
                ids = self.model.clip_ids(pixels.view(len(windows), self.n_frames, *pixels.shape[1:]))
            return list(ids.to("cpu", torch.int32))

        return torch.stack(self._batched(torch.split(frames, self.n_frames), layout, run))

    def frames(self, ids: Tensor, header: VideoHeader) -> Tensor:
        """int [n, n_times, rows, columns] -> uint8 [n x n_frames, 3, height, width], on the CPU."""
        layout = self.fit(header.height, header.width)

        def run(windows: Sequence[Tensor]) -> list[Tensor]:
            with self._exact():
                canvas = self.scale.undo(self.model.pixels(torch.stack(list(windows)).long().to(self.device)))
            size = (header.height, header.width)
            frames = pictures_from(canvas.flatten(0, 1), layout.views[0], size, 3, self.fit).cpu()
            return list(torch.split(frames, self.n_frames))

        return torch.cat(self._batched(list(ids), layout, run))


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
        return (self.windows.model.n_codes,)

    @property
    def levels(self) -> tuple[int, ...]:
        """An id is one number."""
        return self.windows.model.levels

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
        layout = self.windows.fit(header.height, header.width)
        decoded = DecodedWindows(
            windows=self.windows, header=header, places=tokens.payload, ids=self._ids(tokens, layout)
        )
        source = BetweenFrames(header=header, places=tokens.payload, kept=decoded, between=self.between)
        return VideoSignal(header=header, source=source)

    def _ids(self, tokens: Tokens, layout: Layout) -> Tensor:
        """[windows, n_times, rows, columns]. Raises ItemError where these are not the ids of such a clip."""
        (ids,) = tokens.streams
        n_windows = -(-len(tokens.payload) // self.windows.n_frames)
        expected, n_codes = n_windows * self.windows.n_times * layout.n_tokens, self.windows.model.n_codes
        if len(ids) != expected or not 0 <= int(ids.min(initial=0)) <= int(ids.max(initial=0)) < n_codes:
            raise ItemError(
                "corrupt",
                "these are not the ids of a clip of this size",
                got=f"{len(ids)} ids from {ids.min(initial=0)} to {ids.max(initial=0)}",
                expected=f"{expected} ids below {n_codes}",
            )
        return torch.from_numpy(ids.reshape(n_windows, self.windows.n_times, *(layout.grid or ())))


class _Counts(VideoVqTokenizer):
    """With a sampler that needs headers only, the clip's header is enough."""

    __slots__ = ()

    def count(self, header: VideoHeader) -> Counts:
        """Windows x times x places of the grid. Raises ItemError where a frame cannot be fitted."""
        n_windows = -(-len(cast("FromHeader", self.sampler).from_header(header)) // self.windows.n_frames)
        n_tokens = n_windows * self.windows.n_times * self.windows.fit(header.height, header.width).n_tokens
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
        n = self.windows.n_frames
        rows = np.searchsorted(self.places, self.places if indices is None else np.asarray(indices, dtype=np.int64))
        wanted = np.unique(rows // n)
        step = max(1, self.windows.max_pixels // (self.header.height * self.header.width))
        for start in range(0, len(wanted), step):
            batch = wanted[start : start + step]
            frames = self.windows.frames(self.ids[torch.from_numpy(batch)], self.header)
            mine = rows[np.isin(rows // n, batch)]
            yield frames[torch.from_numpy(np.searchsorted(batch, mine // n) * n + mine % n)]


def load(card: Card, context: LoadContext) -> VideoVqTokenizer:
    """Opens a tokenizer of the family. Raises ArtefactMissing, ArtefactInvalid, SpecError."""
    image = load_picture_model(card, context)
    model: Any = image.model
    if not isinstance(model, Emu3Model):
        raise ArtefactInvalid(
            "is a model of single pictures",
            where=card.name,
            expected="Emu3VQVAE",
            fix="Frames through it, one by one: frames:all/vq:DIR.",
        )
    n_frames = cast("int", card.parameters.get("window", model.n_frames))
    if n_frames < 1 or n_frames % model.n_frames:
        expected = f"a multiple of {model.n_frames}"
        raise SpecError("the model does not take windows of so many frames", where=card.name, got=n_frames,
                        expected=expected)  # fmt: skip
    windows = Windows(card=card, model=model, fit=image.fit, scale=image.scale, device=image.device,
                      dtype=image.dtype, n_frames=n_frames)  # fmt: skip
    sampler = parse_sampler(str(card.parameters.get("sampler", "all")))
    between = way_named(str(card.parameters.get("between", "hold")), card.name)
    kind = _Counts if isinstance(sampler, FromHeader) else VideoVqTokenizer
    decoder = Decoder(str(card.parameters.get("backend", "pyav")), context.device)
    return kind(card=card, windows=windows, sampler=sampler, between=between, decoder=decoder)
