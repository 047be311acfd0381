"""transformers' ChameleonVQVAE, JanusVQVAE and Emu3VQVAE as models of the family: encode, search, decode.

The parts of each model are called in the order of its own `encode` and `decode`, with two differences: the nearest
code is searched for in blocks of rows (the whole matrix of distances would take gigabytes), and Janus decodes grids of
any shape. Distances are computed as the models do, in float32, so that ids are equal.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

MAX_DISTANCES = 2**24
"""Distances held at once: 64 MiB of float32."""


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """float [n, d], [n_codes, d] -> int64 [n]: the first of the nearest codes, by squared distance."""
    squares = (codebook**2).sum(1)
    step = max(1, MAX_DISTANCES // len(codebook))
    found = [
        torch.argmin((rows**2).sum(1, keepdim=True) + squares - 2 * (rows @ codebook.T), dim=1)
        for rows in torch.split(vectors, step)
    ]
    return torch.cat(found)


@dataclass(frozen=True, slots=True, eq=False)
class ChameleonModel:
    """ChameleonVQVAE (arXiv 2405.09818): its published weights hold no decoder."""

    network: Any
    levels: tuple[int, ...] = ()

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        return int(self.network.config.num_embeddings)

    @torch.inference_mode()
    def ids(self, pixels: Tensor) -> Tensor:
        """float [n, 3, height, width] -> int64 [n, rows, columns]."""
        latents = self.network.quant_conv(self.network.encoder(pixels)).float().permute(0, 2, 3, 1)
        rows = latents.reshape(-1, latents.shape[-1])
        return nearest(rows, self.network.quantize.embedding.weight.float()).view(latents.shape[:3])


@dataclass(frozen=True, slots=True, eq=False)
class JanusModel(ChameleonModel):
    """JanusVQVAE (arXiv 2410.13848): Chameleon's encoder, and a decoder of normalised codes."""

    @torch.inference_mode()
    def pixels(self, ids: Tensor) -> Tensor:
        """int64 [n, rows, columns] -> float [n, 3, height, width]."""
        codes = functional.normalize(self.network.quantize.embedding(ids), p=2, dim=-1).permute(0, 3, 1, 2)
        out: Tensor = self.network.decoder(self.network.post_quant_conv(codes.contiguous()))
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Emu3Model:
    """Emu3VQVAE (arXiv 2409.18869): codes of some frames in a row; a still picture is a clip of one repeated frame."""

    network: Any
    levels: tuple[int, ...] = ()

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        return int(self.network.config.codebook_size)

    @property
    def n_frames(self) -> int:
        """Frames that become one time of codes."""
        return int(self.network.config.temporal_downsample_factor)

    def ids(self, pixels: Tensor) -> Tensor:
        """float [n, 3, height, width] -> int64 [n, rows, columns]."""
        return self.clip_ids(pixels.unsqueeze(1).repeat(1, self.n_frames, 1, 1, 1))[:, 0]

    @torch.inference_mode()
    def clip_ids(self, clips: Tensor) -> Tensor:
        """float [n, frames, 3, height, width] -> int64 [n, frames / n_frames, rows, columns]."""
        latents = self.network.encoder(clips).permute(0, 2, 1, 3, 4)
        latents = self.network.quant_conv(latents).float().permute(0, 2, 3, 4, 1)
        rows = latents.reshape(-1, latents.shape[-1])
        return nearest(rows, self.network.quantize.embedding.weight.float()).view(latents.shape[:4])

    @torch.inference_mode()
    def pixels(self, ids: Tensor) -> Tensor:
        """int64 [n, rows, columns] -> float [n, 3, height, width]; [n, times, rows, columns] -> [n, frames, 3, ...]."""
        out: Tensor = self.network.decode(ids)
        return out
