import math
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.errors import ItemError
from tokeff.media import image
from tokeff.records.headers import ImageHeader
from tokeff.records.signals import ImageSignal


def picture(height: int, width: int, channels: int, seed: int = 0) -> ImageSignal:
    """A smooth slope with a little noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    slope = np.stack([rows * 2 + columns * (c + 1) for c in range(channels)]) % 230
    pixels = (slope + rng.integers(0, 20, slope.shape)).astype(np.uint8)
    header = ImageHeader(width=width, height=height, channels=1 if channels == 1 else 3)
    return ImageSignal(header=header, pixels=torch.from_numpy(pixels))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3]), st.sampled_from(["png", "webp-lossless"]))
def test_lossless_codecs_give_the_same_pixels(height: int, width: int, channels: int, codec: image.Codec) -> None:
    signal = picture(height, width, channels)
    back = image.decode_bytes(image.encode(signal, codec), signal.header)
    assert torch.equal(back.pixels, signal.pixels)
    assert back.header == signal.header


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3]), st.sampled_from(["jpeg", "webp"]))
def test_lossy_codecs_keep_the_shape(height: int, width: int, channels: int, codec: image.Codec) -> None:
    signal = picture(height, width, channels)
    back = image.decode_bytes(image.encode(signal, codec, 50), signal.header)
    assert back.pixels.shape == signal.pixels.shape
    assert back.pixels.dtype == torch.uint8


@pytest.mark.parametrize("codec", ["jpeg", "webp"])
def test_a_higher_quality_costs_more_and_is_nearer(codec: image.Codec) -> None:
    signal = picture(90, 60, 1)
    sizes, errors = [], []
    for quality in (5, 30, 60, 90):
        data = image.encode(signal, codec, quality)
        back = image.decode_bytes(data, signal.header)
        sizes.append(len(data))
        errors.append((back.pixels.float() - signal.pixels.float()).square().mean().item())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert math.sqrt(errors[-1]) < 6


def test_a_quality_belongs_to_the_lossy_codecs() -> None:
    signal = picture(4, 4, 3)
    with pytest.raises(ValueError, match="need a quality"):
        image.encode(signal, "jpeg")
    with pytest.raises(ValueError, match="have none"):
        image.encode(signal, "png", 80)
    with pytest.raises(ValueError, match="0 to 100"):
        image.encode(signal, "webp", 101)


def test_a_side_that_a_codec_cannot_hold_is_refused() -> None:
    with pytest.raises(ItemError) as refusal:
        image.encode(picture(1, 16_384, 3), "webp", 50)
    assert refusal.value.reason == "unsupported"


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["jpeg", "webp", "png"]), st.data())
def test_damaged_bytes_raise_nothing_but_item_errors(codec: image.Codec, data: st.DataObject) -> None:
    signal = picture(24, 31, 3)
    good = image.encode(signal, codec, None if codec == "png" else 60)
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for place in data.draw(st.lists(st.integers(0, max(len(bad) - 1, 0)), max_size=3)):
        if bad:
            bad[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ItemError):
        assert image.decode_bytes(bytes(bad), signal.header).pixels.shape == (3, 24, 31)
