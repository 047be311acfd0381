"""Sums over shards: results added up in the order of the shards, one at a time, so that memory stays flat.

Everything that makes a figure is an integer, so any order would give the same bits; failures and rows keep the
corpus's. Leaves out the ratios (`finish`).
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tokeff.engine.results import Result, pairs_of, tally_of
from tokeff.maths.conditional import PairCounts
from tokeff.measures.fidelities import CODED_BYTES, INTERVAL_COLUMNS
from tokeff.measures.throughput import Timings
from tokeff.records.items import Failure
from tokeff.records.tallies import MAX_ROWS, Tally, fixed

N_EXAMPLES = 20
TALLIES_HELD = 16
ROW_COUNTS = ("raw_bytes", "stored_bytes", "n_tokens", CODED_BYTES)
"""Of each item, for resampled intervals; with INTERVAL_COLUMNS for those of missing bits."""


@dataclass(slots=True)
class TokenizerSums:
    """One tokenizer over all shards so far."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of the tokenizer itself, from the last shard."""
    n_items: int = 0
    n_errors: int = 0
    timings: list[Timings] = field(default_factory=list)
    verified: list[Mapping[str, Any]] = field(default_factory=list)
    rows: dict[str, Mapping[str, int]] | None = field(default_factory=dict)
    _tallies: list[Tally] = field(default_factory=list)
    _pairs: list[Mapping[str, PairCounts]] = field(default_factory=list)

    def add(self, name: str, facts: Mapping[str, Any], result: Result) -> None:
        """One more shard, without rows."""
        self.facts = facts
        self.n_errors += facts["n_errors"]
        self.timings.append(Timings.from_json(facts["timings"]))
        if facts["verified"]:
            self.verified.append(facts["verified"])
        self.n_items += facts["tally"]["n_items"]
        if self.n_items > MAX_ROWS:
            self.rows = None
        self._tallies.append(tally_of(name, facts["tally"], result.arrays, None))
        self._pairs.append(pairs_of(name, facts["pairs"], result.arrays))
        if len(self._tallies) >= TALLIES_HELD:
            self._tallies, self._pairs = [Tally.total(self._tallies)], [_total_pairs(self._pairs)]
            self.timings = [Timings.total(self.timings)]

    def tally(self) -> Tally:
        """The sum, with each item's own numbers where they are few enough."""
        total = Tally.total(self._tallies)
        return replace(total, rows=self.rows) if self.rows is not None and len(self.rows) == total.n_items else total

    def pairs(self) -> dict[str, PairCounts]:
        """Sums of the tables of pairs."""
        return _total_pairs(self._pairs)


class Sums:
    """All shards of one kind, or of several rounds."""

    def __init__(self) -> None:
        self.n_in = self.n_ok = self.n_err = 0
        self.tokenizers: dict[int, TokenizerSums] = {}
        self.decoding: dict[str, tuple[float, int]] = {}

    def add(self, result: Result, names: Mapping[str, int]) -> None:
        """One more shard; `names`: tokenizer -> number."""
        facts = result.facts
        for name, value in facts["totals"].items():
            setattr(self, name, getattr(self, name) + value)
        for modality, (seconds, raw_bytes) in facts["decoding"].items():
            before = self.decoding.get(modality, (0.0, 0))
            self.decoding[modality] = before[0] + seconds, before[1] + raw_bytes
        for name, theirs in facts["tokenizers"].items():
            self.tokenizers.setdefault(int(name), TokenizerSums()).add(name, theirs, result)
        if any(each.rows is not None for each in self.tokenizers.values()):
            for table in row_tables(result):
                self._keep_rows(table, names)

    def _keep_rows(self, table: Any, names: Mapping[str, int]) -> None:
        """As long as a tokenizer has few items, their own numbers are kept for its interval."""
        import pyarrow as pa
        import pyarrow.compute as pc

        few = [name for name, number in names.items() if (own := self.tokenizers.get(number)) and own.rows is not None]
        table = table.filter(pc.is_in(table["tokenizer"], pa.array(few, pa.string())))
        for row in table.select(["key", "tokenizer", *ROW_COUNTS, *INTERVAL_COLUMNS]).to_pylist():
            sums = self.tokenizers[names[row["tokenizer"]]]
            if sums.rows is not None:
                sums.rows[row["key"]] = dict(_numbers(row))


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What an item has, as a Tally holds it."""
    for name in (*ROW_COUNTS, *INTERVAL_COLUMNS):
        if row[name] is not None:
            yield name, row[name] if name in ROW_COUNTS else fixed(row[name])


def row_tables(result: Result) -> Iterator[Any]:
    """The rows of a shard as pyarrow.Table, some at a time: a shard of short lines has many."""
    if "rows" in result.tables:
        import pyarrow.parquet as pq

        with pq.ParquetFile(io.BytesIO(result.tables["rows"])) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group)


class Quarantine:
    """Failures counted by reason, the first few kept to show."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.examples: list[Failure] = []

    def add(self, failures: Iterable[Failure]) -> None:
        """The failures of a shard; an item that fails for one reason with several tokenizers is counted once."""
        seen: set[tuple[str, str]] = set()
        for failure in failures:
            if (failure.key, failure.reason) not in seen:
                seen.add((failure.key, failure.reason))
                self.reasons[failure.reason] += 1
            if len(self.examples) < N_EXAMPLES:
                self.examples.append(failure)


def failures_of(result: Result) -> list[Failure]:
    """The quarantine of a shard."""
    return [Failure(**each) for each in result.facts["failures"]]


def _total_pairs(tables: list[Mapping[str, PairCounts]]) -> dict[str, PairCounts]:
    names = dict.fromkeys(name for each in tables for name in each)
    return {name: PairCounts.total(each[name] for each in tables if name in each) for name in names}
