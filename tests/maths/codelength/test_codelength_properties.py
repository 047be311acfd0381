"""What code lengths keep: identity is free, the useless is unused, more truth costs less, batches do not matter."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from tokeff.errors import InsufficientData, ItemError, TokeffError
from tokeff.maths.codelength import audio_code_length, fidelity, image_code_length, video_code_length
from tokeff.maths.codelength.histograms import code_length_bits, counts_of


def _pictures(b: int, c: int, h: int, w: int, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    rough = torch.rand(b, c, h // 4 + 2, w // 4 + 2, generator=g)
    smooth = torch.nn.functional.interpolate(rough, (h, w), mode="bilinear") * 220
    return (smooth + 4 * torch.randn(b, c, h, w, generator=g)).clamp(0, 255).to(torch.uint8)


def _sound(b: int, c: int, n: int) -> Tensor:
    t = torch.arange(n, dtype=torch.float64)
    g = torch.Generator().manual_seed(0)
    tones = [5000 * torch.sin(t * (0.02 + 0.01 * i)) + 800 * torch.sin(t * 0.3) for i in range(b * c)]
    return (torch.stack(tones).view(b, c, n) + 60 * torch.randn(b, c, n, generator=g)).round().to(torch.int16)


def _jpeg(x: Tensor, quality: int) -> Tensor:
    out = io.BytesIO()
    Image.fromarray(x.permute(1, 2, 0).numpy()).save(out, "JPEG", quality=quality)
    return torch.from_numpy(np.asarray(Image.open(out)).copy()).permute(2, 0, 1)


def test_histograms_agree_with_coding_one_symbol_after_the_other() -> None:
    g = torch.Generator().manual_seed(0)
    symbols, weights = (
        torch.randint(0, 12, (2, 50), generator=g),
        torch.rand(12, generator=g, dtype=torch.float64) + 0.01,
    )
    expected = torch.zeros(2, dtype=torch.float64)
    for item in range(2):
        counts = weights.view(3, 4).clone()
        for s in symbols[item].tolist():
            expected[item] -= torch.log2(counts[s // 4, s % 4] / counts[s // 4].sum())
            counts[s // 4, s % 4] += 1
    torch.testing.assert_close(code_length_bits(counts_of(symbols, 12), weights, 4), expected)


@settings(max_examples=12, deadline=None)
@given(
    b=st.integers(1, 3), c=st.sampled_from([1, 3]), h=st.integers(1, 9), w=st.integers(1, 9), depth=st.integers(1, 8)
)
def test_small_pictures_cost_no_more_than_raw_and_identity_nothing(b: int, c: int, h: int, w: int, depth: int) -> None:
    x = torch.randint(0, 256, (b, c, h, w), generator=torch.Generator().manual_seed(h * w), dtype=torch.uint8)
    bits = image_code_length(x, depth_bits=depth)
    assert bits.dtype == torch.float64
    assert ((bits > 0) & (bits <= c * h * w * depth + 3)).all()
    assert (image_code_length(x, x, depth_bits=depth) == 0).all()


@settings(max_examples=5, deadline=None)
@given(c=st.integers(1, 2), n=st.integers(1, 300), depth=st.integers(1, 16))
def test_short_sound_costs_no_more_than_raw_and_identity_nothing(c: int, n: int, depth: int) -> None:
    x = torch.randint(-32768, 32768, (2, c, n), generator=torch.Generator().manual_seed(n), dtype=torch.int32)
    assert (audio_code_length(x, depth_bits=depth) <= c * n * depth + 2).all()
    assert (audio_code_length(x, x, depth_bits=depth) == 0).all()


def test_constant_signals_are_nearly_free() -> None:
    assert image_code_length(torch.full((1, 3, 64, 64), 9, dtype=torch.uint8)) < 120
    assert audio_code_length(torch.full((1, 1, 4096), -7, dtype=torch.int16)) < 400
    assert video_code_length([torch.full((4, 3, 32, 32), 90, dtype=torch.uint8)]) < 500


def test_batches_and_their_order_do_not_matter() -> None:
    x, s = _pictures(5, 3, 40, 56), _sound(4, 2, 6000)
    for measure, items in ((image_code_length, x), (audio_code_length, s)):
        whole, alone = measure(items), torch.cat([measure(item[None]) for item in items.flip(0)]).flip(0)
        torch.testing.assert_close(whole, alone, rtol=1e-6, atol=0)


def test_a_clip_costs_the_same_however_it_is_cut() -> None:
    clip = _pictures(6, 3, 24, 32)
    assert video_code_length([clip]) == pytest.approx(video_code_length(torch.split(clip, 2)), rel=1e-6)


@settings(max_examples=4, deadline=None)
@given(h=st.integers(1, 40), w=st.integers(1, 40), n=st.integers(1, 5000), seed=st.integers(0, 99))
def test_a_useless_reconstruction_is_not_used(h: int, w: int, n: int, seed: int) -> None:
    x, s = _pictures(2, 3, h, w, seed), _sound(1, 2, n)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(0, 256, x.shape, generator=generator, dtype=torch.uint8)
    hiss = torch.randint(-9000, 9000, s.shape, generator=generator)
    assert (image_code_length(x, noise) <= image_code_length(x)).all()
    assert (audio_code_length(s, hiss) <= audio_code_length(s)).all()
    assert video_code_length([x], [noise]) <= video_code_length([x])


def test_a_reconstruction_that_says_nothing_leaves_the_source_entropy() -> None:
    x, s = _pictures(1, 3, 160, 160), _sound(1, 1, 20000)
    clip = torch.stack([x[0].roll(k, 2) for k in range(4)])
    for level in (0, 77):
        assert float(image_code_length(x, torch.full_like(x, level)) / image_code_length(x)) >= 0.995
        assert float(audio_code_length(s, torch.full_like(s, level)) / audio_code_length(s)) >= 0.995
        assert video_code_length([clip], [torch.full_like(clip, level)]) >= 0.995 * video_code_length([clip])


def test_a_better_jpeg_leaves_fewer_bits_missing() -> None:
    x = _pictures(1, 3, 128, 160)
    missing = [float(image_code_length(x, _jpeg(x[0], q)[None])) for q in (5, 10, 30, 75, 95)]
    assert missing == sorted(missing, reverse=True)
    for depth_bits, scale in ((8, 1), (6, 1), (4, 1), (8, 2)):
        kept = [
            fidelity.retained_image_bits(x, _jpeg(x[0], q)[None], depth_bits=depth_bits, scale=scale)[0].retained
            for q in (10, 75, 95)
        ]
        assert 0 <= kept[0] < kept[1] < kept[2] < 1


def test_finer_sound_leaves_fewer_bits_missing() -> None:
    s = _sound(1, 1, 16000).int()
    missing = [float(audio_code_length(s, (s // step) * step + step // 2)) for step in (4096, 1024, 256, 64, 16)]
    assert missing == sorted(missing, reverse=True)


def test_a_picture_of_many_tiles_costs_about_what_its_tiles_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    x = _pictures(1, 3, 96, 130)
    whole = float(image_code_length(x))
    monkeypatch.setattr("tokeff.maths.codelength.images.TILE", 65)
    assert float(image_code_length(x)) == pytest.approx(whole, rel=0.1)


def test_shares_add_before_they_divide() -> None:
    a, b = fidelity.Share(source_bits=100.0, missing_bits=50.0), fidelity.Share(source_bits=300.0, missing_bits=290.0)
    assert (a + b).retained == pytest.approx(1 - 340 / 400)
    with pytest.raises(InsufficientData, match="no information"):
        _ = fidelity.Share(source_bits=0.0, missing_bits=0.0).retained


def test_reductions_average_boxes_and_keep_octaves() -> None:
    x = torch.tensor([[0, 10, 20], [30, 40, 50], [60, 70, 81]], dtype=torch.uint8)[None, None]
    assert fidelity.reduce_pictures(x, 2)[0, 0].tolist() == [[20, 35], [65, 81]]
    assert fidelity.reduce_time(x.repeat(3, 1, 1, 1) // torch.tensor([1, 2, 4]).view(3, 1, 1, 1), 2)[0, 0, 0, 1] == 8
    t = torch.arange(4000, dtype=torch.float64)
    low, high = (8000 * torch.sin(t * f).view(1, 1, -1) for f in (0.05, 2.5))
    kept = [float(fidelity.reduce_sound(v.round().int(), 4)[..., 20:-20].double().std()) for v in (low, high)]
    assert kept[0] > 5000
    assert kept[1] < 5


def test_a_signal_reduced_in_parts_is_the_whole_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    x, s = _pictures(2, 3, 61, 45), _sound(2, 2, 5003)
    whole = {scale: (fidelity.reduce_pictures(x, scale), fidelity.reduce_sound(s, scale)) for scale in (1, 2, 4, 8)}
    monkeypatch.setattr(fidelity, "SAMPLES_AT_ONCE", 4000)
    for scale, (picture, sound) in whole.items():
        assert torch.equal(fidelity.reduce_pictures(x, scale), picture)
        assert sound.shape[-1] == -(-5003 // scale)
        assert torch.equal(fidelity.reduce_sound(s, scale), sound)


def test_bad_input_is_refused_with_what_was_got() -> None:
    x, s = _pictures(1, 3, 8, 8), _sound(1, 1, 64)
    with pytest.raises(TokeffError, match=r"\(1, 3, 8, 7\) beside \(1, 3, 8, 8\)"):
        image_code_length(x, x[..., :7])
    with pytest.raises(TokeffError, match=r"\(1, 1, 63\) beside \(1, 1, 64\)"):
        audio_code_length(s, s[..., :63])
    with pytest.raises(TokeffError, match="differ in chunks"):
        video_code_length([x, x], [x])
    with pytest.raises(TokeffError, match="change their size"):
        video_code_length([x, x[..., :7]])
    with pytest.raises(ItemError, match="NaN"):
        image_code_length(x, torch.full(x.shape, float("nan")))
    with pytest.raises(ItemError, match="NaN"):
        audio_code_length(s, torch.full(s.shape, float("nan")))
    with pytest.raises(TokeffError, match="leave their range"):
        audio_code_length(torch.full((1, 1, 4), 40000, dtype=torch.int32))
    with pytest.raises(TokeffError, match=r"got 9; expected 1\.\.8 bits"):
        image_code_length(x, depth_bits=9)
    with pytest.raises(TokeffError, match="wrong shape"):
        image_code_length(x[0])


@pytest.mark.cuda
def test_the_gpu_agrees(cuda: str) -> None:
    x, s = _pictures(3, 3, 100, 120), _sound(2, 2, 9000)
    for measure, items in ((image_code_length, x), (audio_code_length, s)):
        torch.testing.assert_close(measure(items.to(cuda)).cpu(), measure(items), rtol=1e-3, atol=0)
