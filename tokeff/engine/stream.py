"""The stream: items decoded once for all tokenizers of their modality, in batches bounded by bytes.

What cannot be decoded becomes a Failure and the stream goes on. Leaves out encoding.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

from tokeff.errors import ItemError
from tokeff.media.dispatch import decode
from tokeff.records.items import Failure, Item, Modality, Stage
from tokeff.records.signals import Signal

MAX_BATCH_ITEMS = 4096
MAX_BATCH_RAW_BYTES = 2**25
"""A batch is closed once its decoded signals reach this: 32 MiB. A clip is decoded lazily and is a batch of its own."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """Decoded items of one modality, and those that could not be."""

    modality: Modality
    items: list[Item] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    raw_bytes: int = 0
    seconds: float = 0.0
    """Spent reading and decoding."""

    @property
    def full(self) -> bool:
        """Whether nothing more should be added."""
        n_items = len(self.items) + len(self.failures)
        return n_items >= MAX_BATCH_ITEMS or self.raw_bytes >= MAX_BATCH_RAW_BYTES or self.modality == "video"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all its items, decoded or not, as they lie in the corpus."""
        return sum(item.stored_bytes for item in self.items) + sum(f.stored_bytes or 0 for f in self.failures)

    def add(self, item: Item) -> None:
        """Decode one more item."""
        start = perf_counter()
        try:
            signal = decode(item)
        except ItemError as error:
            self.failures.append(failure_of(item, "decode", error))
        else:
            self.items.append(item)
            self.signals.append(signal)
            # Frames are decoded while they are encoded: a clip's raw size says nothing of the memory it takes.
            self.raw_bytes += signal.header.raw_bytes
        self.seconds += perf_counter() - start


def decoded_batches(items: Iterable[Item]) -> Iterator[Batch]:
    """Batches of one modality each; the order of items within a modality is kept."""
    open_batches: dict[Modality, Batch] = {}
    for item in items:
        batch = open_batches.setdefault(item.modality, Batch(modality=item.modality))
        batch.add(item)
        if batch.full:
            yield open_batches.pop(item.modality)
    yield from open_batches.values()


def failure_of(item: Item, stage: Stage, error: Exception, tokenizer: str | None = None) -> Failure:
    """The quarantine record of an item."""
    if isinstance(error, ItemError):
        reason, message = error.reason, str(error)
    else:
        reason, message = type(error).__name__, f"{type(error).__name__}: {error}"
    return Failure(
        key=item.key,
        modality=item.modality,
        stage=stage,
        reason=reason,
        message=message,
        stored_bytes=item.stored_bytes,
        tokenizer=tokenizer,
    )
