"""Histograms that items share: a code that can be decoded, whatever the order, and shorter than codes of each alone."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tokeff.maths.codelength import ClipCoder, Pool, audio_code_length, image_code_length
from tokeff.maths.codelength.pools import SHARED_SAMPLES


def pictures(n: int, size: int, channels: int = 3) -> Tensor:
    """Smooth pictures with noise of different strength: [n, channels, size, size]."""
    g = torch.Generator().manual_seed(n)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    waves = torch.stack([60 * torch.sin(x * (0.1 + 0.02 * k) + y * 0.07) for k in range(n)])[:, None]
    noise = torch.randn(n, channels, size, size, generator=g) * (1 + torch.arange(n) % 5)[:, None, None, None]
    return (128 + waves + noise).round().clamp(0, 255).to(torch.uint8)


def sounds(n: int, length: int, channels: int = 2) -> Tensor:
    """Hums with noise, 16 bit: [n, channels, length]."""
    g = torch.Generator().manual_seed(n)
    t = torch.arange(length)
    hum = torch.stack([3000 * torch.sin(t * (0.03 + 0.01 * k)) for k in range(n)])[:, None]
    return (hum + 40 * torch.randn(n, channels, length, generator=g)).round().long()


def pooled(measure: Any, parts: list[Tensor], sides: Sequence[Tensor | None]) -> tuple[Pool, float]:
    pool, own = Pool(), 0.0
    for part, side in zip(parts, sides, strict=True):
        own += float(measure(part, side, pool=pool).sum())
    return pool, own


@pytest.mark.parametrize(
    ("measure", "x", "kind", "depth_bits"),
    [(image_code_length, pictures(24, 24), "planes", 8), (audio_code_length, sounds(24, 2000), "sound", 16)],
    ids=["pictures", "sounds"],
)
@pytest.mark.parametrize("beside", [False, True])
def test_sharing_saves_what_each_item_would_learn_anew(
    measure: Any, x: Tensor, kind: Any, depth_bits: int, beside: bool
) -> None:
    side = x // 4 * 4 if beside else None
    whole, own = pooled(measure, [x], [side])
    shared = whole.code_length_bits(kind, depth_bits)
    assert 0.5 * own < shared < (0.99 if beside else 0.998) * own
    halves = (None, None) if side is None else (side[9:], side[:9])
    other, same = pooled(measure, [x[9:], x[:9]], halves)
    assert same == pytest.approx(own, rel=1e-6)
    assert torch.equal(other.counts, whole.counts)
    assert sorted(other.rest_bits) == pytest.approx(sorted(whole.rest_bits))


def test_one_item_shares_with_itself() -> None:
    """Three channels of a picture have histograms each, in a pool as alone."""
    x = pictures(1, 40)
    pool, own = pooled(image_code_length, [x], [None])
    assert pool.code_length_bits("planes", 8) == pytest.approx(own, abs=2.0)  # the choice of a detail is not made
    assert len(pool.counts) % 3 == 0


def test_exact_items_cost_nothing_and_leave_nothing() -> None:
    x, s = pictures(4, 16), sounds(4, 300)
    for measure, signal in ((image_code_length, x), (audio_code_length, s)):
        pool, own = pooled(measure, [signal], [signal])
        assert (own, pool.rest_bits, int(pool.counts.sum())) == (0.0, [], 0)
    pool, own = pooled(image_code_length, [x], [torch.cat([x[:3], x[3:] ^ 8])])
    assert len(pool.rest_bits) == 1
    assert int(pool.counts.sum()) == x[3].numel()


def test_grey_and_coloured_pictures_share_the_first_channel() -> None:
    grey, colour = pictures(3, 20, 1), pictures(3, 20)
    pool, _ = pooled(image_code_length, [grey, colour, grey], [None] * 3)
    first = pool.counts.view(3, -1)[0]
    assert int(first.sum()) == 3 * 3 * 400


def test_large_pictures_keep_histograms_of_their_own() -> None:
    x = pictures(1, 400)
    assert x[0, 0].numel() > SHARED_SAMPLES
    pool, own = pooled(image_code_length, [x], [None])
    assert pool.code_length_bits("planes", 8) == pytest.approx(own)
    assert not len(pool.counts)


def test_short_clips_share_too() -> None:
    clips = [pictures(3, 16), pictures(4, 16), pictures(5, 16)]
    pool, own = Pool(), 0.0
    for clip in clips:
        coder = ClipCoder()
        coder.add(clip)
        coder.leave_to(pool)
        own += coder.bits()
    assert int(pool.counts.sum()) == sum(clip.numel() for clip in clips)
    assert pool.code_length_bits("planes", 8) == pytest.approx(own, rel=0.05)
    assert len(pool.rest_bits) == 3
