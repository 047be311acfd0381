"""The recorder: where a worker is, told to whoever watches it, so that an item that kills or stalls it can be named.

A flight recorder: sixteen integers in memory that two processes share, written before every step, read when the worker
is dead. It also counts what the worker has done. Leaves out what is concluded (`supervisor`).
"""

from dataclasses import dataclass
from time import monotonic_ns
from typing import NamedTuple

from tokeff.records.items import Stage

STAGES: tuple[Stage, ...] = ("find", "read", "decode", "encode", "reconstruct", "measure")
N_SLOTS = 16
N_BYTES = 8 * N_SLOTS
_ITEMS, _BYTES, _ERRORS = 0, 1, 2
_READING, _ENCODING = 3, 8
"""Slots of two steps that may go on at once: stage + 1 or 0, since, then places."""


class Place(NamedTuple):
    """An item: the piece of the shard, and its number among what the piece yields."""

    piece: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a worker was at: items from `first` to `last`, with the tokenizer of this number, or with none yet."""

    stage: Stage
    first: Place
    last: Place
    tokenizer: int | None
    since_ns: int


class Recorder:
    """Writes where a worker is. `memory` holds N_BYTES, shared or not."""

    def __init__(self, memory: "bytearray | memoryview | None" = None) -> None:
        self._slots = memoryview(memory if memory is not None else bytearray(N_BYTES)).cast("B").cast("q")

    def reading(self, stage: Stage, place: Place) -> None:
        """One item is looked for, read or decoded."""
        slots = self._slots
        slots[_READING + 1] = monotonic_ns()
        slots[_READING + 2], slots[_READING + 3] = place
        slots[_READING] = STAGES.index(stage) + 1

    def encoding(self, stage: Stage, tokenizer: int, first: Place, last: Place) -> None:
        """A tokenizer has a batch."""
        slots = self._slots
        slots[_ENCODING + 1] = monotonic_ns()
        slots[_ENCODING + 2], slots[_ENCODING + 3] = first
        slots[_ENCODING + 4], slots[_ENCODING + 5] = last
        slots[_ENCODING + 6] = tokenizer
        slots[_ENCODING] = STAGES.index(stage) + 1

    def rests(self, *, reading: bool = False, encoding: bool = False) -> None:
        """Nothing is being read, or encoded."""
        if reading:
            self._slots[_READING] = 0
        if encoding:
            self._slots[_ENCODING] = 0

    def done(self, *, n_items: int, stored_bytes: int, n_errors: int) -> None:
        """So much more is done."""
        self._slots[_ITEMS] += n_items
        self._slots[_BYTES] += stored_bytes
        self._slots[_ERRORS] += n_errors

    def begin(self) -> None:
        """A new attempt: nothing is done."""
        for slot in range(N_SLOTS):
            self._slots[slot] = 0

    def progress(self) -> tuple[int, int, int]:
        """Items, stored bytes and failed items since the attempt began."""
        return self._slots[_ITEMS], self._slots[_BYTES], self._slots[_ERRORS]

    def steps(self) -> list[Step]:
        """What is going on: reading, encoding, both or neither."""
        slots = self._slots.tolist()
        found: list[Step] = []
        if stage := slots[_READING]:
            place = Place(*slots[_READING + 2 : _READING + 4])
            since = slots[_READING + 1]
            found.append(Step(stage=STAGES[stage - 1], first=place, last=place, tokenizer=None, since_ns=since))
        if stage := slots[_ENCODING]:
            first, last = Place(*slots[_ENCODING + 2 : _ENCODING + 4]), Place(*slots[_ENCODING + 4 : _ENCODING + 6])
            tokenizer, since = slots[_ENCODING + 6], slots[_ENCODING + 1]
            found.append(Step(stage=STAGES[stage - 1], first=first, last=last, tokenizer=tokenizer, since_ns=since))
        return found
