"""What the tokenizer asks of a codec. Leaves out long recordings, and rates and channels of files (`tokenizer`)."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """What a codec makes of n chunks of equal length."""

    streams: tuple[Tensor, ...]
    """Of each codebook, coarsest first: integers [n, positions]. Codebooks may differ in positions (SNAC)."""
    scales: Tensor | None = None
    """float [n, 1]: the loudness that a codec takes off a chunk before coding. Not counted as tokens."""


class AudioCodec(Protocol):
    """A model from samples to codes."""

    @property
    def network(self) -> Any:
        """The torch module: what is moved to a device, and what is compiled."""
        ...

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples that go in."""
        ...

    @property
    def n_channels(self) -> int:
        """Of the samples that go in: 1 or 2."""
        ...

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """Number of ids of each stream that `encode` gives, coarsest first."""
        ...

    @property
    def hop_samples(self) -> int:
        """Samples of a position of the coarsest stream: chunks that are cut here are whole multiples of it."""
        ...

    @property
    def least_samples(self) -> int:
        """The shortest chunk that it can encode, and decode again."""
        ...

    @property
    def own_chunks(self) -> tuple[int, int] | None:
        """Length and stride of the chunks that the model prescribes, in samples; None where it takes any length."""
        ...

    def encode(self, samples: Tensor) -> Codes:
        """float [n, n_channels, length], length at least `least_samples` -> codes, padding of the model cut off."""
        ...


@runtime_checkable
class AudioDecoder(AudioCodec, Protocol):
    """A codec that also knows the way back."""

    @property
    def output_rate_hz(self) -> int:
        """Of the samples that come out."""
        ...

    def decode(self, codes: Codes) -> Tensor:
        """Codes of n chunks of equal length -> float [n, n_channels, about the length that went in]."""
        ...
