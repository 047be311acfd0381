"""The Tally: sums over items, that add like numbers in any order and on any machine, bit for bit.

Every value is an integer: counts as they are, real numbers as whole multiples of 2**-40 (`fixed`), so that
addition is exact and order-free. Ratios, logarithms and intervals exist only in a Measurement.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIXED_UNIT = 2**40
MAX_ROWS = 10_000
"""Up to so many items a tally keeps each item's own sums, for resampled intervals; beyond, moments are enough."""


def fixed(value: float) -> int:
    """A real number as a whole multiple of 2**-40. Raises ValueError for NaN and infinities."""
    if not math.isfinite(value):
        raise ValueError(f"only finite numbers add up, got {value}")
    return round(value * FIXED_UNIT)


def from_fixed(total: int) -> float:
    """The real number of a whole multiple of 2**-40."""
    return total / FIXED_UNIT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """Sums over `n_items` items measured by one tokenizer.

    `counts` are exact integers (`n_tokens`, `raw_bytes`, ...) and `products` sums over items of x*y for pairs of them
    (`raw_bytes*n_tokens`), which the delta method needs. `reals` are fixed-point. `histograms` are dense counts by
    id. `rows` hold each item's own counts and reals by key, or None once there were more than MAX_ROWS items.
    """

    n_items: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    reals: Mapping[str, int] = field(default_factory=dict)
    histograms: "Mapping[str, NDArray[np.int64]]" = field(default_factory=dict)
    rows: Mapping[str, Mapping[str, int]] | None = field(default_factory=dict)
    """item key -> name -> value, names of `counts` and `reals` (reals still fixed-point)."""

    def __add__(self, other: "Tally") -> "Tally":
        """The tally of both sets of items, which must not share an item."""
        return Tally.total((self, other))

    @classmethod
    def total(cls, tallies: Iterable["Tally"]) -> "Tally":
        """The sum of many, in one pass."""
        parts = list(tallies)
        n_items = sum(part.n_items for part in parts)
        return cls(
            n_items=n_items,
            counts=_sum_by_name(part.counts for part in parts),
            reals=_sum_by_name(part.reals for part in parts),
            histograms=_sum_histograms([part.histograms for part in parts]),
            rows=_join_rows([part.rows for part in parts], n_items),
        )

    def count(self, name: str) -> int:
        """A count, 0 where no item had it."""
        return self.counts.get(name, 0)

    def real(self, name: str) -> float:
        """A real sum. Raises KeyError where no item had it: 0 would be a figure."""
        return from_fixed(self.reals[name])


def _sum_by_name(mappings: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            total[name] = total.get(name, 0) + value
    return total


def _sum_histograms(parts: "list[Mapping[str, NDArray[np.int64]]]") -> "dict[str, NDArray[np.int64]]":
    if len(parts) == 1:
        return dict(parts[0])
    total: dict[str, NDArray[np.int64]] = {}
    for part in parts:
        for name, counts in part.items():
            seen = total.get(name)
            if seen is None:
                total[name] = counts.copy()
            elif len(seen) >= len(counts):
                seen[: len(counts)] += counts
            else:
                longer = counts.copy()
                longer[: len(seen)] += seen
                total[name] = longer
    return total


def _join_rows(
    parts: list[Mapping[str, Mapping[str, int]] | None], n_items: int
) -> dict[str, Mapping[str, int]] | None:
    if n_items > MAX_ROWS or any(part is None for part in parts):
        return None
    joined: dict[str, Mapping[str, int]] = {}
    for part in parts:
        joined.update(part or {})
    if sum(len(part or ()) for part in parts) != len(joined):
        raise ValueError("tallies that share an item cannot be added: its bytes would count twice")
    return joined
