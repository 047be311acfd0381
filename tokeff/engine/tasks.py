"""Tasks: what a worker is told to do with a shard. Plain data, sent as JSON to whatever process does the work.

    look      what the shard holds, without decoding                    (`look`)
    count     token counts from headers                                 (`census`)
    measure   decode, encode, reconstruct, tally                        (`measure`)

Leaves out doing it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tokeff.engine.recorder import Place
from tokeff.engine.shards import Shard
from tokeff.readers.pieces import Part
from tokeff.records.items import Modality, Stage

Kind = Literal["look", "count", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is measured of the items, and how closely. Thresholds are of lots: at most that."""

    specs: tuple[str, ...] = ()
    """Tokenizers."""
    cards: tuple[str, ...] = ()
    """Folders of cards."""
    device: str = "cpu"
    seed: int = 0
    n_lowest: int = 0
    """Of a look: how many of the lowest lots are of interest."""
    sample: Mapping[Modality, tuple[int, int]] | None = None
    """Only items whose lot is above the first and at most the second; None: all. A count takes all, but failures of
    these are left to be told by measuring."""
    coded: Mapping[Modality, int] = field(default_factory=dict)
    """Of which missing bits are measured."""
    verified: int = -1
    """Texts on which fast engines are checked."""
    paired: Mapping[Modality, float] = field(default_factory=dict)
    """Share of the items whose pairs of tokens are counted, where not all."""
    whole: bool = False
    """Whether missing bits are of whole items, not of a window."""
    reconstructs: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Terms":
        """What `to_json` gave."""
        sample = table["sample"]
        return cls(**{
            **table,
            "specs": tuple(table["specs"]),
            "cards": tuple(table["cards"]),
            "sample": None if sample is None else {m: (low, high) for m, (low, high) in sample.items()},
        })  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """An item that is not tried again, since it killed or stalled its worker."""

    piece: int
    number: int | None
    """None: the whole piece."""
    tokenizer: int | None
    """Only with this one; None: with any."""
    stage: Stage
    reason: str
    message: str
    told: bool = False
    """Whether an earlier task has it in its quarantine already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One shard and what to do with it."""

    kind: Kind
    shard: Shard
    terms: Terms
    excluded: tuple[Exclusion, ...] = ()
    span: tuple[Place, Place] | None = None
    """Only these items, each alone; what comes of it is not kept."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": self.kind,
            "number": self.shard.number,
            "part": self.shard.part.to_json(),
            "terms": self.terms.to_json(),
            "excluded": [asdict(each) for each in self.excluded],
            "span": self.span,
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Task":
        """What `to_json` gave."""
        span = table["span"]
        return cls(
            kind=table["kind"],
            shard=Shard(number=table["number"], part=Part.from_json(table["part"])),
            terms=Terms.from_json(table["terms"]),
            excluded=tuple(Exclusion(**each) for each in table["excluded"]),
            span=span and (Place(*span[0]), Place(*span[1])),
        )


class Excluded:
    """Looks up what is not to be tried."""

    def __init__(self, exclusions: Sequence[Exclusion]) -> None:
        self.pieces = {each.piece: each for each in exclusions if each.number is None}
        self.items = {Place(e.piece, e.number): e for e in exclusions if e.number is not None and e.tokenizer is None}
        self._encoding = {
            (Place(e.piece, e.number), e.tokenizer): e
            for e in exclusions
            if e.number is not None and e.tokenizer is not None
        }

    def encoding(self, place: Place, tokenizer: int) -> Exclusion | None:
        """Whether this tokenizer must not get this item."""
        return self._encoding.get((place, tokenizer)) if self._encoding else None
