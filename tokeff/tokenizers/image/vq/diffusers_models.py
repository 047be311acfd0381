"""diffusers' VQModel as a model of ids; its AutoencoderTiny and AutoencoderKL as models of vectors.

The parts of VQModel are called in the order of its own `encode` and `decode`; the nearest code is searched for in
blocks of rows by the function that it uses itself, so that ids are equal.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokeff.tokenizers.image.vq.transformers_models import MAX_DISTANCES


@dataclass(frozen=True, slots=True, eq=False)
class DiffusersVqModel:
    """VQModel, the VQGAN of latent diffusion (arXiv 2112.10752), amused and others."""

    network: Any
    levels: tuple[int, ...] = ()

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        return int(self.network.config.num_vq_embeddings)

    @torch.inference_mode()
    def ids(self, pixels: Tensor) -> Tensor:
        """float [n, 3, height, width] -> int64 [n, rows, columns]."""
        latents = self.network.encode(pixels).latents.float().permute(0, 2, 3, 1)
        codes = self.network.quantize.embedding.weight.float()
        blocks = torch.split(latents.reshape(-1, latents.shape[-1]), max(1, MAX_DISTANCES // len(codes)))
        return torch.cat([torch.cdist(rows, codes).argmin(1) for rows in blocks]).view(latents.shape[:3])

    @torch.inference_mode()
    def pixels(self, ids: Tensor) -> Tensor:
        """int64 [n, rows, columns] -> float [n, 3, height, width]."""
        codes = self.network.quantize.embedding(ids).permute(0, 3, 1, 2).contiguous()
        mixed = codes if self.network.config.norm_type == "spatial" else None
        out: Tensor = self.network.decoder(self.network.post_quant_conv(codes), mixed)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class LatentModel:
    """AutoencoderTiny, or AutoencoderKL with the mean of its posterior."""

    network: Any

    @torch.inference_mode()
    def vectors(self, pixels: Tensor) -> Tensor:
        """float [n, 3, height, width] -> float [n, width of a vector, rows, columns]."""
        encoded = self.network.encode(pixels)
        found: Tensor = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        return found

    @torch.inference_mode()
    def pixels(self, vectors: Tensor) -> Tensor:
        """The way back."""
        out: Tensor = self.network.decode(vectors).sample
        return out
