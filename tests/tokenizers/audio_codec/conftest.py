"""A small codec fitted to noises of changing loudness, and recordings of such noises."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.fitting import fit_codebooks
from tokeff.tokenizers.audio.codec.model import RvqCodec
from tokeff.tokenizers.audio.codec.transform import analyse

SMALL = CodecConfig(sample_rate_hz=8000, n_codes=16, n_codebooks=20, block_positions=4, width=16, blocks=1)
Noise = Callable[..., Tensor]


def make_noise(n_samples: int, seed: int = 0) -> Tensor:
    """[1, n_samples]: noise that falls with frequency and grows and fades, as speech does."""
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(n_samples + 8, generator=generator)
    smooth = white.unfold(0, 9, 1).mean(1)
    loudness = 0.3 * torch.sin(torch.arange(n_samples) / 1500 + seed).square()
    return (smooth * loudness)[None]


@pytest.fixture(scope="session")
def noise() -> Noise:
    return make_noise


@pytest.fixture(scope="session")
def recordings() -> list[AudioSignal]:
    """Eight of a second, half of them at another rate and in stereo."""
    found = []
    for seed in range(8):
        rate, n_channels = (8000, 1) if seed % 2 else (11025, 2)
        samples = make_noise(rate, seed).expand(n_channels, -1).contiguous()
        header = AudioHeader(sample_rate_hz=rate, n_samples=rate, n_channels=n_channels)
        found.append(AudioSignal(header=header, samples=samples))
    return found


@pytest.fixture(scope="session")
def small() -> CodecConfig:
    return SMALL


@pytest.fixture(scope="session")
def codec() -> RvqCodec:
    """Codebooks fitted, the network random but not idle."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        codec = RvqCodec(SMALL)
        torch.nn.init.normal_(codec.decoder.layers[-1].weight, std=0.02)  # type: ignore[arg-type]
    crops = torch.cat([make_noise(16 * SMALL.position_samples, seed) for seed in range(30)])
    fit_codebooks(codec, analyse(crops, SMALL.hop), torch.Generator().manual_seed(0))
    return codec.eval()
