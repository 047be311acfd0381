"""A score: how reconstructions that were made elsewhere differ from their originals, by modality."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokeff.records.items import Failure, Modality
from tokeff.records.measurements import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Figures of the pairs of one modality, named as in a Measurement."""

    modality: Modality
    n_items: int
    n_errors: int
    raw_bytes: int
    distortion: Figures
    reconstruction: Figures
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSheet:
    """All modalities of two folders, and the pairs that could not be scored."""

    scores: tuple[Score, ...]
    failures: tuple[Failure, ...]
