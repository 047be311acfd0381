"""The weights file: safetensors whose header holds the configuration; and opening it for the family `rvq`.

Floats are float16 on disk and float32 in memory; whole numbers stay what they are. Leaves out where the file lies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tokeff.errors import ArtefactInvalid, SpecError
from tokeff.media.resampling import fit
from tokeff.records.cards import Card
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.model import RvqCodec
from tokeff.tokenizers.audio.rvq.models import Codes
from tokeff.tokenizers.model_files import ModelFiles, refuse_misfit, write_weights

KEY = "tokeff.rvq/1"
"""The key of the configuration in the file's header."""


def save_weights(path: Path, config: CodecConfig, weights: Mapping[str, Tensor]) -> None:
    """Write a codec from its state. The file appears whole or not at all."""
    half = {
        name: (tensor.detach().to("cpu", torch.float16) if tensor.is_floating_point() else tensor.cpu()).contiguous()
        for name, tensor in weights.items()
    }
    write_weights(path, half, {KEY: config.to_json()})


def load_codec(path: Path) -> RvqCodec:
    """The codec of a file, in float32, ready to encode. Raises ArtefactInvalid."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise ArtefactInvalid(f"cannot be read as safetensors: {error}", where=str(path)) from error
    if text is None:
        raise ArtefactInvalid("its header has no codec configuration", where=str(path), expected=f"the key {KEY}")
    codec = RvqCodec(CodecConfig.from_json(text, str(path)))
    state = {name: each.float() if each.is_floating_point() else each for name, each in tensors.items()}
    refuse_misfit(state, codec.state_dict(), str(path))
    codec.load_state_dict(state)
    return codec.eval()


def open_codec(files: ModelFiles, card: Card) -> "OwnCodec":
    """The codec of a card, with as many codebooks as it says. Raises ArtefactInvalid, SpecError."""
    path = files.weights()
    if path is None:
        raise ArtefactInvalid("there are no weights", where=files.where)
    network = load_codec(path)
    if "bandwidth" in card.parameters:
        got = f"bandwidth={card.parameters['bandwidth']}"
        raise SpecError("this codec has no bandwidths", where=card.name, got=got, fix="Choose n_codebooks instead.")
    n_codebooks, most = card.parameters.get("n_codebooks", network.config.n_codebooks), network.config.n_codebooks
    if type(n_codebooks) is not int or not 1 <= n_codebooks <= most:
        raise SpecError("not a number of codebooks", where=card.name, got=n_codebooks, expected=f"1 to {most}")
    return OwnCodec(network, n_codebooks)


@dataclass(frozen=True, slots=True, eq=False)
class OwnCodec:
    """tokeff's own codec at one operating point, for the family `rvq`."""

    network: RvqCodec
    n_codebooks: int
    n_channels: int = 1
    least_samples: int = 1
    own_chunks: tuple[int, int] | None = None

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples that go in."""
        return self.network.config.sample_rate_hz

    @property
    def output_rate_hz(self) -> int:
        """Of the samples that come out."""
        return self.sample_rate_hz

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """Of each stream."""
        return (self.network.config.n_codes,) * self.n_codebooks

    @property
    def hop_samples(self) -> int:
        """Samples of a position."""
        return self.network.config.position_samples

    def encode(self, samples: Tensor) -> Codes:
        """float [n, 1, length] -> codes; the last position is filled up with silence."""
        n_positions = -(-samples.shape[2] // self.hop_samples)
        whole = fit(samples[:, 0], n_positions * self.hop_samples)
        return Codes(tuple(self.network.ids(whole, self.n_codebooks).unbind(1)))

    def decode(self, codes: Codes) -> Tensor:
        """Codes -> float [n, 1, whole positions]."""
        return self.network.samples(torch.stack([each.long() for each in codes.streams], dim=1))[:, None]
