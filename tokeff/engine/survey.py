"""The survey: the looks at all shards taken together. What is there, what will be measured, what cannot be.

Memory: the lowest lots, not the corpus.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from tokeff.engine.ledger import Ledger
from tokeff.engine.lots import HIGHEST, Lowest
from tokeff.engine.options import Options
from tokeff.engine.sums import failures_of
from tokeff.engine.tasks import Exclusion, Terms
from tokeff.errors import NotFound
from tokeff.readers.sampling import Fingerprint
from tokeff.records.items import MODALITIES, Failure, Modality
from tokeff.records.runs import Population

N_VERIFIED = 16
"""Texts on which a fast engine is compared with its reference in every run."""
N_CODED = 10
"""Items of each modality of which missing bits are measured by default: enough for an interval, soon done."""
N_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a look at every shard found."""

    population: dict[Modality, Population]
    n_failures: int
    fingerprint: str
    lowest: Mapping[Modality, Lowest]
    lost_pieces: Mapping[int, tuple[Exclusion, ...]]
    """Shard number -> pieces of it that killed or stalled whoever looked at them."""
    notes: tuple[str, ...]
    """What was guessed about how to read the corpus."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that the corpus holds, in the usual order."""
        return tuple(modality for modality in MODALITIES if modality in self.population)

    def stored_bytes(self, modalities: Collection[Modality]) -> int:
        """Bytes of these modalities as they lie in the corpus."""
        return sum(held.stored_bytes for modality, held in self.population.items() if modality in modalities)

    def thresholds(self, n: int) -> dict[Modality, int]:
        """Lots that choose n items of each modality."""
        return {modality: lots.threshold(n) for modality, lots in self.lowest.items()}


def look_terms(options: Options) -> Terms:
    """How shards are looked at."""
    return Terms(seed=options.seed, n_lowest=max(N_VERIFIED, N_CODED, options.sample or 0))


def survey(ledger: Ledger, options: Options) -> Survey:
    """The looks put together. Raises NotFound where the corpus holds nothing that could be measured."""
    terms, fingerprint = look_terms(options), Fingerprint()
    n_items: dict[Modality, int] = {}
    stored_bytes: dict[Modality, int] = {}
    lowest: dict[Modality, Lowest] = {}
    examples: list[Failure] = []
    lost: dict[int, tuple[Exclusion, ...]] = {}
    notes: dict[str, None] = {}
    n_failures = 0
    for shard in ledger.shards():
        result = ledger.result(ledger.path("look", shard, terms.to_json()))
        failures = failures_of(result)
        n_failures += len(failures)
        examples += failures[: N_SHOWN - len(examples)]
        fingerprint.merge(result.facts["fingerprint"])
        for modality, held in result.facts["population"].items():
            n_items[modality] = n_items.get(modality, 0) + held["n_items"]
            stored_bytes[modality] = stored_bytes.get(modality, 0) + held["stored_bytes"]
            lots = lowest.setdefault(modality, Lowest(terms.n_lowest))
            lots.update(map(int, result.arrays[f"lots.{modality}"]))
        if result.facts["lost_pieces"]:
            lost[shard.number] = tuple(Exclusion(**{**each, "told": True}) for each in result.facts["lost_pieces"])
        notes |= dict.fromkeys(shard.part.notes)
    _refuse_empty(options, n_items, examples)
    return Survey(
        population={
            m: Population(n_items=n_items[m], stored_bytes=stored_bytes[m]) for m in MODALITIES if m in n_items
        },
        n_failures=n_failures,
        fingerprint=fingerprint.digest(),
        lowest=lowest,
        lost_pieces=lost,
        notes=tuple(notes),
    )


def sampled(found: Survey, options: Options) -> dict[Modality, tuple[int, int]] | None:
    """The lots of `--sample`; None where everything is measured."""
    if options.sample is None:
        return None
    return {modality: (-1, high) for modality, high in found.thresholds(options.sample).items()}


def share(found: Survey, modality: Modality, n_items: int) -> int:
    """A lot that chooses about n of the items of a modality, or all of them."""
    population = found.population[modality].n_items
    return HIGHEST if n_items >= population else HIGHEST * n_items // population


def _refuse_empty(options: Options, n_items: Mapping[Modality, int], examples: Iterable[Failure]) -> None:
    if n_items:
        return
    reasons = "; ".join(f"{failure.key}: {failure.message}" for failure in islice(examples, N_SHOWN))
    raise NotFound(
        "the corpus holds nothing that can be measured",
        where=", ".join(options.paths),
        got=reasons or "no files",
        expected=f"{options.modality or 'text, image, audio or video'} files",
    )
