"""Finishing: from the ledger to the profile and, in the same pass over the shards, to the files of the run.

Leaves out how they are written (`directory`) and what a figure means (`tokeff.measures`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tokeff.engine.conduct import Conductor
from tokeff.engine.directory import RunDirectory
from tokeff.engine.options import Options
from tokeff.engine.sums import Quarantine, Sums, TokenizerSums, failures_of, row_tables
from tokeff.engine.survey import Survey
from tokeff.measures.gates import alerts
from tokeff.measures.measurement import measurement
from tokeff.measures.throughput import Timings
from tokeff.records.cards import Card
from tokeff.records.items import Failure, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Alert, Profile
from tokeff.records.tallies import Tally

REBUILT = ("reconstruction", "distortion")
"""Figures that need a decoder."""


@dataclass(slots=True)
class Gathered:
    """All shards together."""

    found: Survey
    measured: Sums
    counted: Sums
    quarantine: Quarantine
    n_lost: int = 0
    """Items that could not even be found, and pieces of the corpus."""

    @property
    def verified(self) -> dict[int, dict[str, Any]]:
        """By tokenizer number: on how many texts a fast engine was checked, and against what."""
        checks = {number: own.verified for number, own in self.measured.tokenizers.items() if own.verified}
        return {
            number: {
                "reference": theirs[0]["reference"],
                "n_texts": sum(each["n_texts"] for each in theirs),
                "n_bytes": sum(each["n_bytes"] for each in theirs),
            }
            for number, theirs in checks.items()
        }

    @property
    def inputs(self) -> dict[int, dict[str, str]]:
        """By tokenizer number: what is done to a signal before it is encoded, of those that say so."""
        both = {**self.counted.tokenizers, **self.measured.tokenizers}
        return {number: own.facts["input_policy"] for number, own in both.items() if own.facts["input_policy"]}


def gather(conductor: Conductor, found: Survey, cards: Sequence[Card], directory: RunDirectory | None) -> Gathered:
    """Add up every result of the ledger, and append rows and failures to the run directory."""
    names = {card.name: number for number, card in enumerate(cards)}
    rows_of = "count" if conductor.options.count_only else "measure"
    gathered = Gathered(found, Sums(), Sums(), Quarantine())
    for shard in conductor.ledger.shards():
        failures: list[Failure] = []
        for phase, result in conductor.results(shard):
            lost = failures_of(result)
            failures += lost
            if phase.kind == "look":
                gathered.n_lost += len({failure.key for failure in lost})
                continue
            (gathered.counted if phase.kind == "count" else gathered.measured).add(result, names)
            if directory and phase.kind == rows_of:
                for table in row_tables(result):
                    directory.add_table(table)
        gathered.quarantine.add(failures)
        if directory:
            directory.add_failures(failures)
    return gathered


def finished(gathered: Gathered, cards: Sequence[Card], options: Options, device: str) -> Profile:
    """The profile, but for what `run.json` holds beside it."""
    found, sums = gathered.found, (gathered.measured, gathered.counted)
    measurements = []
    empty = []
    for number, card in enumerate(cards):
        own, census = (each.tokenizers.get(number) for each in sums)
        counts = census if options.count_only else own
        if counts is None or not counts.tally().n_items:
            empty.append(card.name)
        else:
            measurements.append(_measurement(card, counts, census, found, options, device=device))
    modalities = {card.modality for card in cards}
    return Profile(
        measurements=tuple(measurements),
        population=found.population,
        failures=dict(gathered.quarantine.reasons),
        examples=tuple(gathered.quarantine.examples),
        alerts=tuple(_alerts(measurements, empty)),
        n_in=sum(each.n_in for each in sums) + gathered.n_lost,
        n_ok=sum(each.n_ok for each in sums),
        n_err=sum(each.n_err for each in sums) + gathered.n_lost,
        n_ignored=sum(held.n_items for m, held in found.population.items() if m not in modalities),
    )


def _measurement(
    card: Card, counts: TokenizerSums, census: TokenizerSums | None, found: Survey, options: Options, *, device: str
) -> Measurement:
    facts, levels = counts.facts, counts.facts["levels"]
    whole = options.sample is None and options.precision is None
    return measurement(
        card,
        counts.tally(),
        codebook_sizes=tuple(facts["codebook_sizes"]),
        n_errors=counts.n_errors,
        device=device,
        dtype=facts["dtype"],
        throughput=Timings.total(counts.timings).figures(),
        population=None if whole else found.population[card.modality].n_items,
        census=_tally(census),
        pairs=None if options.count_only else counts.pairs(),
        levels=None if levels is None else tuple(levels),
        absent=_not_rebuilt(facts, options),
        seed=options.seed,
    )


def _tally(sums: TokenizerSums | None) -> Tally | None:
    return sums.tally() if sums and sums.tally().n_items else None


def _not_rebuilt(facts: Any, options: Options) -> dict[str, str]:
    if not facts["reconstructs"]:
        return dict.fromkeys(REBUILT, "no_decoder")
    return dict.fromkeys(REBUILT, "switched_off") if options.reconstruction == "off" else {}


def _alerts(measurements: Iterable[Measurement], empty: Iterable[str]) -> Iterator[Alert]:
    for name in empty:
        yield Alert(code="nothing_measured", sentence="not one item could be measured.", tokenizer=name)
    for each in measurements:
        yield from alerts(each)


def sampling(gathered: Gathered, cards: Sequence[Card]) -> dict[Modality, dict[str, int]]:
    """How much of each modality was measured, of how much there is."""
    drawn: dict[Modality, dict[str, int]] = {}
    for number, own in gathered.measured.tokenizers.items():
        modality, tally = cards[number].modality, own.tally()
        held = gathered.found.population[modality]
        if tally.n_items >= drawn.get(modality, {}).get("n_items", 0):
            drawn[modality] = {
                "n_items": tally.n_items,
                "of_items": held.n_items,
                "stored_bytes": tally.count("stored_bytes"),
                "of_stored_bytes": held.stored_bytes,
            }
    return drawn


def record(profile: Profile, gathered: Gathered, cards: Sequence[Card], completed: Sequence[Any]) -> dict[str, Any]:
    """What run.json holds and follows from the ledger."""
    found = gathered.found
    return {
        "corpus": {
            "fingerprint": found.fingerprint,
            "population": {m: asdict(held) for m, held in found.population.items()},
            "notes": list(found.notes),
        },
        "sampling": sampling(gathered, cards),
        "totals": {name: getattr(profile, name) for name in ("n_in", "n_ok", "n_err", "n_ignored")},
        "failures": dict(profile.failures),
        "alerts": [asdict(alert) for alert in profile.alerts],
        "cards": [asdict(card) | {"completed": each} for card, each in zip(cards, completed, strict=True)],
        "verified": {cards[number].name: check for number, check in gathered.verified.items()},
        "inputs": {cards[number].name: policy for number, policy in gathered.inputs.items()},
        "decoding": {m: {"seconds": s, "raw_bytes": n} for m, (s, n) in gathered.measured.decoding.items()},
    }
