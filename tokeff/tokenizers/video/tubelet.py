"""The family `tubelet`: patches over space and time, as a video encoder sees them; continuous tokens.

`encode` really decodes, resizes and cuts, chunk by chunk, and lets the patches go (`vectors` hands them out): those of
a long clip would fill the memory. The way back makes the frames that were looked at once more and undoes the resizing,
so it is the upper bound of what any encoder with this rule can keep; the other frames are held or blended from those
(`between`). Leaves out the encoders' networks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tokeff.errors import SpecError
from tokeff.media.video_torchcodec import Decoder
from tokeff.records.cards import Card
from tokeff.records.headers import Header, VideoHeader
from tokeff.records.signals import FrameSource, VideoSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.protocols import LoadContext
from tokeff.tokenizers.video.between import Between, BetweenFrames, way_named
from tokeff.tokenizers.video.rules import PerFrame, Plan, Qwen2Vl, Qwen3Vl, Rule, Size, VideoMae, rule_of

BATCH_PIXELS = 2**23
"""So many pixels of frames are resized at once."""
LARGEST_CUDA_REDUCTION = 32
"""Beyond about 47 times the antialiasing kernel's weights no longer fit in the shared memory of a CUDA block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTokenizer:
    """A rule that is only published as a count."""

    card: Card
    rule: Rule
    codebook_sizes: tuple[int, ...] = ()

    def count(self, header: VideoHeader) -> Counts:
        """The number of tokens of such a clip. Raises ItemError where the rule refuses it."""
        n_tokens = self.rule.plan(header).n_tokens
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)

    def encode(self, signals: Sequence[VideoSignal]) -> list[Tokens]:
        """Counts only."""
        return [Tokens.continuous(self.rule.plan(signal.header).n_tokens) for signal in signals]


@dataclass(frozen=True, slots=True, kw_only=True)
class TubeletTokenizer:
    """A rule whose geometry is known."""

    card: Card
    rule: VideoMae | Qwen2Vl | Qwen3Vl
    device: str
    between: Between
    decoder: Decoder
    codebook_sizes: tuple[int, ...] = ()

    def count(self, header: VideoHeader) -> Counts:
        """The number of tokens of such a clip. Raises ItemError where the rule refuses it."""
        n_tokens = self.rule.plan(header).n_tokens
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)

    def encode(self, signals: Sequence[VideoSignal]) -> list[Tokens]:
        """Cuts every clip. Raises ItemError where the rule refuses it or a frame does not decode."""
        return [self._encode_one(signal) for signal in signals]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[VideoSignal]:
        """Clips with every frame of the originals; frames are made when they are asked for."""
        return [self._decode_one(item, header) for item, header in zip(tokens, headers, strict=True)]

    def vectors(self, signal: VideoSignal) -> Iterator[Tensor]:
        """Yield uint8 [n, temporal_patch x 3 x side x side], one row for each token in their order, n bounded.

        side = patch x merge. Values are pixels: encoders scale them first.
        """
        for part in self.patches(signal):
            yield part.flatten(3).flatten(0, 2)

    def patches(self, signal: VideoSignal) -> Iterator[Tensor]:
        """Yield uint8 [times, rows, columns, temporal_patch, 3, patch x merge, patch x merge], times bounded.

        One token each: with merge > 1 the encoder cuts it into merge x merge patches and joins them again.
        """
        plan = self.rule.plan(signal.header)
        waiting = torch.empty((0, 3, *plan.crop), dtype=torch.uint8, device=self.device)
        for frames in _looked_at(self.decoder(signal), plan):
            resized = _middle(resize(frames.to(self.device), plan.resized, self.rule.resample), plan.crop)
            waiting = torch.cat([waiting, resized])
            n_whole = len(waiting) // self.rule.temporal_patch * self.rule.temporal_patch
            if n_whole:
                yield _cut(waiting[:n_whole], self.rule.temporal_patch, self.rule.patch * self.rule.merge)
            waiting = waiting[n_whole:]

    def _encode_one(self, signal: VideoSignal) -> Tokens:
        n_times, rows, columns = 0, 0, 0
        for part in self.patches(signal):
            n_times, (rows, columns) = n_times + len(part), part.shape[1:3]
        return Tokens.continuous(
            n_times * rows * columns, grid=(n_times, rows, columns), payload=self.decoder(signal).source
        )

    def _decode_one(self, tokens: Tokens, header: Header) -> VideoSignal:
        if not isinstance(header, VideoHeader):
            raise TypeError(f"a clip's header is needed, got {type(header).__name__}")
        plan = self.rule.plan(header)
        assert plan.places is not None
        seen = SeenFrames(source=tokens.payload, size=(header.height, header.width), plan=plan, rule=self.rule,
                          device=self.device)  # fmt: skip
        source = BetweenFrames(header=header, places=np.unique(plan.places), kept=seen, between=self.between)
        return VideoSignal(header=header, source=source)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenFrames:
    """A FrameSource: frames as the encoder sees them, at their original size. A cropped border repeats what is next."""

    source: FrameSource
    size: Size
    plan: Plan
    rule: VideoMae | Qwen2Vl | Qwen3Vl
    device: str

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield uint8 [n, 3, height, width]. Cutting into patches changes no pixel, so it is left out."""
        for frames in (batch for chunk in self.source.frames(indices) for batch in _batches(chunk, self.plan)):
            small = _middle(resize(frames.to(self.device), self.plan.resized, self.rule.resample), self.plan.crop)
            yield resize(_widened(small, self.plan.resized), self.size, self.rule.resample).cpu()


_NOT_OF_THE_RULE = {"between", "backend"}


def load(card: Card, context: LoadContext) -> CountTokenizer | TubeletTokenizer:
    """Opens a tokenizer of the family. Raises SpecError for numbers that the rule does not have."""
    numbers = {name: value for name, value in card.parameters.items() if name not in _NOT_OF_THE_RULE}
    rule = rule_of(numbers, card.name)
    if isinstance(rule, VideoMae | Qwen2Vl | Qwen3Vl):
        between = way_named(str(card.parameters.get("between", "hold")), card.name)
        decoder = Decoder(str(card.parameters.get("backend", "pyav")), context.device)
        return TubeletTokenizer(card=card, rule=rule, device=context.device, between=between, decoder=decoder)
    assert isinstance(rule, PerFrame)
    for name in _NOT_OF_THE_RULE & card.parameters.keys():
        raise SpecError("only the count is published: nothing is decoded or comes back", where=card.name, got=name)
    return CountTokenizer(card=card, rule=rule)


def resize(frames: Tensor, size: Size, resample: Literal["bilinear", "bicubic"]) -> Tensor:
    """uint8 [n, 3, height, width] at another size, antialiased; on the CPU in 8 bits, as torchvision does."""
    if tuple(frames.shape[-2:]) == size:
        return frames
    on_cpu = frames.device.type == "cpu"
    # To one pixel, torch 2.11's uint8 kernel trips an assertion; to one column, its float kernel mixes rows up.
    if on_cpu and size != (1, 1):
        return interpolate(frames, size=size, mode=resample, antialias=True)
    reduction = max(before / after for before, after in zip(frames.shape[-2:], size, strict=True))
    if not on_cpu and reduction > LARGEST_CUDA_REDUCTION:
        return resize(frames.cpu(), size, resample).to(frames.device)
    return interpolate(frames.float(), size=size, mode=resample, antialias=True).round_().clamp_(0, 255).to(torch.uint8)


def _looked_at(signal: VideoSignal, plan: Plan) -> Iterator[Tensor]:
    """Chunks of the plan's frames, with those repeated that it looks at more than once."""
    assert plan.places is not None
    places, times = np.unique(plan.places, return_counts=True)
    done = 0
    for chunk in signal.source.frames(places.tolist()):
        repeats = torch.from_numpy(times[done : done + len(chunk)])
        done += len(chunk)
        yield from _batches(chunk.repeat_interleave(repeats, dim=0), plan)


def _batches(frames: Tensor, plan: Plan) -> Iterator[Tensor]:
    """Few enough frames that they fit both as they come and resized: small ones grow."""
    return iter(torch.split(frames, max(1, BATCH_PIXELS // max(math.prod(frames.shape[-2:]), math.prod(plan.resized)))))


def _middle(frames: Tensor, size: Size) -> Tensor:
    top, left = ((have - keep) // 2 for have, keep in zip(frames.shape[-2:], size, strict=True))
    return frames[..., top : top + size[0], left : left + size[1]]


def _widened(frames: Tensor, size: Size) -> Tensor:
    """What `_middle` cut off, filled with the nearest rows and columns."""
    for axis, whole in zip((-2, -1), size, strict=True):
        kept = frames.shape[axis]
        if kept != whole:
            places = torch.arange(whole, device=frames.device) - (whole - kept) // 2
            frames = frames.index_select(axis, places.clamp_(0, kept - 1))
    return frames


def _cut(frames: Tensor, temporal_patch: int, side: int) -> Tensor:
    n, _, height, width = frames.shape
    blocks = frames.reshape(n // temporal_patch, temporal_patch, 3, height // side, side, width // side, side)
    return blocks.permute(0, 3, 5, 1, 2, 4, 6).contiguous()
