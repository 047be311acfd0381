"""Pictures in batches of equal shape through a model that shrinks them to a grid, and back where it has a decoder.

Arithmetic is float32 unless the card says otherwise (TF32 is off on CUDA). A batch that does not fit into the
device's memory is halved, which is logged, and later batches stay so small. Leaves out what a token is: ids
(`tokenizer`) or vectors (`latents`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.records.cards import Card
from tokeff.records.headers import Header, ImageHeader
from tokeff.records.signals import ImageSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.image.layouts import Layout
from tokeff.tokenizers.image.vq.fitting import Fit, size_of
from tokeff.tokenizers.image.vq.pixels import Scale, canvas_of, pictures_from
from tokeff.tokenizers.protocols import by_shape

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")
R = TypeVar("R")
LOG = logging.getLogger(__name__)
BATCH_PIXELS = {"cpu": 2**20, "cuda": 2**23}
"""Pixels that a model sees at once: 32 pictures of 512 x 512 on a GPU."""


@dataclass(slots=True, kw_only=True, eq=False)
class Pictures:
    """What encodes: a family's class adds `tokens_of` and its model."""

    card: Card
    fit: Fit
    scale: Scale
    device: str
    dtype: str
    """Of the network's arithmetic: float32 or bfloat16."""
    max_pixels: int = field(init=False)

    def __post_init__(self) -> None:
        """Batches begin as large as the device usually allows."""
        self.max_pixels = BATCH_PIXELS[self.device.partition(":")[0]]

    @property
    def input_policy(self) -> dict[str, str]:
        """What is done to a picture before the model sees it; runs state it."""
        return {"size": self.fit.sentence, "channels": "three; grey is repeated"}

    def count(self, header: ImageHeader) -> Counts:
        """The number of tokens of a picture of this size. Raises ItemError where it cannot be fitted."""
        n_tokens = self.fit(header.height, header.width).n_tokens
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)

    def encode(self, signals: Sequence[ImageSignal]) -> list[Tokens]:
        """The tokens of each picture, with their grid. Raises ItemError where a picture cannot be fitted."""
        encoded: dict[int, Tokens] = {}
        for places in by_shape(signals, lambda signal: tuple(signal.pixels.shape)):
            first = signals[places[0]].pixels
            layout = self.fit(first.shape[1], first.shape[2])

            def run(batch: Sequence[int], layout: Layout = layout) -> list[Tokens]:
                return self._encode_batch([signals[i].pixels for i in batch], layout)

            encoded.update(zip(places, self._batched(places, layout, run), strict=True))
        return [encoded[i] for i in range(len(signals))]

    def tokens_of(self, pixels: Tensor) -> list[Tokens]:
        """float [n, 3, height, width], scaled -> the tokens of each."""
        raise NotImplementedError

    def _encode_batch(self, pictures: Sequence[Tensor], layout: Layout) -> list[Tokens]:
        canvas = canvas_of(torch.stack(list(pictures)).to(self.device), layout.views[0], self.fit, self.scale)
        with self._exact():
            return self.tokens_of(self.scale.apply(canvas).to(getattr(torch, self.dtype)))

    def _batched(self, places: Sequence[T], layout: Layout, run: Callable[[Sequence[T]], list[R]]) -> list[R]:
        """`run` over all places, in batches that fit into memory."""
        done: list[R] = []
        height, width = size_of(layout)
        while len(done) < len(places):
            n = max(1, self.max_pixels // (height * width))
            try:
                done += run(places[len(done) : len(done) + n])
                continue
            except torch.OutOfMemoryError as error:
                if n == 1:
                    raise ItemError(
                        "out_of_memory",
                        "one picture alone does not fit into the device's memory",
                        where=self.card.name,
                        got=f"{width}x{height} pixels on {self.device}",
                        fix="Use a larger device, --device cpu, or a tokenizer that resizes.",
                    ) from error
            # Outside of the handler: the exception would keep the tensors alive.
            self._halve(min(n, len(places) - len(done)), height * width)
        return done

    def _halve(self, n: int, pixels: int) -> None:
        self.max_pixels = max(1, n // 2) * pixels
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        LOG.warning(
            "%s: %d pictures do not fit into the memory of %s; going on with %d at once",
            self.card.name, n, self.device, max(1, n // 2),
        )  # fmt: skip

    def _exact(self) -> "AbstractContextManager[Any]":
        """On CUDA: no TF32, and the same kernels for the same shapes."""
        return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


@dataclass(slots=True, kw_only=True, eq=False)
class PicturesAndBack(Pictures):
    """What also decodes: a family's class adds `pixels_of`."""

    def pixels_of(self, tokens: Sequence[Tokens], layout: Layout) -> Tensor:
        """Tokens of one layout -> float [n, 3, *canvas], scaled as the pixels that were encoded."""
        raise NotImplementedError

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[ImageSignal]:
        """The pictures at their original sizes and channels."""
        pairs = list(zip(tokens, (_image(header) for header in headers), strict=True))
        decoded: dict[int, ImageSignal] = {}
        for places in by_shape(pairs, lambda pair: (pair[1].height, pair[1].width, pair[1].channels)):
            header = pairs[places[0]][1]
            layout = self.fit(header.height, header.width)

            def run(batch: Sequence[int], layout: Layout = layout) -> list[ImageSignal]:
                return self._decode_batch([pairs[i] for i in batch], layout)

            decoded.update(zip(places, self._batched(places, layout, run), strict=True))
        return [decoded[i] for i in range(len(pairs))]

    def _decode_batch(self, pairs: Sequence[tuple[Tokens, ImageHeader]], layout: Layout) -> list[ImageSignal]:
        header = pairs[0][1]
        with self._exact():
            canvas = self.scale.undo(self.pixels_of([tokens for tokens, _ in pairs], layout))
        size = (header.height, header.width)
        pictures = pictures_from(canvas, layout.views[0], size, header.channels, self.fit).cpu()
        plain = ImageHeader(width=header.width, height=header.height, channels=header.channels)
        return [ImageSignal(header=plain, pixels=picture.contiguous()) for picture in pictures]


def _image(header: Header) -> ImageHeader:
    if not isinstance(header, ImageHeader):
        raise TypeError(f"a picture's header is needed, got {type(header).__name__}")
    return header
