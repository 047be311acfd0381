"""A profile: what one run over a corpus found, as the command line prints it and Python gets it.

Leaves out how it is written (`tokeff.engine.directory`) and shown (`tokeff.reports`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokeff.records.items import Failure, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.tables import Tabular


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """How much of one modality the corpus holds."""

    n_items: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a reader must know before believing a figure."""

    code: str
    sentence: str
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Profile(Tabular):
    """The result of a run. `n_in == n_ok + n_err`, over items, whatever happened."""

    measurements: tuple[Measurement, ...]
    population: Mapping[Modality, Population]
    failures: Mapping[str, int]
    """Reason -> number of items."""
    examples: tuple[Failure, ...]
    """The first few failures, to show."""
    alerts: tuple[Alert, ...] = ()
    n_in: int
    n_ok: int
    n_err: int
    n_ignored: int
    """Items of modalities that no tokenizer was asked for."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """What `run.json` holds: arguments, versions, cards, device, timings."""

    @property
    def error_rate(self) -> float:
        """Quarantined items as a share of all; 0 for an empty corpus."""
        return self.n_err / self.n_in if self.n_in else 0.0

    def rows(self) -> list[dict[str, Any]]:
        """One mapping per tokenizer, with the figures that people compare first."""
        return [_row(each) for each in self.measurements]

    def __repr__(self) -> str:
        """Its size and its ratios; `rows` and `measurements` have everything."""
        ratios = ", ".join(f"{each.tokenizer} {each.bytes_per_token.value:.4g}" for each in self.measurements)
        return f"<Profile of {self.n_ok} of {self.n_in} items; bytes per token: {ratios or 'none'}>"


def _row(each: Measurement) -> dict[str, Any]:
    return {
        "modality": each.modality,
        "tokenizer": each.tokenizer,
        "n_items": each.n_items,
        "n_errors": each.n_errors,
        "stored_bytes": each.stored_bytes,
        "raw_bytes": each.raw_bytes,
        "n_tokens": each.n_tokens,
        "bytes_per_token": each.bytes_per_token.value,
        "low": each.bytes_per_token.low,
        "high": each.bytes_per_token.high,
        "stored_bytes_per_token": each.stored_bytes_per_token.value,
        "bits_per_token": each.rate_bits_per_token,
        "rate_bits_per_byte": each.rate_bits_per_byte,
        "missing_bits_per_byte": each.reconstruction.get("entropy_bits_per_byte"),
    }
