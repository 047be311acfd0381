"""Validating a finished run: every total derived again from its shards and its items, and compared.

The course of the run is gone through again on the ledger alone; nothing is measured and the corpus is not read. What
differs is told, not mended.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokeff.engine.conduct import Conductor
from tokeff.engine.directory import read_json
from tokeff.engine.ledger import Ledger
from tokeff.engine.loading import load_failures, row_batches
from tokeff.engine.observer import Silent
from tokeff.engine.options import DEFAULT_TOKENIZERS, Options
from tokeff.engine.survey import Survey
from tokeff.errors import RunError
from tokeff.measures.saved import to_json
from tokeff.records.items import Modality
from tokeff.tokenizers.registry import Registry

SUMMED = ("stored_bytes", "raw_bytes", "n_tokens", "n_positions")
DERIVED = ("corpus", "sampling", "totals", "failures", "verified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What was compared, and every difference in words."""

    n_shards: int
    n_items: int
    n_errors: int
    differences: tuple[str, ...]


def validate(run: Path) -> Validation:
    """Derive a run again. Raises RunError where it is not complete or keeps no ledger."""
    facts, written = read_json(run, "run.json"), read_json(run, "measurements.json")
    ledger = Ledger.read(run)
    try:
        differences = tuple(_differences(run, ledger, facts, written))
    except RunError as error:
        # A result that is missing or damaged: nothing can be derived without it.
        differences = (str(error),)
    totals = facts["totals"]
    return Validation(
        n_shards=ledger.n_shards, n_items=totals["n_in"], n_errors=totals["n_err"], differences=differences
    )


def _differences(run: Path, ledger: Ledger, facts: Mapping[str, Any], written: Mapping[str, Any]) -> Iterator[str]:
    from tokeff.engine.finish import finished, gather, record

    options = Options.from_json(ledger.job["options"])
    registry = Registry.load(options.cards)
    conductor = Conductor(ledger, options, None, Silent())
    found = conductor.survey()
    specs = options.tokenizers or [DEFAULT_TOKENIZERS[modality] for modality in found.modalities]
    cards = [registry.card(spec) for spec in specs]
    conductor.measure(found, cards, ledger.job["device"])
    gathered = gather(conductor, found, cards, None)
    profile = finished(gathered, cards, options, ledger.job["device"])
    derived = json.loads(json.dumps(record(profile, gathered, cards, [{}] * len(cards))))
    for name in DERIVED:
        yield from _unlike(f"run.json: {name}", facts.get(name), derived[name])
    measurements = [to_json(each) for each in profile.measurements]
    yield from _unlike("measurements.json", _timeless(written["measurements"]), _timeless(measurements))
    totals = facts["totals"]
    if totals["n_in"] != totals["n_ok"] + totals["n_err"]:
        yield f"run.json: n_in is {totals['n_in']}, but n_ok + n_err is {totals['n_ok'] + totals['n_err']}"
    yield from _population(options, totals["n_in"] - gathered.n_lost, found, {card.modality for card in cards})
    yield from _rows(run, measurements)
    yield from _quarantine(run, facts)


def _population(options: Options, n_in: int, found: Survey, modalities: Collection[Modality]) -> Iterator[str]:
    """Whether every item that was found was counted or quarantined, where that was meant."""
    n_found = sum(held.n_items for modality, held in found.population.items() if modality in modalities)
    if options.sample is None and options.precision is None and n_in != n_found:
        yield f"run.json: {n_in} items were counted or quarantined, but {n_found} were found"


def _rows(run: Path, measurements: list[dict[str, Any]]) -> Iterator[str]:
    """Whether the rows of each tokenizer add up to its measurement, where these are of the same items."""
    sums: dict[str, Counter[str]] = {}
    for batch in row_batches(run, ("tokenizer", *SUMMED)):
        for row in batch.to_pylist():
            own = sums.setdefault(row["tokenizer"], Counter())
            own.update({"n_items": 1, **{name: row[name] or 0 for name in SUMMED}})
    for each in measurements:
        own = sums.get(each["tokenizer"], Counter())
        # Counts of all beside figures of some: only the number of these has rows.
        is_whole = each["n_measured"] is None
        expected = {name: each[name] for name in ("n_items", *SUMMED)} if is_whole else {"n_items": each["n_measured"]}
        for name, value in expected.items():
            if own[name] != value:
                yield f"items.parquet: {name} of {each['tokenizer']} is {own[name]}, but was measured as {value}"


def _quarantine(run: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    """Whether errors.jsonl holds as many items as are counted."""
    keys = {failure.key for failure in load_failures(run)}
    if len(keys) != facts["totals"]["n_err"]:
        yield f"errors.jsonl: holds {len(keys)} items, but n_err is {facts['totals']['n_err']}"


def _timeless(measurements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name != "throughput"} for each in measurements]


def _unlike(where: str, written: Any, derived: Any) -> Iterator[str]:
    """Every place at which two JSON values differ."""
    if isinstance(written, dict) and isinstance(derived, dict):
        for name in dict.fromkeys((*written, *derived)):
            yield from _unlike(f"{where}.{name}", written.get(name), derived.get(name))
    elif isinstance(written, list) and isinstance(derived, list) and len(written) == len(derived):
        for number, pair in enumerate(zip(written, derived, strict=True)):
            yield from _unlike(f"{where}[{number}]", *pair)
    elif written != derived:
        yield f"{where} is {written!r}, but the shards say {derived!r}"
