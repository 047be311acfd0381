"""The census of a shard: token counts from headers alone, at the speed of reading headers.

Leaves out everything that needs content: histograms, entropies, distortion.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Any

from tokeff.engine.bench import Tool
from tokeff.engine.lots import Draw
from tokeff.engine.outcome import Outcome
from tokeff.engine.recorder import Recorder
from tokeff.engine.results import Result
from tokeff.engine.stream import Placed, failure_by, failure_of, items_of, pieces_lost
from tokeff.engine.tasks import Excluded, Task
from tokeff.errors import ItemError, TokeffError
from tokeff.measures.headers import tally_headers
from tokeff.media.dispatch import read_header
from tokeff.readers.options import ReadOptions
from tokeff.records.headers import Header
from tokeff.records.items import Failure, Item
from tokeff.records.tallies import Tally
from tokeff.tokenizers.protocols import CountsFromHeader

BATCH_ITEMS = 1024


@dataclass(slots=True)
class Census:
    """Counts of one tokenizer over every item whose header could be read."""

    tool: Tool
    counter: CountsFromHeader[Any]
    outcome: Outcome
    tally: Tally = field(default_factory=Tally)
    n_errors: int = 0

    def add(self, items: Sequence[Item], headers: Sequence[Header]) -> None:
        """Count some more. Raises what the rule of the tokenizer raises, with nothing added."""
        tally = tally_headers(self.counter, items, headers)
        self.outcome.add_rows(self.tool, tally)
        self.tally += replace(tally, rows=None)


def count(task: Task, tools: Sequence[Tool], read: ReadOptions, recorder: Recorder) -> Result:
    """A census per tokenizer that counts from headers.

    With a sample, the task's terms say which items are measured: those are settled there, every other item that fails
    is quarantined here. Without one all tokenizers must count from headers: raises TokeffError naming the others.
    """
    terms, outcome = task.terms, Outcome()
    censuses = [Census(tool, tool.tokenizer, outcome) for tool in tools if isinstance(tool.tokenizer, CountsFromHeader)]
    if terms.sample is None:
        _refuse_readers(tools)
    modalities = {each.tool.card.modality for each in censuses}
    draw, excluded = Draw(terms.seed), Excluded(task.excluded)
    for batch in _batches(items_of(task, read, recorder, lambda item: item.modality in modalities)):
        failures: list[Failure] = []
        readable, headers = _read_headers(batch, excluded, recorder, failures)
        n_unread = len(failures)
        for census in censuses:
            if census.tool.card.modality == batch[0].item.modality:
                lost = _count(census, readable, headers)
                census.n_errors += n_unread + len(lost)
                failures += lost
        if terms.sample is not None:
            failures = [failure for failure in failures if not _is_measured(task, draw, failure)]
        n_items = len(batch) if terms.sample is None else len({failure.key for failure in failures})
        n_failed = outcome.add(n_items, failures)
        n_bytes = sum(placed.item.stored_bytes for placed in batch)
        recorder.done(n_items=len(batch), stored_bytes=n_bytes, n_errors=n_failed)
    if terms.sample is None:
        lost = pieces_lost(task)
        outcome.add(len(lost), lost)
    for census in censuses:
        outcome.add_tokenizer(census.tool, census.tally, n_errors=census.n_errors)
    return outcome.result()


def _refuse_readers(tools: Iterable[Tool]) -> None:
    without = [tool.card.name for tool in tools if not isinstance(tool.tokenizer, CountsFromHeader)]
    if without:
        raise TokeffError(
            "these tokenizers must read the content to count",
            where="--count-only",
            got=", ".join(without),
            fix="Name tokenizers that count from headers with -t (patch, frames, mel-frames, mulaw, bytes).",
        )


def _is_measured(task: Task, draw: Draw, failure: Failure) -> bool:
    sample = task.terms.sample or {}
    if failure.modality is None or failure.modality not in sample:
        return False
    low, high = sample[failure.modality]
    return low < draw.lot(failure.key) <= high


def _batches(items: Iterable[Placed]) -> Iterator[list[Placed]]:
    for _, run in groupby(items, key=lambda placed: placed.item.modality):
        while batch := list(islice(run, BATCH_ITEMS)):
            yield batch


def _read_headers(
    batch: Sequence[Placed], excluded: Excluded, recorder: Recorder, failures: list[Failure]
) -> tuple[list[Item], list[Header]]:
    readable: list[Item] = []
    headers: list[Header] = []
    for place, item in batch:
        if exclusion := excluded.items.get(place):
            failures.append(failure_by(exclusion, item.key, item.modality, item.stored_bytes))
            continue
        recorder.reading("read", place)
        try:
            headers.append(read_header(item))
        except ItemError as error:
            failures.append(failure_of(item, "read", error))
        else:
            readable.append(item)
    recorder.rests(reading=True)
    return readable, headers


def _count(census: Census, items: Sequence[Item], headers: Sequence[Header]) -> list[Failure]:
    """Add the items to the census; those that the tokenizer's rule refuses come back."""
    if not items:
        return []
    try:
        census.add(items, headers)
    except ItemError as error:
        if len(items) == 1:
            return [failure_of(items[0], "encode", error, census.tool.card.name)]
        middle = len(items) // 2
        return _count(census, items[:middle], headers[:middle]) + _count(census, items[middle:], headers[middle:])
    return []
