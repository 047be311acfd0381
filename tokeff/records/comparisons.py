"""A Comparison: several tokenizers on the same items, each against one of them, with paired intervals.

Leaves out how it is made (`tokeff.engine.comparing`) and shown (`tokeff.reports.comparison`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tokeff.records.items import Modality
from tokeff.records.tables import Tabular

SCHEMA = "tokeff.comparison/1"

Verdict = Literal["better", "worse", "undecided"]
"""`undecided`: the interval holds no difference, or there is none to be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure by which tokenizers are compared."""

    name: str
    title: str
    kind: Literal["ratio", "difference"]
    """How two values are compared: divided, or subtracted."""
    more_is_better: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One tokenizer on the common items of its modality."""

    modality: Modality
    system: str
    """The tokenizer's name, with its run's where two runs share it."""
    run: str
    tokenizer: str
    n_items: int
    values: Mapping[str, float | None]
    """Metric name -> value. Of the common items, except `raw_megabytes_per_second`, which is of the whole run;
    `missing_bits_per_byte` of those among them that were coded, and of the whole run for texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One tokenizer against the baseline by one metric, item by item."""

    modality: Modality
    metric: str
    system: str
    baseline: str
    kind: Literal["ratio", "difference"]
    value: float
    low: float | None
    high: float | None
    confidence: float
    """Of this interval; such that all contrasts of a modality and metric hold together with 95 %."""
    n_items: int
    verdict: Verdict
    reason: str | None = None
    """Why there is no interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The best tokenizer by a metric, where its intervals against all others say so."""

    modality: Modality
    metric: str
    system: str | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Tokenizers that no other beats in bytes per token and in a second metric at once."""

    modality: Modality
    metric: str
    members: tuple[str, ...]
    beaten: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStanding:
    """Bytes per token of one tokenizer in one part of the corpus, and against the baseline there."""

    modality: Modality
    group: str
    """A folder (or a file whose lines are the items), a file ending, a language or a script."""
    system: str
    n_items: int
    bytes_per_token: float
    ratio: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(Tabular):
    """Several tokenizers side by side."""

    runs: tuple[str, ...]
    baselines: Mapping[Modality, str]
    n_common: Mapping[Modality, int]
    n_dropped: Mapping[Modality, int]
    """Items that some tokenizer of the modality has and another lacks."""
    metrics: tuple[Metric, ...]
    standings: tuple[Standing, ...]
    contrasts: tuple[Contrast, ...]
    winners: tuple[Winner, ...]
    fronts: tuple[Front, ...]
    groups: tuple[GroupStanding, ...]
    grouped_by: str = "folder"
    """What the groups are: `folder`, `ending`, `language`, or `script` where no model of languages is installed."""
    notes: tuple[str, ...] = field(default=())
    """Differences between the runs that were allowed."""

    def contrast(self, modality: Modality, metric: str, system: str) -> Contrast | None:
        """One tokenizer against the baseline; None for the baseline itself or where a value is missing."""
        wanted = (modality, metric, system)
        return next((each for each in self.contrasts if (each.modality, each.metric, each.system) == wanted), None)

    def rows(self) -> list[dict[str, Any]]:
        """One mapping per tokenizer: its values, and its bytes per token against the baseline."""
        names = [metric.name for metric in self.metrics]
        return [self._row(standing, names) for standing in self.standings]

    def _row(self, standing: Standing, names: list[str]) -> dict[str, Any]:
        found = self.contrast(standing.modality, "bytes_per_token", standing.system)
        return {
            "modality": standing.modality,
            "tokenizer": standing.system,
            "n_items": standing.n_items,
            **{name: standing.values.get(name) for name in names},
            "baseline": self.baselines[standing.modality],
            "bytes_per_token_ratio": found.value if found else 1.0,
            "low": found.low if found else None,
            "high": found.high if found else None,
            "verdict": found.verdict if found else None,
        }

    def __repr__(self) -> str:
        """Its size and its winners."""
        named = "; ".join(each.sentence for each in self.winners if each.metric == "bytes_per_token")
        return f"<Comparison of {len(self.standings)} tokenizers: {named or 'nothing to tell apart'}>"

    def to_json(self) -> dict[str, Any]:
        """Plain, strict JSON."""
        return {"schema": SCHEMA, **asdict(self)}
