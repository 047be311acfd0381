"""The network behind the codebooks: it sees decoded frames and their neighbours, and mends them.

Convolutions over frames give three things: for each band a factor for what was decoded and one for noise of the band's
level, which fills bands that got no code, and for each coefficient a correction. It begins as the decoded frames with
some noise. Leaves out codes and the transform.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.levels import UNITS_PER_DB

LARGEST = 6.0
"""Decoded coefficients, in sizes of their band, beyond which the network sees no difference."""
NOISE_BESIDE_CODES, NOISE_ALONE = 0.1, 0.4
LOG_FACTORS = (-8.0, 3.0)
MIDDLE_DB, SPREAD_DB = -50.0, 20.0


class Residual(nn.Module):
    """x + conv(silu(conv(x))); it begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, frames] -> the same."""
        out: Tensor = x + self.second(functional.silu(self.first(x)))
        return out


class Mender(nn.Module):
    """Decoded frames to better ones."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.widths, n_bands, width = config.widths, len(config.widths), config.width
        self.layers = nn.Sequential(
            nn.Conv1d(2 * config.hop + 2 * n_bands, width, 3, padding=1),
            *(Residual(width) for _ in range(config.blocks)),
            nn.Conv1d(width, config.hop + 2 * n_bands, 1),
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Conv1d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, decoded: Tensor, noise: Tensor, levels: Tensor, n_stages: Tensor) -> Tensor:
        """Frames [n, frames, hop] in sizes of bands, levels and codes [n, frames, bands] -> better frames.

        `noise` is [frames, hop] of the same sizes; the result is float32.
        """
        noise = noise.to(decoded.dtype).expand_as(decoded)
        loudness = (levels.to(decoded.dtype) / UNITS_PER_DB - MIDDLE_DB) / SPREAD_DB
        seen = [decoded.clamp(-LARGEST, LARGEST), noise, loudness, n_stages.to(decoded.dtype) / 2]
        weight = next(self.parameters())
        answer = self.layers(torch.cat(seen, dim=2).transpose(1, 2).to(weight.dtype)).float().transpose(1, 2)
        bands = len(self.widths)
        correction, factor, log_noise = answer.split([decoded.shape[2], bands, bands], dim=2)
        base = torch.where(n_stages > 0, NOISE_BESIDE_CODES, NOISE_ALONE)
        filling = self._wide(base * torch.exp(log_noise.clamp(*LOG_FACTORS)))
        out: Tensor = decoded.float() * (1 + self._wide(factor)) + noise.float() * filling + correction
        return out

    def _wide(self, values: Tensor) -> Tensor:
        """[n, frames, bands] -> [n, frames, hop]."""
        repeats = torch.tensor(self.widths, device=values.device)
        wide: Tensor = values.repeat_interleave(repeats, dim=2, output_size=sum(self.widths))
        return wide
