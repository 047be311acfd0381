"""Counts and log-mel frames against transformers' Whisper feature extractor and Qwen2-Audio encoder."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.errors import ItemError, NotFound, SpecError
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.mel_frames import MelFramesTokenizer
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs
from tokeff.tokenizers.registry import Registry

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers.models.qwen2_audio.configuration_qwen2_audio import Qwen2AudioEncoderConfig
    from transformers.models.qwen2_audio.modeling_qwen2_audio import Qwen2AudioEncoder
    from transformers.models.whisper.configuration_whisper import WhisperConfig
    from transformers.models.whisper.feature_extraction_whisper import WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

REGISTRY = Registry.load()
WINDOW = 480_000


def recording(n_samples: int, rate: int = 16_000, n_channels: int = 1) -> AudioSignal:
    noise = torch.randn((n_channels, n_samples), generator=torch.Generator().manual_seed(n_samples)) * 0.1
    header = AudioHeader(sample_rate_hz=rate, n_samples=n_samples, n_channels=n_channels)
    return AudioSignal(header=header, samples=noise.clamp(-1, 1))


def mask_frames(n_samples: int) -> int:
    """Mel frames that the feature extractor marks as content."""
    extractor = WhisperFeatureExtractor()
    found = extractor(
        np.zeros(n_samples, dtype=np.float32), sampling_rate=16_000, return_attention_mask=True, return_tensors="np"
    )
    return int(found["attention_mask"].sum())


@pytest.mark.parametrize("n_samples", [1, 160, 161, 320, 321, 479, 641, 16_000, 16_001, 100_000, 479_681, WINDOW])
def test_counts_are_those_of_transformers(n_samples: int) -> None:
    n_frames = torch.tensor([mask_frames(n_samples)])
    conv, pooled = Qwen2AudioEncoder._get_feat_extract_output_lengths(None, n_frames)
    header = AudioHeader(sample_rate_hz=16_000, n_samples=n_samples, n_channels=1)
    for name, expected in (("whisper", int(conv)), ("qwen-audio", int(pooled))):
        tokenizer = REGISTRY.open(name)
        assert isinstance(tokenizer, CountsFromHeader)
        if expected:
            assert tokenizer.count(header).n_tokens == expected
            continue
        with pytest.raises(ItemError) as caught:
            tokenizer.count(header)
        assert caught.value.reason == "too_short"


def test_padded_counts_are_the_encoders_positions() -> None:
    """Small encoders with the real strides and real lengths: what comes out of them."""
    sizes = {"encoder_layers": 1, "encoder_attention_heads": 1, "encoder_ffn_dim": 8, "d_model": 8}
    whisper = WhisperEncoder(WhisperConfig(**sizes))
    qwen = Qwen2AudioEncoder(Qwen2AudioEncoderConfig(**sizes))
    header = AudioHeader(sample_rate_hz=16_000, n_samples=12_345, n_channels=1)
    with torch.no_grad():
        n_whisper = whisper(torch.zeros(1, 80, 3000)).last_hidden_state.shape[1]
        n_qwen = qwen(torch.zeros(1, 128, 3000)).last_hidden_state.shape[1]
    assert (n_whisper, n_qwen) == (1500, 750)
    assert REGISTRY.open("whisper?padded=true").count(header).n_tokens == n_whisper  # type: ignore[attr-defined]
    assert REGISTRY.open("qwen2-audio?padded=true").count(header).n_tokens == n_qwen  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "n_mels"), [("whisper", 80), ("mel-frames:whisper-large-v3", 128)])
@pytest.mark.parametrize("n_samples", [5000, 16_000, WINDOW, WINDOW + 40_000])
def test_frames_are_those_of_the_feature_extractor(name: str, n_mels: int, n_samples: int) -> None:
    tokenizer, signal = REGISTRY.open(name), recording(n_samples)
    (tokens,) = tokenizer.encode([signal])
    extractor = WhisperFeatureExtractor(feature_size=n_mels)
    windows = [part.numpy() for part in torch.split(signal.samples[0], WINDOW)]
    features = [extractor(part, sampling_rate=16_000, return_tensors="pt")["input_features"][0] for part in windows]
    kept = [frames[:, : mask_frames(len(part))].T for frames, part in zip(features, windows, strict=True)]
    torch.testing.assert_close(tokens.payload, torch.cat(kept), rtol=0, atol=2e-4)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(400, 60_000),
    st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000]),
    st.integers(1, 3),
    st.sampled_from(["whisper", "qwen2-audio", "mel-frames:whisper?window_seconds=1", "whisper?padded=true"]),
)
def test_counts_from_headers_are_those_of_encoding(n_samples: int, rate: int, n_channels: int, name: str) -> None:
    tokenizer, signal = REGISTRY.open(name), recording(n_samples, rate, n_channels)
    assert isinstance(tokenizer, MelFramesTokenizer)
    assert isinstance(tokenizer, CountsFromHeader)
    assert not isinstance(tokenizer, Reconstructs)
    if signal.header.duration_seconds < 0.04:
        return
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts == tokenizer.count(signal.header)
    n_frames, n_mels = tokens.payload.shape
    assert n_mels == tokenizer.n_mels
    # each window rounds once
    assert 0 <= n_frames / 2 / tokenizer.pool - tokens.counts.n_tokens + 0.5 <= 1 + n_frames // 100


def test_long_recordings_are_windows_one_after_the_other() -> None:
    header = AudioHeader(sample_rate_hz=16_000, n_samples=2 * WINDOW + 16_000, n_channels=2)
    assert REGISTRY.open("whisper").count(header).n_tokens == 3050  # type: ignore[attr-defined]
    assert REGISTRY.open("qwen2-audio").count(header).n_tokens == 1525  # type: ignore[attr-defined]
    assert REGISTRY.open("whisper?padded=true").count(header).n_tokens == 4500  # type: ignore[attr-defined]


def test_what_is_no_such_encoder() -> None:
    with pytest.raises(NotFound):
        REGISTRY.open("mel-frames:wisper")
    with pytest.raises(SpecError):
        REGISTRY.open("whisper?window_seconds=0")


@pytest.mark.cuda
def test_frames_of_a_gpu_are_those_of_the_cpu(cuda: str) -> None:
    signal = recording(50_000)
    (here,), (there,) = (REGISTRY.open("whisper", device=device).encode([signal]) for device in ("cpu", cuda))
    assert there.counts == here.counts
    torch.testing.assert_close(there.payload.cpu(), here.payload, rtol=0, atol=1e-3)
