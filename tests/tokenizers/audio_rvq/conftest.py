"""Small models of every audio codec of transformers, filled so that they use many codes, saved to local directories."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.registry import Registry

NAMES = ("encodec-24k", "encodec-48k", "dac", "mimi", "xcodec", "higgs", "xcodec2", "neucodec", "wavtokenizer")
N_CODES = 64
Recording = Callable[..., AudioSignal]
Opened = Callable[..., Any]

ENCODEC: dict[str, Any] = {"num_filters": 4, "hidden_size": 16, "codebook_dim": 16, "codebook_size": N_CODES}
ENCODEC_48K: dict[str, Any] = {
    **ENCODEC,
    "sampling_rate": 48_000,
    "audio_channels": 2,
    "normalize": True,
    "chunk_length_s": 1.0,
    "overlap": 0.01,
    "norm_type": "time_group_norm",
    "use_causal_conv": False,
    "target_bandwidths": [3.0, 6.0],
}
DAC: dict[str, Any] = {"encoder_hidden_size": 4, "decoder_hidden_size": 32, "codebook_dim": 4}
MIMI: dict[str, Any] = {
    "num_filters": 4,
    "hidden_size": 32,
    "codebook_size": N_CODES,
    "codebook_dim": 16,
    "vector_quantization_hidden_dimension": 16,
    "num_quantizers": 6,
    "upsample_groups": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
}
HUBERT: dict[str, Any] = {
    "model_type": "hubert",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
FINITE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "encoder_hidden_size": 4,
    "quantization_dim": 64,
    "quantization_levels": [4, 4, 4],
    "semantic_model_config": {
        "model_type": "wav2vec2-bert",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    },
}


WAVTOKENIZER: dict[str, Any] = {
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_dim": 16,
    "codebook_size": N_CODES,
    "decoder_hidden_size": 64,
    "decoder_intermediate_size": 64,
    "decoder_num_layers": 2,
}


def acoustic(ratios: list[int]) -> dict[str, Any]:
    """The DAC inside X-Codec and Higgs."""
    shape = {"downsampling_ratios": ratios, "upsampling_ratios": ratios, "hidden_size": 16}
    return {"model_type": "dac", **DAC, **shape}


def build(name: str) -> Any:
    """A model of some hundred thousand parameters."""
    import transformers as hf

    semantic = {"semantic_model_config": HUBERT, "codebook_size": N_CODES}
    makers: dict[str, Callable[[], Any]] = {
        "encodec-24k": lambda: hf.EncodecModel(hf.EncodecConfig(**ENCODEC)),
        "encodec-48k": lambda: hf.EncodecModel(hf.EncodecConfig(**ENCODEC_48K)),
        "dac": lambda: hf.DacModel(hf.DacConfig(n_codebooks=4, codebook_size=N_CODES, **DAC)),
        "mimi": lambda: hf.MimiModel(hf.MimiConfig(**MIMI)),
        "xcodec": lambda: hf.XcodecModel(
            hf.XcodecConfig(acoustic_model_config=acoustic([8, 5, 4, 2]), target_bandwidths=[0.5, 1, 2], **semantic)
        ),
        "higgs": lambda: hf.HiggsAudioV2TokenizerModel(
            hf.HiggsAudioV2TokenizerConfig(
                acoustic_model_config=acoustic([8, 5, 4, 2, 3]), target_bandwidths=[0.5, 1], codebook_dim=8, **semantic
            )
        ),
        "xcodec2": lambda: hf.Xcodec2Model(hf.Xcodec2Config(**FINITE)),
        "neucodec": lambda: hf.NeuCodecModel(hf.NeuCodecConfig(**FINITE)),
        "wavtokenizer": lambda: hf.WavTokenizerModel(hf.WavTokenizerConfig(**WAVTOKENIZER)),
    }
    network = makers[name]().eval()
    fill(network)
    return network


@torch.no_grad()
def fill(network: Any) -> None:
    """Codebooks of the size at which most codes are used: a random model's are zero, and answer with one id."""
    if hasattr(network, "fc_encoder"):
        network.quantizer.project_in.weight.mul_(400)
    held = [each for name, each in network.named_buffers() if name.endswith((".embed", ".embed_sum"))]
    drawn = [torch.randn(each.shape) for each in held]
    sounds = draw(6000, n_channels=getattr(network.config, "audio_channels", 1)).samples[None]
    used: dict[float, int] = {}
    for size in (1.0, 0.1, 0.01, 0.003, 0.001, 0.0003) if held else ():
        for each, values in zip(held, drawn, strict=True):
            each.copy_(values * size)
        forget(network)
        codes = network.encode(sounds).audio_codes
        used[size] = len(codes.flatten(0, -3)[..., 0, :].unique())
    for each, values in zip(held, drawn, strict=True):
        each.copy_(values * max(used, key=lambda size: used[size]))
    forget(network)


def forget(network: Any) -> None:
    """Mimi remembers its codebooks."""
    for module in network.modules():
        if hasattr(module, "_embed"):
            module._embed = None


def draw(n_samples: int, rate_hz: int = 16_000, n_channels: int = 1, seed: int = 0) -> AudioSignal:
    """Tones that come and go, and some noise."""
    generator = torch.Generator().manual_seed(seed + n_samples)
    time = torch.arange(n_samples) / rate_hz
    tone = torch.sin(2 * torch.pi * (200 + 300 * torch.sin(5 * time)) * time) * torch.sin(7 * time)
    samples = 0.3 * tone + 0.05 * torch.randn(n_channels, n_samples, generator=generator)
    header = AudioHeader(sample_rate_hz=rate_hz, n_samples=n_samples, n_channels=n_channels)
    return AudioSignal(header=header, samples=((samples * 32768).round() / 32768).clamp(-1, 1))


@pytest.fixture(scope="session")
def recording() -> Recording:
    return draw


@pytest.fixture(scope="session")
def networks() -> dict[str, Any]:
    """The models by name."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {name: build(name) for name in NAMES}


@pytest.fixture(scope="session")
def folders(networks: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where they are saved."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("codecs")
    for name, network in networks.items():
        network.save_pretrained(root / name)
    logging.enable_progress_bar()
    return {name: root / name for name in networks}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def opened(folders: dict[str, Path]) -> Opened:
    """`opened(name, query)`: the tokenizer of a directory, opened once."""
    held: dict[tuple[str, str], Any] = {}
    registry = Registry.load()

    def open_it(name: str, query: str = "") -> Any:
        if (name, query) not in held:
            held[name, query] = registry.open(f"rvq:{folders[name]}{query}")
        return held[name, query]

    return open_it


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Of a model, each in turn."""
    found: str = request.param
    return found


@pytest.fixture(scope="session")
def direct() -> Callable[..., tuple[Tensor, Tensor]]:
    return call_directly


@torch.no_grad()
def call_directly(network: Any, samples: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """The model's own answer to samples [channels, n]: ids [codebooks, positions] and what it decodes [channels, m].

    As its documentation says: `encode` and `decode`, with the model's own processor where it needs one.
    """
    import transformers as hf

    kind = type(network).__name__
    if kind in ("Xcodec2Model", "NeuCodecModel"):
        extractor = getattr(hf, kind.replace("Model", "FeatureExtractor"))()
        rate_hz = extractor.sampling_rate
        found = network.encode(**extractor(audio=samples[0].numpy(), sampling_rate=rate_hz, return_tensors="pt"))
        codes = found.audio_codes[..., : int(found.audio_codes_mask.sum())]
        return codes[0], network.decode(audio_codes=codes).audio_values[0]
    found = network.encode(samples[None], **options)
    codes = found.audio_codes
    if kind == "EncodecModel":
        padding = found.last_frame_pad_length
        back = network.decode(codes, found.audio_scales, last_frame_pad_length=padding).audio_values[0]
        codes = codes[:, 0].permute(1, 0, 2).flatten(1)
        return codes[:, : codes.shape[1] - padding] if padding else codes, back
    return codes[0], network.decode(audio_codes=codes).audio_values.reshape(samples.shape[0], -1)
