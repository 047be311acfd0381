"""Bytes of Opus, FLAC and mu-law as tokens: counts, the way back, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.errors import ItemError, SpecError
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs, Tokenizer
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
NAMES = ("opus-6k", "opus-12k", "opus-24k", "opus-64k", "flac", "mulaw")


def recording(n_samples: int, rate: int = 16_000, n_channels: int = 1) -> AudioSignal:
    """A chord with some noise, on the 16-bit grid."""
    time = torch.arange(n_samples) / rate
    tones = torch.stack([torch.sin(2 * torch.pi * hz * time) for hz in (220.0, 277.2, 329.6)]).sum(0) * 0.2
    noise = torch.randn((n_channels, n_samples), generator=torch.Generator().manual_seed(0)) * 0.003
    samples = ((tones + noise).clamp(-1, 1) * 32767).round() / 32768
    header = AudioHeader(sample_rate_hz=rate, n_samples=n_samples, n_channels=n_channels)
    return AudioSignal(header=header, samples=samples)


def there_and_back(name: str, signal: AudioSignal) -> tuple[Tokens, AudioSignal]:
    """Tokens and reconstruction, from the ids alone."""
    tokenizer = REGISTRY.open(name)
    assert isinstance(tokenizer, Reconstructs)
    assert isinstance(tokenizer, Tokenizer)
    (tokens,) = tokenizer.encode([signal])
    (back,) = tokenizer.decode([Tokens.discrete(tokens.streams)], [signal.header])
    return tokens, back


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 30_000),
    st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000]),
    st.integers(1, 2),
    st.sampled_from([*NAMES, "mulaw?sample_rate=8000"]),
)
def test_recordings_come_back_with_rate_channels_and_length(n: int, rate: int, n_channels: int, name: str) -> None:
    signal = recording(n, rate, n_channels)
    tokens, back = there_and_back(name, signal)
    assert tokens.streams[0].dtype == np.uint8
    assert tokens.counts.n_tokens == tokens.counts.n_positions == len(tokens.streams[0]) > 0
    assert back.samples.shape == signal.samples.shape
    assert back.header.sample_rate_hz == rate
    if name == "flac":
        assert torch.equal(back.samples, signal.samples)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 20_000), st.sampled_from([8000, 11_025, 48_000]), st.integers(1, 3), st.booleans())
def test_mulaw_is_counted_from_the_header(n_samples: int, rate: int, n_channels: int, resampled: bool) -> None:
    tokenizer = REGISTRY.open("mu-law?sample_rate=8000" if resampled else "mulaw")
    assert isinstance(tokenizer, CountsFromHeader)
    signal = recording(n_samples, rate, n_channels)
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts == tokenizer.count(signal.header)
    if not resampled:
        assert tokens.counts.n_tokens == n_samples * n_channels


def test_only_mulaw_is_counted_from_the_header() -> None:
    assert [name for name in NAMES if isinstance(REGISTRY.open(name), CountsFromHeader)] == ["mulaw"]


def test_opus_spends_about_what_it_is_given() -> None:
    signal = recording(160_000)
    lengths, errors = [], []
    for kilobits in (6, 12, 24, 64):
        tokens, back = there_and_back(f"opus-{kilobits}k", signal)
        lengths.append(tokens.counts.n_tokens)
        errors.append(float((back.samples - signal.samples).square().mean()))
        assert tokens.counts.n_tokens * 8 / 10 == pytest.approx(kilobits * 1000, rel=0.5)
    assert lengths == sorted(lengths)
    assert errors[-1] < errors[0]


def test_what_cannot_be_encoded_is_refused() -> None:
    for name in NAMES:
        with pytest.raises(ItemError) as empty:
            REGISTRY.open(name).encode([recording(0)])
        assert empty.value.reason == "too_short"
    with pytest.raises(ItemError) as crowded:
        REGISTRY.open("opus-6k").encode([recording(1000, n_channels=6)])
    with pytest.raises(ItemError) as nothing:
        REGISTRY.open("mulaw").count(recording(0).header)  # type: ignore[attr-defined]
    assert (crowded.value.reason, nothing.value.reason) == ("unsupported", "too_short")


@pytest.mark.parametrize(
    "spec", ["flac?bitrate=6000", "mulaw?bitrate=6000", "opus?sample_rate=8000", "opus?bitrate=5999", "opus?bitrate=0"]
)
def test_settings_that_a_codec_does_not_have_are_refused(spec: str) -> None:
    with pytest.raises(SpecError):
        REGISTRY.open(spec)


def test_the_modality_must_be_said_where_two_have_the_family() -> None:
    with pytest.raises(SpecError, match="audio/codec-bytes:opus"):
        REGISTRY.open("codec-bytes:opus")
    opus = REGISTRY.open("audio/codec-bytes:opus")
    (tokens,) = opus.encode([recording(16_000)])
    (same,) = REGISTRY.open("opus").encode([recording(16_000)])
    np.testing.assert_array_equal(tokens.streams[0], same.streams[0])
