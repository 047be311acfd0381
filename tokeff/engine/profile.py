"""Profile: a corpus through its tokenizers, once, in one process.

Survey, open the tokenizers, check fast engines, stream the items through, finish. Leaves out printing.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from tokeff.engine.bench import Instrument
from tokeff.engine.census import Census, take_census
from tokeff.engine.device import resolve_device
from tokeff.engine.directory import RunDirectory, refuse_occupied
from tokeff.engine.environment import library_versions, machine
from tokeff.engine.observer import Observer, Silent
from tokeff.engine.options import DEFAULT_TOKENIZERS, Options
from tokeff.engine.stream import decoded_batches
from tokeff.engine.subsample import Everything, Subsample
from tokeff.engine.survey import Survey, items_of, survey
from tokeff.engine.totals import Totals
from tokeff.errors import TokeffError
from tokeff.measures.gates import alerts
from tokeff.measures.measurement import measurement
from tokeff.measures.reconstruction import SourceBits
from tokeff.measures.saved import to_json
from tokeff.records.cards import Card
from tokeff.records.items import Failure, Item, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Alert, Profile
from tokeff.records.tallies import Tally
from tokeff.tokenizers.protocols import ComputesIn, CountsFromHeader, HasCodebook, Reconstructs
from tokeff.tokenizers.registry import Registry

DTYPE = "float32"
REBUILT = ("reconstruction", "distortion")
"""Figures that need a decoder."""
PAIRED_BYTES: dict[Modality, int] = {"text": 2**26}
"""Stored bytes of which pairs of tokens are counted. Only vocabularies of text make tables that outgrow memory."""


def profile(options: Options, *, out: Path | None = None, observer: Observer | None = None) -> Profile:
    """Measure a corpus. Raises TokeffError for what a person must decide; bad items are quarantined."""
    observer = observer or Silent()
    start = perf_counter()
    registry = Registry.load(options.cards)
    chosen = [registry.card(spec) for spec in options.tokenizers]
    device = resolve_device(options.device)
    if out:
        refuse_occupied(out)
    found = survey(options, observer)
    cards = chosen or [registry.card(DEFAULT_TOKENIZERS[modality]) for modality in found.modalities]
    _refuse_unmatched(cards, found)
    observer.stage("Opening " + ", ".join(card.name for card in cards))
    paired = Subsample.of_budget(found.population, PAIRED_BYTES, seed=options.seed, purpose="pairs")
    bench = [
        Instrument(
            card=card,
            tokenizer=registry.open(card.name, device=device),
            device=device,
            paired=paired,
            coded=Everything() if options.reconstruction == "full" else found.coded,
            reconstructs=options.reconstruction != "off",
        )
        for card in cards
    ]
    with ExitStack() as stack:
        directory = stack.enter_context(RunDirectory.create(out)) if out else None
        run = _Run(options=options, bench=bench, survey=found, directory=directory, observer=observer)
        result = run.result(registry, device, start)
        if directory:
            directory.finish([to_json(each) for each in result.measurements], result.run)
    return result


def _refuse_unmatched(cards: Iterable[Card], found: Survey) -> None:
    for card in cards:
        if card.modality not in found.population:
            raise TokeffError(
                f"the corpus holds no {card.modality} for this tokenizer",
                where=f"-t {card.name}",
                got=", ".join(f"{held.n_items} {m}" for m, held in found.population.items()),
            )


class _Run:
    """The state of one run: what is open and what has been added up."""

    def __init__(
        self,
        *,
        options: Options,
        bench: list[Instrument],
        survey: Survey,
        directory: RunDirectory | None,
        observer: Observer,
    ) -> None:
        self.options, self.bench, self.survey = options, bench, survey
        self.directory, self.observer = directory, observer
        self.modalities: tuple[Modality, ...] = tuple(
            m for m in survey.modalities if any(instrument.card.modality == m for instrument in bench)
        )
        self.totals = Totals(directory)
        self.decoding: dict[Modality, tuple[float, int]] = {}
        self.totals.lose(survey.failures)

    def result(self, registry: Registry, device: str, start: float) -> Profile:
        """Measure everything and sum it up."""
        verified = {} if self.options.count_only else self._verify()
        census = self._census()
        if not self.options.count_only:
            self._measure()
        finished = [(each, census.get(each.card.name)) for each in self.bench]
        empty = [each.card.name for each, count in finished if not self._tally(each, count).n_items]
        measurements = tuple(self._finish(each, count) for each, count in finished if each.card.name not in empty)
        totals = self.totals
        profile = Profile(
            measurements=measurements,
            population=self.survey.population,
            failures=dict(totals.reasons),
            examples=tuple(totals.examples),
            alerts=tuple(self._alerts(measurements, empty)),
            n_in=totals.n_in,
            n_ok=totals.n_ok,
            n_err=totals.n_err,
            n_ignored=sum(held.n_items for m, held in self.survey.population.items() if m not in self.modalities),
        )
        seconds = perf_counter() - start
        return replace(profile, run=self._record(profile, registry, device, verified, seconds))

    def _items(self, modalities: Collection[Modality]) -> Iterator[Item]:
        return (found for found in items_of(self.options) if isinstance(found, Item) and found.modality in modalities)

    def _verify(self) -> dict[str, Any]:
        batches = decoded_batches(self.survey.verified)
        texts = [signal for batch in batches for signal in batch.signals]
        checks = {i.card.name: i.verify(texts) for i in self.bench if i.card.modality == "text"}
        return {name: check for name, check in checks.items() if check}

    def _census(self) -> dict[str, Census]:
        """Counts over the whole corpus from headers, where they were asked for or stand beside a sample."""
        if self.survey.sampled is None and not self.options.count_only:
            return {}
        counters = [(i.card, i.tokenizer) for i in self.bench if isinstance(i.tokenizer, CountsFromHeader)]
        if self.options.count_only and len(counters) < len(self.bench):
            without = ", ".join(i.card.name for i in self.bench if not isinstance(i.tokenizer, CountsFromHeader))
            raise TokeffError(
                "these tokenizers must read the content to count",
                where="--count-only",
                got=without,
                fix="Name tokenizers that count from headers with -t (patch, frames, mel-frames, mulaw, bytes).",
            )
        modalities = {card.modality for card, _ in counters}
        self.observer.stage("Counting from headers", total_bytes=self.survey.stored_bytes(modalities))
        later = None if self.options.count_only else {item.key for item in self.survey.sampled or ()}
        return take_census(self._items(modalities), counters, self.totals, self.observer, later=later)

    def _measure(self) -> None:
        items: Iterable[Item]
        if self.survey.sampled is None:
            items, total = self._items(self.modalities), self.survey.stored_bytes(self.modalities)
        else:
            items = [item for item in self.survey.sampled if item.modality in self.modalities]
            total = sum(item.stored_bytes for item in items)
        self.observer.stage("Measuring", total_bytes=total)
        for batch in decoded_batches(items):
            seconds, raw_bytes = self.decoding.get(batch.modality, (0.0, 0))
            self.decoding[batch.modality] = seconds + batch.seconds, raw_bytes + batch.raw_bytes
            failures: list[Failure] = list(batch.failures)
            sources = SourceBits(device=self.bench[0].device, whole=self.options.reconstruction == "full")
            for instrument in self.bench:
                if instrument.card.modality == batch.modality:
                    tally, failed = instrument.measure(batch, sources)
                    failures += failed
                    if self.directory:
                        self.directory.add_rows(batch.modality, instrument.card.name, tally)
            n_items = len(batch.items) + len(batch.failures)
            n_failed = self.totals.add(n_items, failures)
            self.observer.advance(stored_bytes=batch.stored_bytes, n_items=n_items, n_errors=n_failed)

    def _tally(self, instrument: Instrument, census: Census | None) -> Tally:
        return census.tally if census and self.options.count_only else instrument.tally

    def _finish(self, instrument: Instrument, census: Census | None) -> Measurement:
        card, tokenizer = instrument.card, instrument.tokenizer
        sampled = self.survey.sampled is not None
        return measurement(
            card,
            self._tally(instrument, census),
            codebook_sizes=tokenizer.codebook_sizes,
            n_errors=census.n_errors if census and self.options.count_only else instrument.n_errors,
            device=instrument.device,
            dtype=tokenizer.dtype if isinstance(tokenizer, ComputesIn) else DTYPE,
            throughput=instrument.watch.timings().figures(),
            population=self.survey.population[card.modality].n_items if sampled else None,
            census=census.tally if census else None,
            pairs=None if self.options.count_only else instrument.pairs(),
            levels=tokenizer.levels if isinstance(tokenizer, HasCodebook) else None,
            absent=self._not_rebuilt(tokenizer),
            seed=self.options.seed,
        )

    def _not_rebuilt(self, tokenizer: object) -> dict[str, str]:
        if not isinstance(tokenizer, Reconstructs):
            return dict.fromkeys(REBUILT, "no_decoder")
        return dict.fromkeys(REBUILT, "switched_off") if self.options.reconstruction == "off" else {}

    def _alerts(self, measurements: Iterable[Measurement], empty: Iterable[str]) -> Iterator[Alert]:
        for name in empty:
            yield Alert(code="nothing_measured", sentence="not one item could be measured.", tokenizer=name)
        for each in measurements:
            yield from alerts(each)

    def _record(
        self, profile: Profile, registry: Registry, device: str, verified: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        cards = [instrument.card for instrument in self.bench]
        return {
            "arguments": self.options.to_json(),
            "seed": self.options.seed,
            "corpus": {
                "fingerprint": self.survey.fingerprint,
                "population": {m: asdict(held) for m, held in self.survey.population.items()},
            },
            "totals": {
                "n_in": profile.n_in,
                "n_ok": profile.n_ok,
                "n_err": profile.n_err,
                "n_ignored": profile.n_ignored,
            },
            "failures": dict(profile.failures),
            "alerts": [asdict(alert) for alert in profile.alerts],
            "cards": [asdict(card) | {"completed": registry.family(card).complete(card.parameters)} for card in cards],
            "verified": verified,
            "device": device,
            "dtype": DTYPE,
            "machine": machine(),
            "libraries": library_versions(),
            "decoding": {m: {"seconds": s, "raw_bytes": n} for m, (s, n) in self.decoding.items()},
            "seconds": round(seconds, 3),
        }
