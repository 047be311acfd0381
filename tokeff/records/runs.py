"""A profile: what one run over a corpus found, as the command line prints it and Python gets it.

Leaves out how it is written (`tokeff.engine.directory`) and shown (`tokeff.reports`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokeff.records.items import Failure, Modality
from tokeff.records.measurements import Measurement


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
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
