"""Totals over items: an item ends in exactly one of two places, counted or quarantined."""

from collections import Counter
from collections.abc import Sequence

from tokeff.engine.directory import RunDirectory
from tokeff.records.items import Failure

N_EXAMPLES = 20


class Totals:
    """Counts items in, measured and quarantined; keeps the first few failures to show."""

    def __init__(self, directory: RunDirectory | None) -> None:
        self.n_in = self.n_ok = self.n_err = 0
        self.reasons: Counter[str] = Counter()
        self.examples: list[Failure] = []
        self._directory = directory

    def add(self, n_items: int, failures: Sequence[Failure]) -> int:
        """Of `n_items` gone through, these failed (an item may fail with several tokenizers); how many items failed."""
        n_failed = len({failure.key for failure in failures})
        self.n_in += n_items
        self.n_err += n_failed
        self.n_ok += n_items - n_failed
        self._note(failures)
        return n_failed

    def lose(self, failures: Sequence[Failure]) -> None:
        """Items that failed before any tokenizer saw them."""
        self.add(len(failures), failures)

    def _note(self, failures: Sequence[Failure]) -> None:
        seen: set[tuple[str, str]] = set()
        for failure in failures:
            if (failure.key, failure.reason) not in seen:
                self.reasons[failure.reason] += 1
                seen.add((failure.key, failure.reason))
        self.examples += failures[: N_EXAMPLES - len(self.examples)]
        if self._directory:
            self._directory.add_failures(failures)
