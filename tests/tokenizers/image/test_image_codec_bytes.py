"""Bytes of encoded files: lossless where promised, grey and colour, refusals, and the ids are the file."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tokeff.errors import ItemError, NotFound, SpecError
from tokeff.records.headers import ImageHeader
from tokeff.records.signals import ImageSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import CountsFromHeader
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
NAMES = ("jpeg-q30", "jpeg-q75", "jpeg-q95", "webp-q75", "webp-lossless", "png")


def noise(height: int, width: int, channels: int, seed: int = 0) -> ImageSignal:
    pixels = np.random.default_rng(seed).integers(0, 256, (channels, height, width), dtype=np.uint8)
    return signal_of(torch.from_numpy(pixels))


def slope(channels: int) -> ImageSignal:
    rows = torch.arange(96)[:, None] + torch.arange(128)
    return signal_of(rows.to(torch.uint8).expand(channels, -1, -1).contiguous())


def signal_of(pixels: torch.Tensor) -> ImageSignal:
    channels, height, width = pixels.shape
    return ImageSignal(
        header=ImageHeader(width=width, height=height, channels=3 if channels == 3 else 1), pixels=pixels
    )


def round_trip(spec: str, signal: ImageSignal) -> tuple[Tokens, ImageSignal]:
    tokenizer: Any = REGISTRY.open(spec)
    (tokens,) = tokenizer.encode([signal])
    (back,) = tokenizer.decode([tokens], [signal.header])
    return tokens, back


@given(
    codec=st.sampled_from(["png", "webp-lossless"]),
    sides=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=60)
def test_lossless_formats_lose_nothing(codec: str, sides: tuple[int, int], channels: int, seed: int) -> None:
    signal = noise(*sides, channels, seed)
    _, back = round_trip(codec, signal)
    assert torch.equal(back.pixels, signal.pixels)
    assert back.header == signal.header


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_smooth_pictures_come_back_close(name: str, channels: int) -> None:
    signal = slope(channels)
    _, back = round_trip(name, signal)
    assert back.pixels.shape == signal.pixels.shape
    assert float((back.pixels.float() - signal.pixels.float()).abs().mean()) < 4


@pytest.mark.parametrize(
    ("name", "kind"), [("jpeg-q75", "JPEG"), ("webp-q75", "WEBP"), ("webp-lossless", "WEBP"), ("png", "PNG")]
)
def test_the_ids_are_the_file(name: str, kind: str) -> None:
    tokens, _ = round_trip(name, noise(5, 7, 3))
    (ids,) = tokens.streams
    assert ids.dtype == np.uint8
    assert tokens.counts.n_tokens == tokens.counts.n_positions == len(ids)
    with Image.open(io.BytesIO(ids.tobytes())) as picture:
        assert (picture.format, picture.size) == (kind, (7, 5))


def test_ids_of_any_integer_type_decode() -> None:
    tokenizer: Any = REGISTRY.open("png")
    signal = noise(9, 4, 3)
    (tokens,) = tokenizer.encode([signal])
    wide = Tokens.discrete([tokens.streams[0].astype(np.int64)])
    (back,) = tokenizer.decode([wide], [signal.header])
    assert torch.equal(back.pixels, signal.pixels)


def test_the_number_of_ids_depends_on_the_content() -> None:
    flat = signal_of(torch.full((3, 64, 64), 128, dtype=torch.uint8))
    assert round_trip("png", flat)[0].counts.n_tokens < round_trip("png", noise(64, 64, 3))[0].counts.n_tokens
    assert not isinstance(REGISTRY.open("png"), CountsFromHeader)


def test_quality_changes_the_rate_and_the_name() -> None:
    signal = noise(64, 64, 3)
    lengths = [round_trip(f"jpeg-q75?quality={q}", signal)[0].counts.n_tokens for q in (10, 40, 90)]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 3
    card, family = (round_trip(spec, signal)[0].streams[0] for spec in ("jpeg-q75", "image/codec-bytes:jpeg"))
    assert np.array_equal(card, family)
    assert REGISTRY.card("jpeg-q75?quality=40").sha256 != REGISTRY.card("jpeg-q75").sha256


@pytest.mark.parametrize(("name", "width"), [("jpeg-q75", 65_501), ("webp-q75", 16_384), ("webp-lossless", 16_384)])
def test_sides_that_the_format_cannot_hold_are_refused(name: str, width: int) -> None:
    fits, too_long = (signal_of(torch.zeros(1, 1, w, dtype=torch.uint8)) for w in (width - 1, width))
    round_trip(name, fits)
    with pytest.raises(ItemError):
        round_trip(name, too_long)


@pytest.mark.parametrize(
    "ids", [np.zeros(99, dtype=np.uint8), np.full(99, 256), np.full(99, -1), np.zeros(0, np.int64)]
)
def test_ids_that_are_no_picture_are_refused(ids: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    tokenizer: Any = REGISTRY.open("png")
    with pytest.raises(ItemError) as refusal:
        tokenizer.decode([Tokens.discrete([ids])], [noise(3, 3, 3).header])
    assert refusal.value.reason == "corrupt"


@pytest.mark.parametrize("spec", ["png?quality=40", "jpeg-q75?quality=0", "jpeg-q75?quality=101", "image/codec-bytes:"])
def test_settings_without_meaning_are_refused(spec: str) -> None:
    with pytest.raises(SpecError):
        REGISTRY.open(spec)


def test_unknown_codecs_are_named_with_their_likes() -> None:
    with pytest.raises(NotFound, match="jpeg"):
        REGISTRY.card("image/codec-bytes:jpg")
