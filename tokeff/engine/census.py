"""The census: token counts over the whole corpus from headers alone, at the speed of reading headers."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from tokeff.engine.observer import Observer
from tokeff.engine.stream import failure_of
from tokeff.engine.totals import Totals
from tokeff.errors import ItemError
from tokeff.measures.headers import tally_headers
from tokeff.media.dispatch import read_header
from tokeff.records.cards import Card
from tokeff.records.headers import Header
from tokeff.records.items import Failure, Item
from tokeff.records.tallies import Tally
from tokeff.tokenizers.protocols import CountsFromHeader

BATCH_ITEMS = 1024
Counter = tuple[Card, CountsFromHeader[Any]]


@dataclass(slots=True)
class Census:
    """Counts of one tokenizer over every item whose header could be read."""

    tally: Tally = field(default_factory=Tally)
    n_errors: int = 0


def take_census(
    items: Iterable[Item],
    counters: Sequence[Counter],
    totals: Totals,
    observer: Observer,
    *,
    later: Container[str] | None,
) -> dict[str, Census]:
    """A census per tokenizer name. `later`: keys of items that a measuring pass settles after it; None: there is none.

    Every other item that fails here is quarantined here: with a sample, nobody else would say so.
    """
    censuses = {card.name: Census() for card, _ in counters}
    for batch in _batches(items):
        failures: list[Failure] = []
        readable, headers = _read_headers(batch, failures)
        n_unread = len(failures)
        for card, tokenizer in counters:
            if card.modality == batch[0].modality:
                census = censuses[card.name]
                lost = _count((card, tokenizer), readable, headers, census)
                census.n_errors += n_unread + len(lost)
                failures += lost
        if later is None:
            n_failed = totals.add(len(batch), failures)
        else:
            lost = [failure for failure in failures if failure.key not in later]
            n_failed = totals.add(len({failure.key for failure in lost}), lost)
        observer.advance(stored_bytes=sum(item.stored_bytes for item in batch), n_items=len(batch), n_errors=n_failed)
    return censuses


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    for _, run in groupby(items, key=lambda item: item.modality):
        while batch := list(islice(run, BATCH_ITEMS)):
            yield batch


def _read_headers(batch: Sequence[Item], failures: list[Failure]) -> tuple[list[Item], list[Header]]:
    readable: list[Item] = []
    headers: list[Header] = []
    for item in batch:
        try:
            headers.append(read_header(item))
        except ItemError as error:
            failures.append(failure_of(item, "read", error))
        else:
            readable.append(item)
    return readable, headers


def _count(counter: Counter, items: Sequence[Item], headers: Sequence[Header], census: Census) -> list[Failure]:
    """Add the items to the census; those that the tokenizer's rule refuses come back."""
    if not items:
        return []
    try:
        census.tally += tally_headers(counter[1], items, headers)
    except ItemError as error:
        if len(items) == 1:
            return [failure_of(items[0], "encode", error, counter[0].name)]
        middle = len(items) // 2
        return _count(counter, items[:middle], headers[:middle], census) + _count(
            counter, items[middle:], headers[middle:], census
        )
    return []
