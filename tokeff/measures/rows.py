"""From columns of per-item numbers to a Tally: sums, the products that the delta method needs, and rows.

Leaves out where the columns come from (`batch`, `headers`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tokeff.records.tallies import MAX_ROWS, Tally

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATIOS = (("raw_bytes", "n_tokens"), ("stored_bytes", "n_tokens"))
"""Numerator and denominator of every ratio with an interval."""
PRODUCTS = tuple(sorted({pair for x, y in RATIOS for pair in ((x, x), (x, y), (y, y))}))

Column = Sequence[int | None]
"""One number per item, in the order of the items; None where the item has no such number."""


def product_name(x: str, y: str) -> str:
    """The name under `counts` of the sum over items of x*y."""
    return f"{x}*{y}"


def tally_of_columns(
    keys: Sequence[str],
    columns: Mapping[str, Column],
    *,
    reals: Mapping[str, Column] | None = None,
    histograms: "Mapping[str, NDArray[np.int64]] | None" = None,
    sums: Mapping[str, int] | None = None,
    real_sums: Mapping[str, int] | None = None,
) -> Tally:
    """The Tally of the items `keys`.

    `columns` are exact counts, `reals` fixed-point; both make rows too. `sums` and `real_sums` are those that no
    item has alone. Raises ValueError where a key comes twice or a column has another length: a figure would be wrong
    unseen.
    """
    reals = reals or {}
    both = {**columns, **reals}
    if len(set(keys)) != len(keys):
        raise ValueError("two items of a batch have the same key: one of them would be lost")
    for name, column in both.items():
        if len(column) != len(keys):
            raise ValueError(f"the column {name} has {len(column)} numbers for {len(keys)} items")
    counts = {name: total for name, column in columns.items() if (total := _sum(column)) is not None}
    counts |= {product_name(x, y): _dot(columns[x], columns[y]) for x, y in PRODUCTS}
    return Tally(
        n_items=len(keys),
        counts={**counts, **(sums or {})},
        reals={
            **{name: total for name, column in reals.items() if (total := _sum(column)) is not None},
            **(real_sums or {}),
        },
        histograms=histograms or {},
        rows=_rows(keys, both) if len(keys) <= MAX_ROWS else None,
    )


def _sum(column: Column) -> int | None:
    """None where no item has the number: the name is then absent from the Tally."""
    present = [value for value in column if value is not None]
    return sum(present) if present else None


def _dot(x: Column, y: Column) -> int:
    """In Python's integers: bytes squared pass 2**63 with one film."""
    return sum(a * b for a, b in zip(x, y, strict=True) if a is not None and b is not None)


def _rows(keys: Sequence[str], columns: Mapping[str, Column]) -> dict[str, Mapping[str, int]]:
    names = tuple(columns)
    return {
        key: {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for key, values in zip(keys, zip(*columns.values(), strict=True), strict=True)
    }
