"""The codec: samples -> coefficients -> levels and residual codes -> coefficients -> mended -> samples.

Streams are nested: the first of them are the levels of bands, the others what is in the loudest bands (`sharing`).
Ids are computed in float64 and whole numbers, so that they do not depend on the batch.
Leaves out its weights file (`artefact`), fitting the codebooks (`fitting`) and training the network (`training`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tokeff.tokenizers.audio.codec.config import FRAMES_PER_POSITION, CodecConfig
from tokeff.tokenizers.audio.codec.levels import decode_levels, encode_levels, levels_of, scales_of
from tokeff.tokenizers.audio.codec.network import Mender
from tokeff.tokenizers.audio.codec.search import decode_residual, encode_residual
from tokeff.tokenizers.audio.codec.sharing import NEVER, places
from tokeff.tokenizers.audio.codec.transform import analyse, synthesise


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """What codes say of n recordings, before the network."""

    coefficients: Tensor
    """float [n, frames, hop], in sizes of their bands."""
    levels: Tensor
    """int64 [n, frames, bands]."""
    n_stages: Tensor
    """int64 [n, frames, bands]: codes that each band got."""


class RvqCodec(nn.Module):
    """Samples in [-1, 1] to ids and back."""

    level_codebooks: Tensor
    gains: Tensor
    noise: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        n_bands, stages = len(config.widths), max(config.stages)
        values = FRAMES_PER_POSITION * n_bands
        of_levels = torch.zeros(config.level_stages, config.n_codes, values, dtype=torch.int16)
        self.register_buffer("level_codebooks", of_levels)
        self.register_buffer("gains", torch.full((n_bands, stages), NEVER, dtype=torch.int32))
        self.register_buffer("noise", torch.zeros(config.block_positions * FRAMES_PER_POSITION, config.hop))
        for band, (width, n) in enumerate(config.bands):
            self.register_buffer(f"band_{band}", torch.zeros(n, config.n_codes, width))
        self.decoder = Mender(config)

    @property
    def n_parameters(self) -> int:
        """Numbers that were fitted: of codebooks and network."""
        return sum(each.numel() for each in (*self.parameters(), *self.buffers())) - self.noise.numel()

    def codebook(self, band: int) -> Tensor:
        """float [stages, codes, width]."""
        return self.get_buffer(f"band_{band}")

    @torch.inference_mode()
    def ids(self, samples: Tensor, n_codebooks: int) -> Tensor:
        """[n, positions * position_samples] -> int64 [n, n_codebooks, positions]."""
        config = self.config
        coefficients = analyse(samples.double(), config.hop)
        level_ids = self.level_ids(coefficients, n_codebooks)
        levels = self.levels(level_ids)
        n_streams = n_codebooks - level_ids.shape[1]
        if n_streams == 0:
            return level_ids
        found = places(levels, self.gains, n_streams, config.block_positions)
        n_stages = self.stages_at(found, levels.shape[1])
        ids = self._encode(coefficients / scales_of(levels.double(), config.widths), n_stages)
        picked = ids.flatten(1).gather(1, found.flatten(1)).view_as(found)
        return torch.cat([level_ids, picked], dim=1)

    @torch.inference_mode()
    def samples(self, ids: Tensor) -> Tensor:
        """int64 [n, n_codebooks, positions] -> float32 [n, positions * position_samples]."""
        return self.rebuild(self.frames(ids))

    def rebuild(self, frames: Frames) -> Tensor:
        """Through the network to samples; differentiable in its weights."""
        n_frames = frames.levels.shape[1]
        noise = self.noise.repeat(-(-n_frames // len(self.noise)), 1)[:n_frames]
        mended = self.decoder(frames.coefficients, noise, frames.levels, frames.n_stages)
        return synthesise(mended * scales_of(frames.levels.float(), self.config.widths))

    def frames(self, ids: Tensor) -> Frames:
        """What `ids` say."""
        level_ids, streams = ids[:, : self.config.level_stages], ids[:, self.config.level_stages :]
        levels = self.levels(level_ids)
        n, n_frames, n_bands = levels.shape
        found = places(levels, self.gains, streams.shape[1], self.config.block_positions)
        n_stages = self.stages_at(found, n_frames)
        flat = ids.new_zeros(n, n_frames * n_bands * self.gains.shape[1])
        spread = flat.scatter(1, found.flatten(1), streams.flatten(1)).view(n, n_frames, n_bands, -1)
        return Frames(self.decode(spread, n_stages), levels, n_stages)

    def level_ids(self, coefficients: Tensor, n_codebooks: int) -> Tensor:
        """[n, frames, hop] -> int64 [n, level streams, positions], at most `n_codebooks` streams."""
        levels = levels_of(coefficients, self.config.widths)
        n, n_positions = len(levels), levels.shape[1] // FRAMES_PER_POSITION
        ids = encode_levels(levels.reshape(n * n_positions, -1), self.level_codebooks[:n_codebooks])
        return ids.view(n, n_positions, -1).transpose(1, 2)

    def levels(self, level_ids: Tensor) -> Tensor:
        """int64 [n, level streams, positions] -> decoded levels, int64 [n, frames, bands]."""
        decoded = decode_levels(level_ids.transpose(1, 2).flatten(0, 1), self.level_codebooks)
        return decoded.view(len(level_ids), -1, len(self.config.widths))

    def stages_at(self, found: Tensor, n_frames: int) -> Tensor:
        """How many of the places [n, streams, positions] are of each band: int64 [n, frames, bands].

        The stages of a band follow each other in the order of places, so that their number says which they are.
        """
        n_bands, stages = self.gains.shape
        ones = torch.zeros(len(found), n_frames * n_bands * stages, dtype=torch.long, device=found.device)
        ones.scatter_(1, found.flatten(1), 1)
        return ones.view(len(found), n_frames, n_bands, stages).sum(3)

    def _encode(self, values: Tensor, n_stages: Tensor) -> Tensor:
        """[n, frames, hop] in sizes of bands -> ids [n, frames, bands, stages]."""
        n, n_frames, n_bands = n_stages.shape
        ids = n_stages.new_zeros(n, n_frames, n_bands, self.gains.shape[1])
        for band, part in enumerate(values.split_with_sizes(self.config.widths, dim=2)):
            book = self.codebook(band).to(values.dtype)
            each = encode_residual(part.flatten(0, 1), book, n_stages[:, :, band].flatten())
            ids[:, :, band, : len(book)] = each.view(n, n_frames, -1)
        return ids

    def decode(self, ids: Tensor, n_stages: Tensor) -> Tensor:
        """ids [n, frames, bands, stages] -> [n, frames, hop] in sizes of bands."""
        n, n_frames, _ = n_stages.shape
        parts = []
        for band, (_, stages) in enumerate(self.config.bands):
            rows = ids[:, :, band, :stages].flatten(0, 1)
            part = decode_residual(rows, self.codebook(band).float(), n_stages[:, :, band].flatten())
            parts.append(part.view(n, n_frames, -1))
        return torch.cat(parts, dim=2)

    def quantise(self, coefficients: Tensor, n_codebooks: Tensor) -> Frames:
        """What a decoder would see of [n, frames, hop] with so many streams of each of the n: for training."""
        most, of_levels = int(n_codebooks.max()), self.config.level_stages
        level_ids = self.level_ids(coefficients, most)
        numbers = [int(each) for each in n_codebooks]
        levels = torch.cat([self.levels(ids[None, :k]) for ids, k in zip(level_ids, numbers, strict=True)])
        found = places(levels, self.gains, max(0, most - of_levels), self.config.block_positions)
        kept = [each[None, : max(0, k - of_levels)] for each, k in zip(found, numbers, strict=True)]
        n_stages = torch.cat([self.stages_at(each, levels.shape[1]) for each in kept])
        ids = self._encode(coefficients / scales_of(levels.to(coefficients.dtype), self.config.widths), n_stages)
        return Frames(self.decode(ids, n_stages), levels, n_stages)
