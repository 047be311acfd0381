"""Classical codecs of recordings that are read in blocks: the same bytes, and copies that are decoded later."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media import audio_coding
from tokeff.media.audio_blocks import ForwardSamples
from tokeff.media.audio_coding import Codec, decode_bytes, encode
from tokeff.media.audio_limits import READ_SAMPLES
from tokeff.records import signals
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal, LongAudioSignal

CASES: list[tuple[Codec, int | None, int | None]] = [
    ("opus", 96_000, None),
    ("flac", None, None),
    ("mulaw", None, None),
    ("mulaw", None, 8000),
    ("pcm", None, 16_000),
]


def recording(n_samples: int, rate_hz: int, n_channels: int) -> AudioSignal:
    time = torch.arange(n_samples) / rate_hz
    tone = 0.4 * torch.sin(2 * torch.pi * (200 + 100 * time) * time)
    noise = 0.05 * torch.randn(n_channels, n_samples, generator=torch.Generator().manual_seed(0))
    header = AudioHeader(sample_rate_hz=rate_hz, n_samples=n_samples, n_channels=n_channels)
    return AudioSignal(header=header, samples=((tone + noise) * 32768).round() / 32768)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(("codec", "bitrate", "rate_hz"), CASES)
def test_blocks_change_nothing(
    codec: Codec, bitrate: int | None, rate_hz: int | None, n_channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = recording(60_011, 44_100, n_channels)

    def blocks() -> Iterator[Tensor]:
        yield from torch.split(held.samples, 777, dim=1)

    later = LongAudioSignal(header=held.header, source=ForwardSamples(blocks))
    data = encode(held, codec, bitrate_bits_per_second=bitrate, sample_rate_hz=rate_hz)
    with monkeypatch.context() as patched:
        patched.setattr(signals, "BLOCK_SAMPLES", 5003)
        again = encode(later, codec, bitrate_bits_per_second=bitrate, sample_rate_hz=rate_hz)
    assert again == data
    copy = decode_bytes(data, codec, held.header, sample_rate_hz=rate_hz)
    monkeypatch.setattr(audio_coding, "HELD_SAMPLES", 1000)
    read_later = decode_bytes(data, codec, held.header, sample_rate_hz=rate_hz)
    assert isinstance(read_later, LongAudioSignal)
    assert torch.equal(read_later.samples, copy.samples)
    assert torch.equal(read_later.read(50_000, 60_011), copy.samples[:, 50_000:])


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 192_000])
def test_flac_of_many_blocks_comes_back_exactly(rate_hz: int) -> None:
    held = recording(2 * READ_SAMPLES + 7, rate_hz, 2)
    copy = decode_bytes(encode(held, "flac"), "flac", held.header)
    assert torch.equal(copy.samples, held.samples)


def test_a_long_payload_that_ends_early_is_refused_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    held = recording(40_000, 16_000, 1)
    data = encode(held, "pcm")
    monkeypatch.setattr(audio_coding, "HELD_SAMPLES", 1000)
    copy = decode_bytes(data[:-2000], "pcm", held.header)
    assert copy.read(0, 100).shape == (1, 100)
    with pytest.raises(ItemError) as refusal:
        copy.read(0, 40_000)
    assert refusal.value.reason == "truncated"


def test_pcm_is_what_resampling_costs() -> None:
    held = recording(16_000, 16_000, 2)
    data = encode(held, "pcm")
    assert len(data) == 2 * 2 * 16_000
    assert torch.equal(decode_bytes(data, "pcm", held.header).samples, held.samples)
    assert len(encode(held, "pcm", sample_rate_hz=8000)) == 2 * 2 * 8000
