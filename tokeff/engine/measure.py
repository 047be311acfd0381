"""Measuring a shard: its items decoded, put to every tokenizer of their modality, and tallied.

Leaves out adding up shards (`sums`) and the ratios (`tokeff.measures.measurement`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tokeff.engine.bench import Instrument, Tool
from tokeff.engine.lots import Draw
from tokeff.engine.outcome import Outcome
from tokeff.engine.recorder import Recorder
from tokeff.engine.results import Result
from tokeff.engine.stream import MAX_BATCH_ITEMS, Batch, ahead, decoded_batches, items_of, pieces_lost
from tokeff.engine.subsample import Subsample
from tokeff.engine.tasks import Excluded, Task
from tokeff.measures.reconstruction import SourceBits
from tokeff.readers.options import ReadOptions
from tokeff.records.items import Failure, Item, Modality
from tokeff.records.tallies import Tally


@dataclass(slots=True)
class _Station:
    """An instrument with the sums that it leaves behind."""

    instrument: Instrument
    tally: Tally
    verified: dict[str, Any] | None = None

    @property
    def modality(self) -> Modality:
        return self.instrument.tool.card.modality


def measure(task: Task, tools: Sequence[Tool], read: ReadOptions, recorder: Recorder) -> Result:
    """Everything about the items of a shard that the task's terms ask for. Raises EngineMismatch and what a person
    must decide; bad items are quarantined.
    """
    draw, outcome = Draw(task.terms.seed), Outcome()
    stations = [_station(task, tool, outcome, recorder) for tool in tools]
    with _batches(task, tools, draw, read, recorder) as batches:
        for batch in batches:
            outcome.add_decoding(batch.modality, batch.seconds, batch.raw_bytes)
            failures: list[Failure] = list(batch.failures)
            sources = SourceBits(device=task.terms.device, whole=task.terms.whole)
            lots = [draw.lot(item.key) for item in batch.items]
            texts = _verified(task, batch, lots)
            threshold = task.terms.coded.get(batch.modality, -1)
            coded = {item.key for item, lot in zip(batch.items, lots, strict=True) if lot <= threshold}
            for station in stations:
                if station.modality == batch.modality:
                    station.verified = _added(station.verified, station.instrument.verify(texts))
                    failures += station.instrument.measure(batch, coded, sources)
            n_failed = outcome.add(batch.n_items, failures)
            recorder.done(n_items=batch.n_items, stored_bytes=batch.stored_bytes, n_errors=n_failed)
    lost = pieces_lost(task)
    outcome.add(len(lost), lost)
    for station in stations:
        one = station.instrument
        outcome.add_tokenizer(
            one.tool,
            station.tally,
            n_errors=one.n_errors,
            pairs=one.pairs(),
            timings=one.watch.timings(),
            verified=station.verified,
        )
    return outcome.result()


def _station(task: Task, tool: Tool, outcome: Outcome, recorder: Recorder) -> _Station:
    terms = task.terms

    def keep(tally: Tally) -> None:
        outcome.add_rows(tool, tally)
        station.tally += replace(tally, rows=None)

    instrument = Instrument(
        tool=tool,
        paired=Subsample(seed=terms.seed, purpose="pairs", shares=terms.paired),
        excluded=Excluded(task.excluded),
        recorder=recorder,
        reconstructs=terms.reconstructs,
        keep=keep,
    )
    station = _Station(instrument, Tally())
    return station


@contextmanager
def _batches(
    task: Task, tools: Sequence[Tool], draw: Draw, read: ReadOptions, recorder: Recorder
) -> Iterator[Iterator[Batch]]:
    """The batches of the shard, decoded ahead; in a span each item is alone and nothing else goes on meanwhile."""
    modalities = {tool.card.modality for tool in tools}
    sample = task.terms.sample

    def wanted(item: Item) -> bool:
        if item.modality not in modalities:
            return False
        if sample is None:
            return True
        low, high = sample.get(item.modality, (0, -1))
        return low < draw.lot(item.key) <= high

    items = items_of(task, read, recorder, wanted)
    max_items = 1 if task.span else MAX_BATCH_ITEMS
    batches = decoded_batches(items, recorder, Excluded(task.excluded), max_items=max_items)
    if task.span:
        yield batches
    else:
        with ahead(batches) as early:
            yield early


def _verified(task: Task, batch: Batch, lots: Sequence[int]) -> list[Any]:
    if batch.modality != "text":
        return []
    return [signal for signal, lot in zip(batch.signals, lots, strict=True) if lot <= task.terms.verified]


def _added(total: dict[str, Any] | None, more: dict[str, Any] | None) -> dict[str, Any] | None:
    if total is None or more is None:
        return total or more
    return {**total, "n_texts": total["n_texts"] + more["n_texts"], "n_bytes": total["n_bytes"] + more["n_bytes"]}
