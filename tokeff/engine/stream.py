"""The stream: items of a shard decoded once for all tokenizers of their modality, in batches bounded by bytes.

What cannot be decoded becomes a Failure and the stream goes on. Batches lie within a shard, so they are the same
whoever works on it. Leaves out encoding.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import perf_counter
from typing import NamedTuple, TypeVar

from tokeff.engine.recorder import Place, Recorder
from tokeff.engine.tasks import Excluded, Exclusion, Task
from tokeff.errors import ItemError
from tokeff.media.dispatch import decode
from tokeff.readers.options import ReadOptions
from tokeff.readers.reading import piece_items
from tokeff.records.items import Failure, Item, Modality, Stage
from tokeff.records.signals import Signal

MAX_BATCH_ITEMS = 4096
MAX_BATCH_RAW_BYTES = 2**25
"""A batch is closed once its decoded signals reach this: 32 MiB. A clip is decoded lazily and is a batch of its own."""
PATIENCE_SECONDS = 0.2

T = TypeVar("T")


class Placed(NamedTuple):
    """An item and where it is in its shard."""

    place: Place
    item: Item


def found_in(task: Task, read: ReadOptions, recorder: Recorder) -> Iterator[tuple[Place, Item | Failure]]:
    """Everything that the pieces of a shard yield, in order; of excluded pieces, that they are."""
    gone = Excluded(task.excluded).pieces
    first, last = task.span or (Place(0, 0), Place(len(task.shard.part.pieces), 0))
    for number, piece in enumerate(task.shard.part.pieces):
        if not first.piece <= number <= last.piece:
            continue
        if exclusion := gone.get(number):
            yield Place(number, 0), failure_by(exclusion, piece.key, None, piece.n_bytes)
            continue
        found, place = piece_items(piece, read), Place(number, 0)
        while True:
            recorder.reading("find", place)
            one = next(found, None)
            if one is None:
                break
            yield place, one
            place = Place(number, place.number + 1)
    recorder.rests(reading=True)


def items_of(task: Task, read: ReadOptions, recorder: Recorder, wanted: Callable[[Item], bool]) -> Iterator[Placed]:
    """The wanted items of a shard, or of the task's span; failures to find any are the look's to tell."""
    for place, found in found_in(task, read, recorder):
        if isinstance(found, Item) and wanted(found) and (not task.span or task.span[0] <= place <= task.span[1]):
            yield Placed(place, found)


def pieces_lost(task: Task) -> list[Failure]:
    """Pieces that could be looked at, but now kill or stall whoever reads them."""
    pieces = task.shard.part.pieces
    new = [each for each in task.excluded if each.number is None and not each.told]
    return [failure_by(each, pieces[each.piece].key, None, pieces[each.piece].n_bytes) for each in new]


@dataclass(slots=True, kw_only=True)
class Batch:
    """Decoded items of one modality, and those that could not be."""

    modality: Modality
    items: list[Item] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """Of the items."""
    signals: list[Signal] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    raw_bytes: int = 0
    max_items: int = MAX_BATCH_ITEMS
    seconds: float = 0.0
    """Spent reading and decoding."""

    @property
    def n_items(self) -> int:
        """Decoded or not."""
        return len(self.items) + len(self.failures)

    @property
    def full(self) -> bool:
        """Whether nothing more should be added."""
        return self.n_items >= self.max_items or self.raw_bytes >= MAX_BATCH_RAW_BYTES or self.modality == "video"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all its items, decoded or not, as they lie in the corpus."""
        return sum(item.stored_bytes for item in self.items) + sum(f.stored_bytes or 0 for f in self.failures)

    def add(self, placed: Placed) -> None:
        """Decode one more item."""
        start = perf_counter()
        try:
            signal = decode(placed.item)
        except ItemError as error:
            self.failures.append(failure_of(placed.item, "decode", error))
        else:
            self.items.append(placed.item)
            self.places.append(placed.place)
            self.signals.append(signal)
            # Frames are decoded while they are encoded: a clip's raw size says nothing of the memory it takes.
            self.raw_bytes += signal.header.raw_bytes
        self.seconds += perf_counter() - start


def decoded_batches(
    items: Iterable[Placed], recorder: Recorder, excluded: Excluded, *, max_items: int = MAX_BATCH_ITEMS
) -> Iterator[Batch]:
    """Batches of one modality each; the order of items within a modality is kept."""
    open_batches: dict[Modality, Batch] = {}
    for placed in items:
        modality = placed.item.modality
        batch = open_batches.get(modality)
        if batch is None:
            batch = open_batches[modality] = Batch(modality=modality, max_items=max_items)
        if exclusion := excluded.items.get(placed.place):
            item = placed.item
            batch.failures.append(failure_by(exclusion, item.key, item.modality, item.stored_bytes))
        else:
            recorder.reading("decode", placed.place)
            batch.add(placed)
        if batch.full:
            recorder.rests(reading=True)
            yield open_batches.pop(modality)
    recorder.rests(reading=True)
    yield from open_batches.values()


@contextmanager
def ahead(source: Iterator[T]) -> Iterator[Iterator[T]]:
    """What `source` yields, made by a thread that is one ahead: the next batch is decoded while this one is encoded."""
    queue: Queue[tuple[T | None, BaseException | None]] = Queue(maxsize=1)
    stopped = Event()

    def offer(entry: tuple[T | None, BaseException | None]) -> bool:
        while not stopped.is_set():
            try:
                queue.put(entry, timeout=PATIENCE_SECONDS)
            except Full:
                continue
            return True
        return False

    def fill() -> None:
        error: BaseException | None = None
        try:
            for each in source:
                if not offer((each, None)):
                    return
        except BaseException as raised:
            error = raised
        offer((None, error))

    def drain() -> Generator[T, None, None]:
        while True:
            each, error = queue.get()
            if error is not None:
                raise error
            if each is None:
                return
            yield each

    thread = Thread(target=fill, name="decoding", daemon=True)
    thread.start()
    try:
        with closing(drain()) as drained:
            yield drained
    finally:
        stopped.set()
        while thread.is_alive():
            try:
                queue.get_nowait()
            except Empty:
                thread.join(PATIENCE_SECONDS)


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


def failure_by(
    exclusion: Exclusion, key: str, modality: Modality | None, n_bytes: int, tokenizer: str | None = None
) -> Failure:
    """The quarantine record of an item, or of a piece, that is not tried again."""
    return Failure(
        key=key,
        modality=modality,
        stage=exclusion.stage,
        reason=exclusion.reason,
        message=f"{key}: {exclusion.message}",
        stored_bytes=n_bytes,
        tokenizer=tokenizer,
    )
