"""The bench: open tokenizers, put to batches. Encode, reconstruct, tally; what fails is halved until it is found.

Halving serves two ends: a poison item is isolated while its neighbours count, and a batch too large for a device's
memory goes through in parts.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tokeff.engine.stream import Batch, failure_of
from tokeff.engine.subsample import Subsample
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

PAIR_TABLES_HELD = 32
"""Tables of pairs are summed when so many have come together: summing sorts all of them."""
VERIFIED_BYTES = 2**16
"""Of each text, so much is encoded with the reference library too."""


@dataclass(slots=True, kw_only=True)
class Instrument:
    """One open tokenizer and what it has measured so far."""

    card: Card
    tokenizer: Tokenizer[Any]
    device: str
    paired: Subsample
    """Items whose pairs of neighbouring tokens are counted."""
    coded: Container[str]
    """Keys of items of which missing bits are measured."""
    reconstructs: bool = True
    """Whether tokens are decoded at all."""
    tally: Tally = field(default_factory=Tally)
    n_errors: int = 0
    watch: Stopwatch = field(init=False)
    _pairs: list[Mapping[str, PairCounts]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start a stopwatch for the device."""
        self.watch = Stopwatch(device=self.device)

    def measure(self, batch: Batch, sources: SourceBits) -> tuple[Tally, list[Failure]]:
        """The tally of a batch and the failures of this tokenizer on it; both are added to what it has."""
        tallies: list[Tally] = []
        failures: list[Failure] = []
        self._measure(batch.items, batch.signals, sources, tallies, failures)
        tally = Tally.total(tallies)
        self.tally += tally
        self.n_errors += len(failures) + len(batch.failures)
        return tally, failures

    def _measure(
        self,
        items: Sequence[Item],
        signals: Sequence[Signal],
        sources: SourceBits,
        tallies: list[Tally],
        failures: list[Failure],
    ) -> None:
        if not items:
            return
        stage: Stage = "encode"
        try:
            with self.watch.batch(raw_bytes=sum(signal.header.raw_bytes for signal in signals)) as lap:
                with lap.stage("encode"):
                    tokens = self.tokenizer.encode(signals)
                lap.tokens(sum(each.counts.n_tokens for each in tokens))
                stage, rebuilt = "reconstruct", None
                if self.reconstructs and isinstance(self.tokenizer, Reconstructs):
                    with lap.stage("reconstruct"):
                        rebuilt = self.tokenizer.decode(tokens, [signal.header for signal in signals])
                stage = "measure"
                with lap.stage("measure"):
                    tally = tally_batch(
                        self.tokenizer, items, signals, tokens, rebuilt, coded=self.coded, sources=sources
                    )
                    tallies.append(tally)
                    self._count_pairs(items, tokens)
        except Exception as error:
            if isinstance(error, TokeffError) and not isinstance(error, ItemError):
                raise
            if len(items) == 1:
                failures.append(failure_of(items[0], stage, error, self.card.name))
                return
            middle = len(items) // 2
            self._measure(items[:middle], signals[:middle], sources, tallies, failures)
            self._measure(items[middle:], signals[middle:], sources, tallies, failures)

    def _count_pairs(self, items: Sequence[Item], tokens: Sequence[Tokens]) -> None:
        chosen = [(item.key, each) for item, each in zip(items, tokens, strict=True) if self.paired.includes(item)]
        if chosen and self.tokenizer.codebook_sizes:
            keys, theirs = zip(*chosen, strict=True)
            self._pairs.append(count_pairs(keys, theirs, self.tokenizer.codebook_sizes))
        if len(self._pairs) >= PAIR_TABLES_HELD:
            self._pairs = [self.pairs()]

    def pairs(self) -> Mapping[str, PairCounts]:
        """Pairs of neighbouring tokens so far, by context and stream."""
        names = dict.fromkeys(name for tables in self._pairs for name in tables)
        return {name: PairCounts.total(t[name] for t in self._pairs if name in t) for name in names}

    def verify(self, signals: Sequence[Signal]) -> dict[str, Any] | None:
        """Check a fast engine against its reference on (parts of) these texts. Raises EngineMismatch."""
        if not isinstance(self.tokenizer, Verifies) or not signals:
            return None
        parts = [_window(signal) for signal in signals if isinstance(signal, TextSignal)]
        reference = self.tokenizer.verify(parts)
        return {"reference": reference, "n_texts": len(parts), "n_bytes": sum(len(part.data) for part in parts)}


def _window(signal: TextSignal) -> TextSignal:
    """The first VERIFIED_BYTES of a text, cut between characters."""
    return TextSignal(data=signal.data[:VERIFIED_BYTES].decode("utf-8", "ignore").encode())
