"""Conducting a run: phases of tasks over all shards, done where their results are not in the ledger yet.

The course of a run follows from its options and its ledger alone, so that whoever has the ledger finds it again
(`validate`). Leaves out who does the tasks (`executors`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tokeff.engine.executors.protocol import Executor
from tokeff.engine.ledger import Ledger
from tokeff.engine.lots import HIGHEST
from tokeff.engine.observer import Observer
from tokeff.engine.options import Options
from tokeff.engine.results import Result
from tokeff.engine.shards import Shard
from tokeff.engine.subsample import Subsample
from tokeff.engine.sums import Sums
from tokeff.engine.survey import N_CODED, N_VERIFIED, Survey, look_terms, sampled, share, survey
from tokeff.engine.tasks import Kind, Task, Terms
from tokeff.records.cards import Card
from tokeff.records.items import Modality

PAIRED_BYTES: dict[Modality, int] = {"text": 2**26}
"""Stored bytes of which pairs of tokens are counted. Only vocabularies of text make tables that outgrow memory."""
WORDS: dict[Kind, str] = {"look": "Looking at the corpus", "count": "Counting from headers", "measure": "Measuring"}
Ranges = Mapping[Modality, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One kind of task on the same terms, over all shards that hold what it is about."""

    kind: Kind
    terms: Terms


class Conductor:
    """Goes through the phases of one run. Without workers nothing is done: what is missing is then an error."""

    def __init__(self, ledger: Ledger, options: Options, workers: Executor | None, observer: Observer) -> None:
        self.ledger, self.options = ledger, options
        self._workers, self._observer = workers, observer
        self._look = Phase(kind="look", terms=look_terms(options))
        self.phases = [self._look]
        self._modalities: set[Modality] = set()

    def survey(self) -> Survey:
        """Look at every shard. Raises NotFound where there is nothing to measure."""
        self._do(self._look, None)
        return survey(self.ledger, self.options)

    def measure(self, found: Survey, cards: Sequence[Card], device: str) -> None:
        """Everything that is asked for."""
        options = self.options
        self._modalities = {card.modality for card in cards}
        terms = self._terms(found, cards, device)
        sample: Ranges | None = sampled(found, options)
        if options.precision is not None:
            sample = self._until_precise(found, cards, terms)
        elif not options.count_only:
            self._add(Phase(kind="measure", terms=replace(terms, sample=sample)), found)
        if options.count_only or sample is not None:
            self._add(Phase(kind="count", terms=replace(terms, sample=sample)), found)

    def results(self, shard: Shard) -> Iterator[tuple[Phase, Result]]:
        """What all phases have of a shard."""
        for phase in self.phases:
            if self._concerns(phase, shard):
                yield phase, self.ledger.result(self._path(phase, shard))

    def sums(self, kind: Kind, names: Mapping[str, int]) -> Sums:
        """Everything of one kind so far."""
        total = Sums()
        for shard in self.ledger.shards():
            for phase in self.phases:
                if phase.kind == kind and self._concerns(phase, shard):
                    total.add(self.ledger.result(self._path(phase, shard)), names)
        return total

    def _until_precise(self, found: Survey, cards: Sequence[Card], terms: Terms) -> Ranges:
        """Draw more and more items, until every ratio is known well enough; the lots of all that were drawn."""
        from tokeff.engine.precision import FIRST_ITEMS, next_sample

        modalities = [modality for modality in found.modalities if any(card.modality == modality for card in cards)]
        drawn = {modality: (-1, share(found, modality, FIRST_ITEMS)) for modality in modalities}
        new: Ranges = drawn
        while new:
            self._add(Phase(kind="measure", terms=replace(terms, sample=new)), found)
            sums = self.sums("measure", {card.name: number for number, card in enumerate(cards)})
            new = next_sample(found, cards, sums, drawn, self.options)
            drawn = {**drawn, **{modality: (-1, high) for modality, (_, high) in new.items()}}
        return drawn

    def _terms(self, found: Survey, cards: Sequence[Card], device: str) -> Terms:
        options = self.options
        verified = found.thresholds(N_VERIFIED).get("text", -1)
        paired = Subsample.of_budget(found.population, PAIRED_BYTES, seed=options.seed, purpose="pairs")
        whole = options.reconstruction == "full"
        return Terms(
            specs=tuple(card.name for card in cards),
            cards=tuple(str(folder.absolute()) for folder in options.cards),
            device=device,
            seed=options.seed,
            coded=dict.fromkeys(found.population, HIGHEST) if whole else found.thresholds(N_CODED),
            verified=verified,
            paired=paired.shares,
            whole=whole,
            reconstructs=options.reconstruction != "off",
        )

    def _add(self, phase: Phase, found: Survey) -> None:
        self.phases.append(phase)
        self._do(phase, found)

    def _do(self, phase: Phase, found: Survey | None) -> None:
        if self._workers is None:
            return
        whole = phase.terms.sample is None or phase.kind == "count"
        total = self.ledger.total_bytes if found is None else found.stored_bytes(self._modalities) if whole else None
        self._observer.stage(WORDS[phase.kind], total_bytes=total)
        for task, data in self._workers.run(self._missing(phase, found), self._observer):
            self.ledger.keep(self._path(phase, task.shard), data)

    def _missing(self, phase: Phase, found: Survey | None) -> Iterator[Task]:
        for shard in self.ledger.shards():
            if not self._concerns(phase, shard):
                continue
            if self._path(phase, shard).exists():
                self._observer.advance(stored_bytes=shard.part.stored_bytes, n_items=0, n_errors=0)
                continue
            lost = found.lost_pieces.get(shard.number, ()) if found else ()
            yield Task(kind=phase.kind, shard=shard, terms=phase.terms, excluded=lost)

    def _concerns(self, phase: Phase, shard: Shard) -> bool:
        """Whether the shard may hold items that the phase is about; of a small sample most shards hold none."""
        sample = phase.terms.sample
        if sample is None or phase.kind != "measure":
            return True
        look = self.ledger.result(self._path(self._look, shard))
        for modality, (low, high) in sample.items():
            lots = look.arrays.get(f"lots.{modality}")
            if lots is None:
                continue
            n_items = look.facts["population"][modality]["n_items"]
            if len(lots) < n_items and high >= int(lots[-1]):
                return True
            if any(low < int(lot) <= high for lot in lots):
                return True
        return False

    def _path(self, phase: Phase, shard: Shard) -> Path:
        return self.ledger.path(phase.kind, shard, phase.terms.to_json())
