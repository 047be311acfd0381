"""The network: blocks of pixels -> residual convolutions -> FSQ digits -> residual convolutions -> blocks of pixels.

All convolutions work at the trunk's stride, where positions are few and channels many. Where a token is finer than
that, each position of the trunk gives several tokens. In the encoder nothing stands between the last block's second
convolution and the projection to the latent: for use they are folded into one, which is smaller and gives the same.
Leaves out its weights file (`artefact`) and training.
"""

from collections.abc import Mapping

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


class FoldedEnd(nn.Module):
    """The last residual block of the encoder and the projection after it: project(x) + conv(silu(conv(x)))."""

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, latent, 3, padding=1)
        self.project = nn.Conv2d(width, latent, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, rows, columns] -> [n, latent, rows, columns]."""
        out: Tensor = self.project(x) + self.second(functional.silu(self.first(x)))
        return out


class FsqAutoencoder(nn.Module):
    """Pixels in [-1, 1] to ids and back. Trained unfolded, used folded."""

    def __init__(self, config: FsqConfig, *, folded: bool = False) -> None:
        super().__init__()
        self.config, self.folded = config, folded
        pixels = CHANNELS * config.trunk**2
        latent = len(config.levels) * config.fold**2
        width = config.width
        end = [FoldedEnd(width, latent)] if folded else [Residual(width), nn.Conv2d(width, latent, 1)]
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(config.trunk),
            nn.Conv2d(pixels, width, 3, padding=1),
            *(Residual(width) for _ in range(config.encoder_blocks - 1)),
            *end,
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


def fold(weights: Mapping[str, Tensor], config: FsqConfig) -> dict[str, Tensor]:
    """The weights of an unfolded network as those of a folded one, which gives the same but for rounding."""
    block = f"encoder.{1 + config.encoder_blocks}."
    projection = f"encoder.{2 + config.encoder_blocks}."
    matrix = weights[projection + "weight"][:, :, 0, 0].double()
    second = weights[block + "second.weight"].double()
    rest = {name: tensor for name, tensor in weights.items() if not name.startswith(projection)}
    return rest | {
        block + "second.weight": torch.einsum("lo,oiyx->liyx", matrix, second).float(),
        block + "second.bias": (matrix @ weights[block + "second.bias"].double()).float(),
        block + "project.weight": weights[projection + "weight"],
        block + "project.bias": weights[projection + "bias"],
    }
