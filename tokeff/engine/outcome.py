"""The outcome of a shard, as it comes about: what tokenizers summed up, which items failed, rows.

An item ends in exactly one of two places, counted or quarantined. Leaves out adding up shards (`sums`).
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tokeff.engine.results import Result, pair_facts, tally_facts
from tokeff.engine.rows import RowWriter
from tokeff.maths.conditional import PairCounts
from tokeff.measures.throughput import Timings
from tokeff.records.items import Failure, Modality
from tokeff.records.tallies import Tally
from tokeff.tokenizers.protocols import ComputesIn, CountsFromHeader, HasCodebook, Reconstructs, StatesInput

if TYPE_CHECKING:
    from tokeff.engine.bench import Tool

DTYPE = "float32"


class Outcome:
    """Collects; `result` is what is kept."""

    def __init__(self) -> None:
        self._n_in = self._n_err = 0
        self._failures: list[Failure] = []
        self._tokenizers: dict[str, dict[str, Any]] = {}
        self._arrays: dict[str, Any] = {}
        self._decoding: dict[str, list[float]] = {}
        self._rows = io.BytesIO()
        self._writer = RowWriter(self._rows)
        self._writer.__enter__()

    def add(self, n_items: int, failures: Sequence[Failure]) -> int:
        """Of `n_items` gone through, these failed (an item may fail with several tokenizers); how many items failed."""
        n_failed = len({failure.key for failure in failures})
        self._n_in += n_items
        self._n_err += n_failed
        self._failures += failures
        return n_failed

    def add_decoding(self, modality: Modality, seconds: float, raw_bytes: int) -> None:
        """Time spent decoding."""
        before = self._decoding.get(modality, [0.0, 0])
        self._decoding[modality] = [before[0] + seconds, before[1] + raw_bytes]

    def add_rows(self, tool: "Tool", tally: Tally) -> None:
        """The rows of a batch."""
        self._writer.add(tool.card.modality, tool.card.name, tally)

    def add_tokenizer(
        self,
        tool: "Tool",
        tally: Tally,
        *,
        n_errors: int,
        pairs: Mapping[str, PairCounts] | None = None,
        timings: Timings | None = None,
        verified: Mapping[str, Any] | None = None,
    ) -> None:
        """What a tokenizer summed up, with what must be known of it to make a measurement."""
        tokenizer, name = tool.tokenizer, str(tool.number)
        self._tokenizers[name] = {
            "tally": tally_facts(name, tally, self._arrays),
            "n_errors": n_errors,
            "pairs": pair_facts(name, pairs or {}, self._arrays),
            "timings": (timings or Timings()).to_json(),
            "verified": verified,
            "codebook_sizes": list(tokenizer.codebook_sizes),
            "levels": list(tokenizer.levels) if isinstance(tokenizer, HasCodebook) else None,
            "dtype": tokenizer.dtype if isinstance(tokenizer, ComputesIn) else DTYPE,
            "input_policy": dict(tokenizer.input_policy) if isinstance(tokenizer, StatesInput) else None,
            "reconstructs": isinstance(tokenizer, Reconstructs),
            "counts_from_header": isinstance(tokenizer, CountsFromHeader),
        }

    def result(self) -> Result:
        """All of it."""
        self._writer.__exit__(None, None, None)
        return Result(
            facts={
                "totals": {"n_in": self._n_in, "n_ok": self._n_in - self._n_err, "n_err": self._n_err},
                "failures": [asdict(failure) for failure in self._failures],
                "tokenizers": self._tokenizers,
                "decoding": self._decoding,
            },
            arrays=self._arrays,
            tables={"rows": self._rows.getvalue()} if self._writer.n_rows else {},
        )
