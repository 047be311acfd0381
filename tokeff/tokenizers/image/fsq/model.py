"""The network: blocks of pixels -> residual convolutions -> FSQ digits -> residual convolutions -> blocks of pixels.

All convolutions work at the trunk's stride, where positions are few and channels many. Where a token is finer than
that, each position of the trunk gives several tokens. Leaves out its weights file (`artefact`) and training.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tokeff.tokenizers.image.fsq.config import FsqConfig
from tokeff.tokenizers.image.fsq.quantise import digits_of, digits_of_ids, ids_of, straight_through, values_of

CHANNELS = 3


class Residual(nn.Module):
    """x + conv(silu(conv(x))); it begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, rows, columns] -> the same."""
        out: Tensor = x + self.second(functional.silu(self.first(x)))
        return out


class FsqAutoencoder(nn.Module):
    """Pixels in [-1, 1] to ids and back."""

    def __init__(self, config: FsqConfig) -> None:
        super().__init__()
        self.config = config
        pixels = CHANNELS * config.trunk**2
        latent = len(config.levels) * config.fold**2
        width = config.width
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(config.trunk),
            nn.Conv2d(pixels, width, 3, padding=1),
            *(Residual(width) for _ in range(config.encoder_blocks)),
            nn.Conv2d(width, latent, 1),
            nn.PixelShuffle(config.fold),
        )
        self.decoder = nn.Sequential(
            nn.PixelUnshuffle(config.fold),
            nn.Conv2d(latent, width, 3, padding=1),
            *(Residual(width) for _ in range(config.decoder_blocks)),
            nn.Conv2d(width, pixels, 3, padding=1),
            nn.PixelShuffle(config.trunk),
        )

    @property
    def n_parameters(self) -> int:
        """Numbers that were fitted."""
        return sum(each.numel() for each in self.parameters())

    def forward(self, pixels: Tensor) -> Tensor:
        """[n, 3, height, width], sides multiples of the trunk -> its reconstruction, differentiable."""
        out: Tensor = self.decoder(straight_through(self.encoder(pixels).float(), self.config.levels))
        return out

    @torch.inference_mode()
    def ids(self, pixels: Tensor) -> Tensor:
        """[n, 3, height, width], sides multiples of the trunk -> int64 [n, rows, columns]."""
        return ids_of(digits_of(self.encoder(pixels).float(), self.config.levels), self.config.levels)

    @torch.inference_mode()
    def pixels(self, ids: Tensor) -> Tensor:
        """int64 [n, rows, columns] -> [n, 3, height, width] in about [-1, 1]."""
        values = values_of(digits_of_ids(ids, self.config.levels), self.config.levels)
        out: Tensor = self.decoder(values.to(next(self.parameters()).dtype))
        return out
