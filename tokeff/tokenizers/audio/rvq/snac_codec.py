"""SNAC (arXiv 2410.14411) by its own package: codebooks of different rates, each coarser one with half the positions.

The package pads a recording to whole windows of its network; the codes of that padding are cut off here, and stand as
repetitions of the last code when it decodes. Published weights are pickles: `allow_pickle=true` reads them, as tensors
only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from tokeff.errors import ArtefactInvalid, ExtraMissing, SpecError
from tokeff.records.cards import Card
from tokeff.tokenizers.audio.rvq.models import AudioCodec, Codes
from tokeff.tokenizers.model_files import CONFIG, ModelFiles, allowed_pickle


def open_codec(files: ModelFiles, card: Card) -> AudioCodec:
    """The codec of a directory or hub repository. Raises ArtefactMissing, ArtefactInvalid, ExtraMissing, SpecError."""
    if "bandwidth" in card.parameters:
        got = card.parameters["bandwidth"]
        raise SpecError("this model has no bandwidths", where=card.name, got=got, fix="Use n_codebooks.")
    network = _network(files.json(CONFIG), files.where)
    try:
        network.load_state_dict(_weights(files, allow_pickle=bool(card.parameters.get("allow_pickle", False))))
    except RuntimeError as error:
        raise ArtefactInvalid(f"the weights do not fit the configuration: {error}", where=files.where) from error
    n_codebooks = int(str(card.parameters.get("n_codebooks", network.n_codebooks)))
    if not 1 <= n_codebooks <= network.n_codebooks:
        expected = f"1 to {network.n_codebooks}"
        raise SpecError("not a number of its codebooks", where=card.name, got=n_codebooks, expected=expected)
    return SnacCodec(network=network.eval(), n_codebooks=n_codebooks)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SnacCodec:
    """One codec."""

    network: Any
    n_codebooks: int
    n_channels: int = 1
    least_samples: int = 1
    own_chunks: None = None

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples that go in and out."""
        return int(self.network.sampling_rate)

    output_rate_hz = sample_rate_hz

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """All of one size."""
        return (int(self.network.codebook_size),) * self.n_codebooks

    @property
    def hop_samples(self) -> int:
        """Samples of a window of the network: a chunk of whole windows is not padded."""
        return self._hop * math.lcm(self._strides[0], self.network.attn_window_size or 1)

    @property
    def _hop(self) -> int:
        return int(self.network.hop_length)

    @property
    def _strides(self) -> list[int]:
        """Of each codebook, in frames of the network."""
        return [int(stride) for stride in self.network.vq_strides]

    @torch.inference_mode()
    def encode(self, samples: Tensor) -> Codes:
        """float [n, 1, length] -> one stream per codebook, each ceil(length / its samples) long."""
        found = self.network.encode(samples)[: self.n_codebooks]
        lengths = [-(-samples.shape[-1] // (self._hop * stride)) for stride in self._strides]
        return Codes(tuple(codes[:, :length] for codes, length in zip(found, lengths, strict=False)))

    @torch.inference_mode()
    def decode(self, codes: Codes) -> Tensor:
        """float [n, 1, length of whole windows]; codebooks that are not used add nothing."""
        n_frames = max(stream.shape[1] * stride for stream, stride in zip(codes.streams, self._strides, strict=False))
        window = self.hop_samples // self._hop
        n_frames = -(-n_frames // window) * window
        total: Tensor | None = None
        for stream, stride, quantizer in zip(
            codes.streams, self._strides, self.network.quantizer.quantizers, strict=False
        ):
            missing = n_frames // stride - stream.shape[1]
            whole = torch.cat([stream, stream[:, -1:].expand(-1, missing)], dim=1)
            part = quantizer.out_proj(quantizer.decode_code(whole)).repeat_interleave(stride, dim=-1)
            total = part if total is None else total + part
        with torch.random.fork_rng(devices=[total.device] if total is not None and total.is_cuda else []):
            torch.manual_seed(0)  # its decoder adds noise
            out: Tensor = self.network.decoder(total)
        return out


def _network(table: Mapping[str, Any], where: str) -> Any:
    try:
        snac = import_module("snac")
    except ImportError as error:
        raise ExtraMissing.of("snac", "snac", where=where) from error
    try:
        return snac.SNAC(**{key: value for key, value in table.items() if key != "model_type"})
    except Exception as error:  # whatever the network's layers raise for impossible numbers
        raise ArtefactInvalid(f"config.json does not describe a SNAC: {error}", where=where) from error


def _weights(files: ModelFiles, *, allow_pickle: bool) -> dict[str, Tensor]:
    path = files.weights()
    try:
        if path is not None:
            return load_file(path)
        path = allowed_pickle(files, allow_pickle=allow_pickle)
        found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except ArtefactInvalid:
        raise
    except Exception as error:  # damaged files make the readers raise whatever they make them raise
        raise ArtefactInvalid(f"cannot be read as weights: {error}", where=str(path)) from error
    return found
