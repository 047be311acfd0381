import math
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.errors import ItemError
from tokeff.media import audio
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal


def chirps(n_samples: int, n_channels: int, rate: int, seed: int = 0) -> AudioSignal:
    """Sweeps from 100 Hz to a quarter of the rate, each channel its own, on the 16-bit grid."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) / rate
    seconds = max(n_samples / rate, 1e-3)
    phases = 2 * math.pi * (100 * t + (rate / 4 - 100) * t**2 / (2 * seconds))
    rows = [0.4 * np.sin(phases * (1 - 0.1 * c)) + 0.02 * rng.standard_normal(n_samples) for c in range(n_channels)]
    grid = np.round(np.array(rows).reshape(n_channels, n_samples) * 32767).clip(-32768, 32767)
    header = AudioHeader(sample_rate_hz=rate, n_samples=n_samples, n_channels=n_channels)
    return AudioSignal(header=header, samples=torch.from_numpy(grid / 32768).to(torch.float32))


def lag(reference: torch.Tensor, other: torch.Tensor) -> int:
    """Samples by which `other` is late: the peak of the cross-correlation."""
    size = 2 * len(reference)
    spectrum = torch.fft.rfft(other, size) * torch.fft.rfft(reference, size).conj()
    peak = int(torch.fft.irfft(spectrum, size).argmax())
    return peak - size if peak > size // 2 else peak


def snr_db(reference: torch.Tensor, other: torch.Tensor) -> float:
    noise = (reference - other).square().sum().item()
    return 10 * math.log10(reference.square().sum().item() / noise)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 9000),
    st.integers(1, 8),
    st.sampled_from([8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000]),
    st.integers(0, 9),
)
def test_flac_frames_give_the_same_samples(n_samples: int, n_channels: int, rate: int, seed: int) -> None:
    signal = chirps(n_samples, n_channels, rate, seed)
    back = audio.decode_bytes(audio.encode(signal, "flac"), "flac", signal.header)
    assert torch.equal(back.samples, signal.samples)
    assert back.header == signal.header


def test_flac_payload_begins_with_a_frame_and_is_smaller_than_pcm() -> None:
    signal = chirps(48000, 2, 48000)
    data = audio.encode(signal, "flac")
    assert data[0] == 0xFF  # the frame's sync code: 14 ones (RFC 9639 section 9.1)
    assert data[1] >> 2 == 0b111110
    assert len(data) < signal.header.raw_bytes


@pytest.mark.parametrize("n_channels", [1, 2, 3, 6])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 47999, 48000])
def test_opus_is_aligned_and_keeps_the_shape(rate: int, n_channels: int) -> None:
    signal = chirps(rate + 17, n_channels, rate)
    data = audio.encode(signal, "opus", bitrate_bits_per_second=64_000 * n_channels)
    back = audio.decode_bytes(data, "opus", signal.header)
    assert back.samples.shape == signal.samples.shape
    assert back.samples.dtype == torch.float32
    for row, other in zip(signal.samples, back.samples, strict=True):
        assert lag(row, other) == 0
        assert snr_db(row, other) > 8


@pytest.mark.parametrize("bitrate", [6000, 16_000, 64_000, 128_000])
def test_opus_comes_near_the_bitrate_asked_for(bitrate: int) -> None:
    signal = chirps(48000 * 4, 1, 48000)
    data = audio.encode(signal, "opus", bitrate_bits_per_second=bitrate)
    assert 0.5 < len(data) * 8 / 4 / bitrate < 1.5


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4000), st.integers(1, 3), st.sampled_from([8000, 11025, 44100]))
def test_opus_of_any_length(n_samples: int, n_channels: int, rate: int) -> None:
    signal = chirps(n_samples, n_channels, rate)
    data = audio.encode(signal, "opus", bitrate_bits_per_second=48_000)
    assert audio.decode_bytes(data, "opus", signal.header).samples.shape == signal.samples.shape


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 8))
def test_mulaw_is_one_byte_per_sample_and_companded(n_samples: int, n_channels: int) -> None:
    signal = chirps(n_samples, n_channels, 16000)
    data = audio.encode(signal, "mulaw")
    assert len(data) == n_samples * n_channels
    back = audio.decode_bytes(data, "mulaw", signal.header).samples
    # G.711: 16 steps per doubling, so at most 1/32 of the value and half the smallest step (8 of 32768) away.
    assert torch.all((back - signal.samples).abs() <= signal.samples.abs() / 32 + 8 / 32768)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9000), st.sampled_from([4000, 11025, 16000, 44100, 47999, 48000]))
def test_mulaw_at_8_khz_keeps_the_shape(n_samples: int, rate: int) -> None:
    signal = chirps(n_samples, 2, rate)
    data = audio.encode(signal, "mulaw", sample_rate_hz=8000)
    assert len(data) == 2 * math.ceil(n_samples * 8000 / rate)
    back = audio.decode_bytes(data, "mulaw", signal.header, sample_rate_hz=8000)
    assert back.samples.shape == signal.samples.shape


def test_mulaw_at_8_khz_is_aligned() -> None:
    t = torch.arange(44100) / 44100
    tone = 0.5 * torch.sin(2 * math.pi * (200 * t + 600 * t**2))[None]
    header = AudioHeader(sample_rate_hz=44100, n_samples=44100, n_channels=1)
    data = audio.encode(AudioSignal(header=header, samples=tone), "mulaw", sample_rate_hz=8000)
    back = audio.decode_bytes(data, "mulaw", header, sample_rate_hz=8000).samples
    assert lag(tone[0], back[0]) == 0
    assert snr_db(tone[0], back[0]) > 25


def test_settings_that_a_codec_does_not_have_are_refused() -> None:
    signal = chirps(100, 1, 8000)
    with pytest.raises(ValueError, match="opus with"):
        audio.encode(signal, "opus")
    with pytest.raises(ValueError, match="flac with"):
        audio.encode(signal, "flac", bitrate_bits_per_second=1)
    with pytest.raises(ValueError, match="sample_rate_hz"):
        audio.encode(signal, "flac", sample_rate_hz=8000)
    with pytest.raises(ValueError, match="6000 to 510000"):
        audio.encode(signal, "opus", bitrate_bits_per_second=500)


def test_recordings_that_a_codec_cannot_hold_are_refused() -> None:
    with pytest.raises(ItemError, match="FLAC cannot hold") as refusal:
        audio.encode(chirps(10, 9, 8000), "flac")
    assert refusal.value.reason == "unsupported"
    with pytest.raises(ItemError) as refusal:
        audio.encode(chirps(0, 1, 8000), "mulaw")
    assert refusal.value.reason == "too_short"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["opus", "flac", "mulaw"]), st.data())
def test_damaged_payloads_raise_nothing_but_item_errors(codec: audio.Codec, data: st.DataObject) -> None:
    signal = chirps(3000, 1, 16000)
    bitrate = 32_000 if codec == "opus" else None
    good = audio.encode(signal, codec, bitrate_bits_per_second=bitrate)
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for place in data.draw(st.lists(st.integers(0, max(len(bad) - 1, 0)), max_size=4)):
        if bad:
            bad[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ItemError):
        back = audio.decode_bytes(bytes(bad), codec, signal.header)
        assert back.samples.shape == signal.samples.shape
        assert back.samples.abs().max() <= 1
