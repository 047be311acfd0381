"""The bench: open tokenizers, put to batches. Encode, reconstruct, tally; what fails is halved until it is found.

Halving serves two ends: a poison item is isolated while its neighbours count, and a batch too large for a device's
memory goes through in parts.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tokeff.engine.recorder import Place, Recorder
from tokeff.engine.stream import Batch, failure_by, failure_of
from tokeff.engine.subsample import Subsample
from tokeff.engine.tasks import Excluded, Terms
from tokeff.errors import ItemError, TokeffError
from tokeff.maths.conditional import PairCounts
from tokeff.measures.batch import tally_batch
from tokeff.measures.pairs import count_pairs
from tokeff.measures.reconstruction import SourceBits
from tokeff.measures.throughput import Stage, Stopwatch
from tokeff.records.cards import Card
from tokeff.records.items import Failure, Item
from tokeff.records.signals import Signal, TextSignal
from tokeff.records.tallies import Tally
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import Reconstructs, Tokenizer, Verifies
from tokeff.tokenizers.registry import Registry

PAIR_TABLES_HELD = 32
"""Tables of pairs are summed when so many have come together: summing sorts all of them."""
VERIFIED_BYTES = 2**16
"""Of each text, so much is encoded with the reference library too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An open tokenizer and its number among those of the run."""

    number: int
    card: Card
    tokenizer: Tokenizer[Any]
    device: str


@lru_cache(maxsize=1)
def _opened(specs: tuple[str, ...], cards: tuple[str, ...], device: str) -> list[Tool]:
    registry = Registry.load(tuple(Path(folder) for folder in cards))
    return [
        Tool(number=number, card=registry.card(spec), tokenizer=registry.open(spec, device=device), device=device)
        for number, spec in enumerate(specs)
    ]


def open_tools(terms: Terms) -> list[Tool]:
    """The tokenizers of a run, loaded once per process."""
    return _opened(terms.specs, terms.cards, terms.device)


class _How(NamedTuple):
    """How closely a batch is looked at, for `tally_batch`."""

    coded: Container[str]
    sources: SourceBits


class _Load(NamedTuple):
    """What is put to a tokenizer at once."""

    items: Sequence[Item]
    places: Sequence[Place]
    signals: Sequence[Signal]

    def only(self, numbers: Sequence[int]) -> "_Load":
        """Some of it."""
        items, places, signals = self
        return _Load([items[n] for n in numbers], [places[n] for n in numbers], [signals[n] for n in numbers])

    def halves(self) -> "tuple[_Load, _Load]":
        """The first and the second half."""
        numbers = range(len(self.items))
        middle = len(numbers) // 2
        return self.only(numbers[:middle]), self.only(numbers[middle:])


@dataclass(slots=True, kw_only=True)
class Instrument:
    """One tokenizer and what it has measured of a shard."""

    tool: Tool
    paired: Subsample
    """Items whose pairs of neighbouring tokens are counted."""
    excluded: Excluded
    recorder: Recorder
    reconstructs: bool = True
    """Whether tokens are decoded at all."""
    keep: Callable[[Tally], None]
    """Takes the tally of each batch."""
    n_errors: int = 0
    watch: Stopwatch = field(init=False)
    _pairs: list[Mapping[str, PairCounts]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start a stopwatch for the device."""
        self.watch = Stopwatch(device=self.tool.device)

    def measure(self, batch: Batch, coded: Container[str], sources: SourceBits) -> list[Failure]:
        """Measure a batch; the failures of this tokenizer on it. coded: keys of which missing bits are measured."""
        failures: list[Failure] = []
        tallies: list[Tally] = []
        self._measure(self._admitted(batch, failures), _How(coded, sources), tallies, failures)
        self.recorder.rests(encoding=True)
        self.keep(Tally.total(tallies))
        self.n_errors += len(failures) + len(batch.failures)
        return failures

    def _admitted(self, batch: Batch, failures: list[Failure]) -> "_Load":
        """The batch without what must not be tried with this tokenizer again."""
        load = _Load(batch.items, batch.places, batch.signals)
        found = [self.excluded.encoding(place, self.tool.number) for place in batch.places]
        if not any(found):
            return load
        for item, exclusion in zip(batch.items, found, strict=True):
            if exclusion:
                name = self.tool.card.name
                failures.append(failure_by(exclusion, item.key, item.modality, item.stored_bytes, name))
        return load.only([number for number, exclusion in enumerate(found) if exclusion is None])

    def _measure(self, load: "_Load", how: "_How", tallies: list[Tally], failures: list[Failure]) -> None:
        items, places, signals = load
        if not items:
            return
        tokenizer = self.tool.tokenizer
        stage: Stage = "encode"
        try:
            with self.watch.batch(raw_bytes=sum(signal.header.raw_bytes for signal in signals)) as lap:

                def begin(name: Stage) -> Any:
                    nonlocal stage
                    stage = name
                    self.recorder.encoding(stage, self.tool.number, places[0], places[-1])
                    return lap.stage(stage)

                with begin("encode"):
                    tokens = tokenizer.encode(signals)
                lap.tokens(sum(each.counts.n_tokens for each in tokens))
                rebuilt = None
                if self.reconstructs and isinstance(tokenizer, Reconstructs):
                    with begin("reconstruct"):
                        rebuilt = tokenizer.decode(tokens, [signal.header for signal in signals])
                with begin("measure"):
                    tally = tally_batch(tokenizer, items, signals, tokens, rebuilt, **how._asdict())
                    self._count_pairs(items, tokens)
            tallies.append(tally)
        except Exception as error:
            if isinstance(error, TokeffError) and not isinstance(error, ItemError):
                raise
            if len(items) == 1:
                failures.append(failure_of(items[0], stage, error, self.tool.card.name))
                return
            for half in load.halves():
                self._measure(half, how, tallies, failures)

    def _count_pairs(self, items: Sequence[Item], tokens: Sequence[Tokens]) -> None:
        chosen = [(item.key, each) for item, each in zip(items, tokens, strict=True) if self.paired.includes(item)]
        sizes = self.tool.tokenizer.codebook_sizes
        if chosen and sizes:
            keys, theirs = zip(*chosen, strict=True)
            self._pairs.append(count_pairs(keys, theirs, sizes))
        if len(self._pairs) >= PAIR_TABLES_HELD:
            self._pairs = [self.pairs()]

    def pairs(self) -> Mapping[str, PairCounts]:
        """Pairs of neighbouring tokens so far, by context and stream."""
        return total_pairs(self._pairs)

    def verify(self, signals: Sequence[Signal]) -> dict[str, Any] | None:
        """Check a fast engine against its reference on (parts of) these texts. Raises EngineMismatch."""
        if not isinstance(self.tool.tokenizer, Verifies) or not signals:
            return None
        parts = [_window(signal) for signal in signals if isinstance(signal, TextSignal)]
        reference = self.tool.tokenizer.verify(parts)
        return {"reference": reference, "n_texts": len(parts), "n_bytes": sum(len(part.data) for part in parts)}


def total_pairs(tables: Sequence[Mapping[str, PairCounts]]) -> dict[str, PairCounts]:
    """The sum of tables of pairs, by name."""
    names = dict.fromkeys(name for each in tables for name in each)
    return {name: PairCounts.total(each[name] for each in tables if name in each) for name in names}


def _window(signal: TextSignal) -> TextSignal:
    """The first VERIFIED_BYTES of a text, cut between characters."""
    return TextSignal(data=signal.data[:VERIFIED_BYTES].decode("utf-8", "ignore").encode())
