"""The family `patch`: pictures as the patches that a vision encoder sees, resized and tiled by a named rule.

Tokens are continuous: a count, and the pixels of the patches. Reconstruction undoes the cutting and the resizing, so
it is the upper bound of what any encoder with this rule can keep. Leaves out the encoders' networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokeff.errors import SpecError
from tokeff.records.cards import Card, ParameterValue
from tokeff.records.headers import Header, ImageHeader
from tokeff.records.signals import ImageSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.image.layouts import Layout
from tokeff.tokenizers.image.rules import Resample, Rule, numbers_for, rule_named
from tokeff.tokenizers.protocols import LoadContext, by_shape

if TYPE_CHECKING:
    from torch import Tensor

BATCH_BYTES = 2**26
"""Pictures of equal shape are resized together up to so many bytes, of pixels and patches: memory stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patches:
    """The payload of one picture's tokens."""

    layout: Layout
    views: "tuple[Tensor, ...]"
    """One for each view of the layout: uint8 [rows, columns, 3, patch, patch] on the tokenizer's device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRule:
    """A rule with its numbers: a function of the picture's size alone."""

    rule: Rule
    numbers: Mapping[str, ParameterValue]
    resample: Resample

    def __call__(self, height: int, width: int) -> Layout:
        """The layout of a picture. Raises ItemError where the rule refuses its shape."""
        return self.rule.layout(height, width, **self.numbers)

    def count(self, header: ImageHeader) -> Counts:
        """The number of tokens of a picture of this size."""
        n_tokens = self(header.height, header.width).n_tokens
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTokenizer:
    """A rule that is only published as a count: tokens without content, and no way back."""

    card: Card
    bound: BoundRule
    codebook_sizes: tuple[int, ...] = ()

    def count(self, header: ImageHeader) -> Counts:
        """The number of tokens of a picture of this size."""
        return self.bound.count(header)

    def encode(self, signals: Sequence[ImageSignal]) -> list[Tokens]:
        """Counts only."""
        return [Tokens.continuous(self.bound(*_size(signal)).n_tokens) for signal in signals]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchTokenizer:
    """A rule whose geometry is known: encodes to patches and decodes from them."""

    card: Card
    bound: BoundRule
    device: str
    codebook_sizes: tuple[int, ...] = ()

    def count(self, header: ImageHeader) -> Counts:
        """The number of tokens of a picture of this size."""
        return self.bound.count(header)

    def encode(self, signals: Sequence[ImageSignal]) -> list[Tokens]:
        """Patches of every view, on the device. Raises ItemError where the rule refuses a picture's shape."""
        encoded: dict[int, Tokens] = {}
        for places in by_shape(signals, lambda signal: tuple(signal.pixels.shape)):
            layout = self.bound(*_size(signals[places[0]]))
            for batch in _batches(places, signals[places[0]].pixels.numel(), layout):
                encoded.update(zip(batch, self._encode_batch([signals[i] for i in batch], layout), strict=True))
        return [encoded[i] for i in range(len(signals))]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[ImageSignal]:
        """The pictures at their original sizes and channels, from the finest view."""
        pairs = list(zip(tokens, (_image(header) for header in headers), strict=True))
        decoded: dict[int, ImageSignal] = {}
        for places in by_shape(pairs, lambda pair: (pair[1].height, pair[1].width, pair[1].channels)):
            tokens_of_one, header = pairs[places[0]]
            for batch in _batches(places, header.raw_bytes, tokens_of_one.payload.layout):
                decoded.update(zip(batch, self._decode_batch([pairs[i] for i in batch]), strict=True))
        return [decoded[i] for i in range(len(pairs))]

    def _encode_batch(self, signals: Sequence[ImageSignal], layout: Layout) -> list[Tokens]:
        import torch

        from tokeff.tokenizers.image.pixels import patches_of

        pictures = torch.stack([signal.pixels for signal in signals]).to(self.device)
        views = [patches_of(pictures, view, self.bound.resample) for view in layout.views]
        payloads = [Patches(layout=layout, views=tuple(view[i] for view in views)) for i in range(len(signals))]
        return [Tokens.continuous(layout.n_tokens, grid=layout.grid, payload=payload) for payload in payloads]

    def _decode_batch(self, pairs: Sequence[tuple[Tokens, ImageHeader]]) -> list[ImageSignal]:
        import torch

        from tokeff.tokenizers.image.pixels import pictures_of

        payloads: list[Patches] = [tokens.payload for tokens, _ in pairs]
        header = pairs[0][1]
        patches = torch.stack([payload.views[0] for payload in payloads])
        view, size = payloads[0].layout.views[0], (header.height, header.width)
        pictures = pictures_of(patches, view, size, header.channels, self.bound.resample).cpu()
        plain = ImageHeader(width=header.width, height=header.height, channels=header.channels)
        return [ImageSignal(header=plain, pixels=picture) for picture in pictures]


def load(card: Card, context: LoadContext) -> CountTokenizer | PatchTokenizer:
    """Opens a tokenizer of the family. Raises SpecError for parameters that the rule cannot take."""
    given = dict(card.parameters)
    name = given.pop("rule", None)
    if not isinstance(name, str):
        raise SpecError("no rule is named", where=card.name, fix="Write patch:RULE, such as patch:qwen2-vl.")
    rule = rule_named(name)
    resample = given.pop("resample", None)
    if resample is not None and not rule.has_views:
        raise SpecError("the rule resizes nothing", where=card.name, got=f"resample={resample}")
    chosen: Resample = "bilinear" if (resample or rule.resample) == "bilinear" else "bicubic"
    bound = BoundRule(rule=rule, numbers=numbers_for(rule, given, card.name), resample=chosen)
    if not rule.has_views:
        return CountTokenizer(card=card, bound=bound)
    return PatchTokenizer(card=card, bound=bound, device=context.device)


def _size(signal: ImageSignal) -> tuple[int, int]:
    height, width = signal.pixels.shape[-2:]
    return height, width


def _image(header: Header) -> ImageHeader:
    if not isinstance(header, ImageHeader):
        raise TypeError(f"a picture's header is needed, got {type(header).__name__}")
    return header


def _batches(places: Sequence[int], picture_bytes: int, layout: Layout) -> list[Sequence[int]]:
    item_bytes = picture_bytes + sum(3 * view.canvas[0] * view.canvas[1] for view in layout.views)
    step = max(1, BATCH_BYTES // item_bytes)
    return [places[i : i + step] for i in range(0, len(places), step)]
