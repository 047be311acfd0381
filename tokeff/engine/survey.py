"""The survey: one pass over the corpus without decoding. What is there, what will be measured, what cannot be.

It draws the random sample and the few texts on which fast engines are checked. Memory: the sample, not the corpus.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tokeff.engine.observer import Observer
from tokeff.engine.options import Options
from tokeff.errors import NotFound
from tokeff.readers.corpus import find
from tokeff.readers.sampling import Fingerprint, Sample
from tokeff.records.items import MODALITIES, Failure, Item, Modality
from tokeff.records.runs import Population

N_VERIFIED = 16
"""Texts on which a fast engine is compared with its reference in every run."""
N_CODED = 10
"""Items of each modality of which missing bits are measured by default: enough for an interval, soon done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a pass over the corpus found."""

    population: dict[Modality, Population]
    failures: tuple[Failure, ...]
    fingerprint: str
    sampled: tuple[Item, ...] | None
    """The items to measure, where a sample was asked for."""
    verified: tuple[Item, ...]
    coded: frozenset[str]
    """Keys of the items of which missing bits are measured, unless they are of all or none."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that the corpus holds, in the usual order."""
        return tuple(modality for modality in MODALITIES if modality in self.population)

    def stored_bytes(self, modalities: Collection[Modality]) -> int:
        """Bytes of these modalities as they lie in the corpus."""
        return sum(held.stored_bytes for modality, held in self.population.items() if modality in modalities)


def items_of(options: Options) -> Iterator[Item | Failure]:
    """Everything that the paths hold, lazily."""
    return find(options.paths, modality=options.modality, unit=options.unit)


def survey(options: Options, observer: Observer) -> Survey:
    """One pass over the corpus. Raises NotFound where it holds nothing that could be measured."""
    observer.stage("Looking at the corpus")
    fingerprint = Fingerprint()
    sample = Sample(options.sample, options.seed) if options.sample else None
    verified, coded = Sample(N_VERIFIED, options.seed), Sample(N_CODED, options.seed)
    n_items: dict[Modality, int] = {}
    stored_bytes: dict[Modality, int] = {}
    failures: list[Failure] = []
    for found in items_of(options):
        if isinstance(found, Failure):
            failures.append(found)
            observer.advance(stored_bytes=0, n_items=0, n_errors=1)
            continue
        n_items[found.modality] = n_items.get(found.modality, 0) + 1
        stored_bytes[found.modality] = stored_bytes.get(found.modality, 0) + found.stored_bytes
        fingerprint.add(found)
        if found.modality == "text":
            verified.add(found)
        coded.add(found)
        if sample is not None:
            sample.add(found)
        observer.advance(stored_bytes=found.stored_bytes, n_items=1, n_errors=0)
    _refuse_empty(options, n_items, failures)
    return Survey(
        population={
            m: Population(n_items=n_items[m], stored_bytes=stored_bytes[m]) for m in MODALITIES if m in n_items
        },
        failures=tuple(failures),
        fingerprint=fingerprint.digest(),
        sampled=tuple(sample.items()) if sample else None,
        verified=tuple(verified.items()),
        coded=frozenset(item.key for item in coded.items()),
    )


def _refuse_empty(options: Options, n_items: dict[Modality, int], failures: Iterable[Failure]) -> None:
    if n_items:
        return
    reasons = "; ".join(f"{failure.key}: {failure.message}" for failure in islice(failures, 3))
    raise NotFound(
        "the corpus holds nothing that can be measured",
        where=", ".join(options.paths),
        got=reasons or "no files",
        expected=f"{options.modality or 'text, image, audio or video'} files",
    )
