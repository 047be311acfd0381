"""A Measurement: what one tokenizer does to one set of items of one modality. Ratios, entropies, intervals.

A quantity that does not exist is None and its reason stands in `absent`; it is never 0, NaN or a default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokeff.records.items import Modality

Figures = Mapping[str, Any]
"""Named figures: float, int, str, None, or nested mappings and lists of them. Strict JSON."""
MIDDLE_SCALE = 4
"""Full depth at a quarter of the size: the fidelity that a table shows. At full size most bits of a photo are noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval; `low` and `high` are None where no interval can be given."""

    value: float
    low: float | None
    high: float | None
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Names inside the figures: see the documentation of each measure."""

    modality: Modality
    tokenizer: str
    family: str
    card_sha256: str
    device: str
    dtype: str
    n_items: int
    """Items behind the counts below."""
    n_errors: int
    stored_bytes: int
    raw_bytes: int
    n_tokens: int
    n_positions: int
    vocab_size: int | None
    codebook_sizes: tuple[int, ...]
    coverage: str
    """`census`: every item was measured; `sample`: a random sample; counts may still be a census, see `counted`."""
    counted: str
    """`encoded`: counts of real encodings; `header`: counts that follow from headers, over the whole corpus."""
    bytes_per_token: Estimate
    stored_bytes_per_token: Estimate
    tokens_per_byte: float
    rate_bits_per_byte: float | None
    entropy: Figures = field(default_factory=dict)
    density: Figures = field(default_factory=dict)
    """Tokens and bits per item, pixel, frame and second."""
    text: Figures = field(default_factory=dict)
    reconstruction: Figures = field(default_factory=dict)
    distortion: Figures = field(default_factory=dict)
    throughput: Figures = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    """Dotted name of a figure, as in measurements.json, -> why it is not there."""
    n_measured: int | None = None
    """Items behind entropy and distortion, where these are a sample and the counts are of all; None: the same items."""

    @property
    def rate_bits_per_token(self) -> float | None:
        """What an id costs in the best code that the sample supports; None where the rate is absent."""
        return None if self.rate_bits_per_byte is None else self.rate_bits_per_byte / self.tokens_per_byte
