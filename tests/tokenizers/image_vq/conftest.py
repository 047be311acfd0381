"""Small models of transformers' three classes, their codebooks filled with latents of pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tokeff.records.headers import ImageHeader
from tokeff.records.signals import ImageSignal

N_CODES = 64
COMMON = {"base_channels": 32, "num_res_blocks": 1}
Picture = Callable[..., ImageSignal]


def draw(height: int, width: int, channels: int = 3, seed: int = 0) -> ImageSignal:
    """A smooth picture with some noise."""
    generator = torch.Generator().manual_seed(seed + 1000 * height + width)
    coarse = torch.rand(1, channels, 7, 7, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    noise = 0.1 * torch.rand(fine.shape, generator=generator)
    header = ImageHeader(width=width, height=height, channels=3 if channels == 3 else 1)
    return ImageSignal(header=header, pixels=((fine + noise).clamp(0, 1) * 255).to(torch.uint8))


@pytest.fixture(scope="session")
def picture() -> Picture:
    return draw


@pytest.fixture(scope="session")
def networks() -> dict[str, Any]:
    """`chameleon`, `janus`, `emu3`: models of some hundred thousand parameters that use many codes."""
    from transformers import (
        ChameleonVQVAE,
        ChameleonVQVAEConfig,
        Emu3VQVAE,
        Emu3VQVAEConfig,
        JanusVQVAE,
        JanusVQVAEConfig,
    )

    shape: dict[str, Any] = {"embed_dim": 8, "num_embeddings": N_CODES, "latent_channels": 32, **COMMON}
    shape["channel_multiplier"] = [1, 1, 2]
    emu3: dict[str, Any] = {"embed_dim": 4, "codebook_size": N_CODES, "latent_channels": 4, "hidden_size": 64, **COMMON}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = {
            "chameleon": ChameleonVQVAE(ChameleonVQVAEConfig(resolution=64, **shape)),
            "janus": JanusVQVAE(JanusVQVAEConfig(num_patches=16, **shape)),
            "emu3": Emu3VQVAE(Emu3VQVAEConfig(channel_multiplier=[1, 2], attn_resolutions=[1], **emu3)),
        }
    for name, network in found.items():
        fill_codebook(name, network)
    return found


@torch.no_grad()
def fill_codebook(name: str, network: Any) -> None:
    """Codes that are latents of a noisy picture: a random codebook is zero, or answers with one id for everything."""
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    if name == "emu3":
        latents = network.encoder(pixels.unsqueeze(1).repeat(1, 4, 1, 1, 1)).permute(0, 2, 1, 3, 4)
        rows = network.quant_conv(latents).permute(0, 2, 3, 4, 1).flatten(0, 3)
    else:
        rows = network.quant_conv(network.encoder(pixels)).permute(0, 2, 3, 1).flatten(0, 2)
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(2))[:N_CODES]
    network.quantize.embedding.weight.copy_(rows[chosen])


def direct_ids(name: str, network: Any, pixels: Tensor) -> Tensor:
    """The model's own answer: [n, rows, columns]."""
    with torch.no_grad():
        if name == "emu3":
            sizes = torch.tensor([pixels.shape[2:]] * len(pixels))
            return torch.stack(network.encode(pixels, sizes).image_tokens)
        stride = 2 ** (len(network.config.channel_multiplier) - 1)
        flat: Tensor = network.encode(pixels).image_tokens
    return flat.view(len(pixels), pixels.shape[2] // stride, pixels.shape[3] // stride)


@pytest.fixture(scope="session")
def ask() -> Callable[[str, Any, Tensor], Tensor]:
    return direct_ids


@pytest.fixture(scope="session")
def saved(networks: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Their directories, as `save_pretrained` writes them."""
    root = tmp_path_factory.mktemp("vq")
    for name, network in networks.items():
        network.save_pretrained(root / name)
    return {name: root / name for name in networks}


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may go online."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
