"""Every card x the tokenizer contract, on small signals of its modality.

A card whose artefact is nowhere to be had is skipped, with what the refusal says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tokeff.errors import ArtefactMissing
from tokeff.records.cards import Card
from tokeff.records.headers import AudioHeader, ImageHeader, VideoHeader
from tokeff.records.items import Modality
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal, VideoSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs, TextVocabulary, Tokenizer, Verifies
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
TEXTS = (
    "Plain words, once more plain words.\n",
    "naïve Grüße — 数据 данные ข้อมูล 🙂\u200d↔\n\n\tdef f(x):\r\n    return x  # <|endoftext|><s>[UNK]",
    "0123456789 " * 7,
    "x",
)


@dataclass(frozen=True)
class HeldFrames:
    """All frames in memory: uint8 [n, 3, height, width]."""

    pixels: Tensor

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        yield self.pixels if indices is None else self.pixels[list(indices)]


def smooth(generator: torch.Generator, *shape: int) -> Tensor:
    """Random pictures with some structure, uint8 [..., height, width]."""
    coarse = torch.rand(*shape[:-2], 6, 6, generator=generator).reshape(-1, 1, 6, 6)
    fine = torch.nn.functional.interpolate(coarse, shape[-2:], mode="bilinear")
    noise = 0.1 * torch.rand(fine.shape, generator=generator)
    return ((fine + noise).clamp(0, 1) * 255).to(torch.uint8).reshape(shape)


def pictures(generator: torch.Generator) -> list[Signal]:
    sizes: list[tuple[Any, int, int]] = [(3, 48, 64), (3, 65, 41), (1, 48, 64), (3, 48, 64), (3, 300, 222)]
    headers = [ImageHeader(width=w, height=h, channels=c) for c, h, w in sizes]
    return [
        ImageSignal(header=each, pixels=smooth(generator, each.channels, each.height, each.width)) for each in headers
    ]


def recordings(generator: torch.Generator) -> list[Signal]:
    found: list[Signal] = []
    for rate, n_channels, n_samples in (
        (16_000, 1, 16_000),
        (44_100, 2, 22_051),
        (16_000, 1, 16_000),
        (24_000, 1, 9_999),
    ):
        header = AudioHeader(sample_rate_hz=rate, n_samples=n_samples, n_channels=n_channels)
        time = torch.arange(n_samples) / rate
        tone = 0.3 * torch.sin(2 * torch.pi * 220 * time) + 0.02 * torch.randn(
            n_channels, n_samples, generator=generator
        )
        found.append(AudioSignal(header=header, samples=(tone * 32768).round() / 32768))
    return found


def clips(generator: torch.Generator) -> list[Signal]:
    found: list[Signal] = []
    for n_frames, height, width in ((24, 48, 64), (7, 66, 50), (24, 48, 64)):
        header = VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=12)
        found.append(VideoSignal(header=header, source=HeldFrames(smooth(generator, n_frames, 3, height, width))))
    return found


def signals_of(modality: Modality) -> list[Signal]:
    generator = torch.Generator().manual_seed(0)
    if modality == "text":
        return [TextSignal(data=text.encode()) for text in TEXTS]
    return {"image": pictures, "audio": recordings, "video": clips}[modality](generator)


@pytest.fixture(scope="module", params=sorted(REGISTRY.cards))
def opened(request: pytest.FixtureRequest) -> tuple[Card, Tokenizer[Any], list[Signal], list[Tokens]]:
    """A card, its tokenizer, signals and their tokens."""
    card = REGISTRY.cards[request.param]
    try:
        tokenizer = REGISTRY.open(card.name)
    except ArtefactMissing:
        pytest.skip("the card's artefact is not on this machine")
    signals = signals_of(card.modality)
    return card, tokenizer, signals, tokenizer.encode(signals)


Opened = tuple[Card, Tokenizer[Any], list[Signal], list[Tokens]]


def test_it_is_the_tokenizer_of_its_card(opened: Opened) -> None:
    card, tokenizer, _, _ = opened
    assert tokenizer.card.name == card.name
    if card.vocab_size is not None:
        assert card.vocab_size in (sum(tokenizer.codebook_sizes), max(tokenizer.codebook_sizes, default=None))


def test_one_tokens_record_per_signal_with_true_counts(opened: Opened) -> None:
    _, tokenizer, signals, tokens = opened
    assert len(tokens) == len(signals)
    for each in tokens:
        assert each.counts.n_tokens > 0
        if tokenizer.codebook_sizes:
            assert len(each.streams) <= len(tokenizer.codebook_sizes)
            assert each.counts.n_tokens == sum(map(len, each.streams))
            assert each.counts.n_positions == max(map(len, each.streams))
        else:
            assert each.streams == ()
        if each.grid is not None:
            assert np.prod(each.grid) == each.counts.n_positions


def test_ids_lie_in_their_codebooks(opened: Opened) -> None:
    _, tokenizer, _, tokens = opened
    for each in tokens:
        for ids, size in zip(each.streams, tokenizer.codebook_sizes, strict=False):
            assert np.issubdtype(ids.dtype, np.integer)
            assert ids.min() >= 0
            assert ids.max() < size


def test_an_item_has_the_same_tokens_alone_and_in_company(opened: Opened) -> None:
    _, tokenizer, signals, tokens = opened
    for place in (0, len(signals) - 1):
        (alone,) = tokenizer.encode([signals[place]])
        assert alone.counts == tokens[place].counts
        for mine, other in zip(alone.streams, tokens[place].streams, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_nothing_gives_nothing(opened: Opened) -> None:
    assert opened[1].encode([]) == []


def test_counts_from_headers_are_those_of_encodings(opened: Opened) -> None:
    _, tokenizer, signals, tokens = opened
    if not isinstance(tokenizer, CountsFromHeader):
        pytest.skip("must read the content to count")
    assert [tokenizer.count(signal.header) for signal in signals] == [each.counts for each in tokens]


def test_reconstructions_have_the_shape_of_their_originals(opened: Opened) -> None:
    _, tokenizer, signals, tokens = opened
    if not isinstance(tokenizer, Reconstructs):
        pytest.skip("does not reconstruct")
    for signal, copy in zip(signals, tokenizer.decode(tokens, [each.header for each in signals]), strict=True):
        assert type(copy) is type(signal)
        check_shape(signal, copy)


def check_shape(signal: Any, copy: Any) -> None:
    if isinstance(signal, ImageSignal):
        assert copy.pixels.shape == signal.pixels.shape
        assert copy.pixels.dtype == torch.uint8
    elif isinstance(signal, AudioSignal):
        assert copy.samples.shape == signal.samples.shape
        assert copy.header.sample_rate_hz == signal.header.sample_rate_hz
    elif isinstance(signal, VideoSignal):
        assert copy.header.n_frames == signal.header.n_frames
        assert sum(len(chunk) for chunk in copy.source.frames()) == signal.header.n_frames


def test_a_fast_engine_equals_its_reference(opened: Opened) -> None:
    _, tokenizer, signals, _ = opened
    if not isinstance(tokenizer, Verifies):
        pytest.skip("has no second engine")
    assert tokenizer.verify(signals)


def test_a_text_vocabulary_spells_its_tokens(opened: Opened) -> None:
    _, tokenizer, signals, tokens = opened
    if not isinstance(tokenizer, TextVocabulary):
        pytest.skip("has no text vocabulary")
    lengths = tokenizer.token_bytes
    assert len(lengths) == tokenizer.codebook_sizes[0]
    for signal, each in zip(signals, tokens, strict=True):
        ids = each.streams[0]
        if not tokenizer.unknown_ids.intersection(ids.tolist()):
            assert lengths[ids].sum() >= len(signal.data.strip())  # type: ignore[union-attr]
