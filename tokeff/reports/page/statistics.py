"""Statistics over the rows of `items.parquet` in one pass: tokens per item, longest items, groups by folder and ending.

Memory is bounded by the number of groups, not of items. Leaves out drawing.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tokeff.engine.groups import N_GROUPS, at_one_depth, folders_and_endings
from tokeff.engine.loading import row_batches
from tokeff.maths.intervals import Moments, RatioInterval, delta_interval
from tokeff.records.items import MODALITIES, Modality

BINS_PER_OCTAVE = 8
N_LONGEST = 3
COLUMNS = ("key", "modality", "tokenizer", "raw_bytes", "n_tokens")
SUMS = ("n", "x", "y", "xx", "xy", "yy")

Each = TypeVar("Each")
Who = tuple[Modality, str]
"""Modality and tokenizer."""


@dataclass(slots=True)
class Spread:
    """Tokens per item of one tokenizer: a histogram over bins of equal ratio, and the items with most tokens."""

    bins: dict[int, int] = field(default_factory=dict)
    """Bin k holds items of 2**(k/8) up to 2**((k+1)/8) tokens."""
    n_without: int = 0
    """Items of no token."""
    longest: list[tuple[int, str]] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Tokens below which this share of the items (with tokens) lies, to the width of a bin: 9 %."""
        wanted = share * sum(self.bins.values())
        for place in sorted(self.bins):
            wanted -= self.bins[place]
            if wanted <= 0:
                break
        return float(2.0 ** ((place + 0.5) / BINS_PER_OCTAVE))


@dataclass(slots=True)
class Group:
    """Sums over the items of one folder or ending."""

    n: int = 0
    x: float = 0
    y: float = 0
    xx: float = 0
    xy: float = 0
    yy: float = 0

    def add(self, sums: dict[str, float]) -> None:
        """More items, or another group."""
        self.n += int(sums["n"])
        for name in SUMS[1:]:
            setattr(self, name, getattr(self, name) + sums[name])

    def interval(self) -> RatioInterval | None:
        """Bytes per token with its interval; None without a token."""
        if not (self.x > 0 and self.y > 0):
            return None
        return delta_interval(Moments(n=self.n, x=self.x, y=self.y, xx=self.xx, xy=self.xy, yy=self.yy))


@dataclass(slots=True)
class ItemStatistics:
    """What one pass over the rows gives."""

    spreads: dict[Who, Spread] = field(default_factory=dict)
    folders: dict[Who, dict[str, Group]] = field(default_factory=dict)
    endings: dict[Who, dict[str, Group]] = field(default_factory=dict)


def item_statistics(run: Path) -> ItemStatistics:
    """One pass over the rows of a run. Raises RunError where they cannot be read."""
    found = ItemStatistics()
    for batch in row_batches(run, COLUMNS):
        for who, rows in _by_tokenizer(batch):
            _add_spread(found.spreads.setdefault(who, Spread()), rows)
            add_groups(found.folders.setdefault(who, {}), rows, "folder")
            add_groups(found.endings.setdefault(who, {}), rows, "ending")
    return ItemStatistics(
        spreads=_in_order(found.spreads),
        folders={who: largest(merged(groups)) for who, groups in _in_order(found.folders).items()},
        endings={who: largest(groups) for who, groups in _in_order(found.endings).items()},
    )


def _in_order(by_tokenizer: dict[Who, Each]) -> dict[Who, Each]:
    """By modality in the usual order; tokenizers as they came."""
    return dict(sorted(by_tokenizer.items(), key=lambda named: MODALITIES.index(named[0][0])))


def merged(groups: dict[str, Group]) -> dict[str, Group]:
    """Folders merged at the depth that tells most without listing too many."""
    into = at_one_depth(groups)
    found: dict[str, Group] = {}
    for name, group in groups.items():
        found.setdefault(into[name], Group()).add(_sums(group))
    return found


def largest(groups: dict[str, Group]) -> dict[str, Group]:
    """The groups of most raw bytes, and the rest as one."""
    ordered = sorted(groups.items(), key=lambda named: (-named[1].x, named[0]))
    if len(ordered) <= N_GROUPS:
        return dict(ordered)
    rest = Group()
    for _, group in ordered[N_GROUPS - 1 :]:
        rest.add(_sums(group))
    return {**dict(ordered[: N_GROUPS - 1]), f"({len(ordered) - N_GROUPS + 1:,} others)": rest}


def _sums(group: Group) -> dict[str, float]:
    return {name: getattr(group, name) for name in SUMS}


def _by_tokenizer(batch: Any) -> Iterator[tuple[Who, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.Table.from_batches([batch])
    pairs = rows.group_by(["modality", "tokenizer"], use_threads=False).aggregate([]).to_pylist()
    for pair in pairs:
        mask = pc.and_(pc.equal(rows["tokenizer"], pair["tokenizer"]), pc.equal(rows["modality"], pair["modality"]))
        yield (pair["modality"], pair["tokenizer"]), _with_groups(rows.filter(mask))


def _with_groups(rows: Any) -> Any:
    folders, endings = folders_and_endings(rows["key"])
    return rows.append_column("folder", folders).append_column("ending", endings)


def add_groups(groups: dict[str, Group], rows: Any, column: str) -> None:
    """Add the sums of rows (pyarrow.Table) to the groups that a column names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    x, y = (pc.cast(rows[name], pa.float64()) for name in ("raw_bytes", "n_tokens"))
    products = {"x": x, "y": y, "xx": pc.multiply(x, x), "xy": pc.multiply(x, y), "yy": pc.multiply(y, y)}
    table = pa.table({"group": rows[column], **products})
    sums = table.group_by("group", use_threads=False).aggregate([("x", "count"), *((n, "sum") for n in products)])
    for row in sums.to_pylist():
        held = {"n": row["x_count"], **{name: row[f"{name}_sum"] for name in products}}
        groups.setdefault(row["group"], Group()).add(held)


def _add_spread(spread: Spread, rows: Any) -> None:
    import numpy as np

    tokens = rows["n_tokens"].to_numpy()
    some = tokens[tokens > 0]
    spread.n_without += int((tokens == 0).sum())
    places = np.floor(np.log2(some) * BINS_PER_OCTAVE + 1e-9).astype(np.int64)
    for place, n_items in zip(*np.unique(places, return_counts=True), strict=True):
        spread.bins[int(place)] = spread.bins.get(int(place), 0) + int(n_items)
    most = np.argsort(-tokens, kind="stable")[:N_LONGEST]
    named = [(int(tokens[place]), str(rows["key"][int(place)])) for place in most]
    spread.longest = heapq.nlargest(N_LONGEST, [*spread.longest, *named])


def coarse(bins: dict[int, int], at_most: int = 40) -> list[tuple[float, float, int]]:
    """(from, to, items) of bins merged until there are at most so many."""
    if not bins:
        return []
    width = max(1, math.ceil((max(bins) - min(bins) + 1) / at_most))
    merged: dict[int, int] = {}
    for place, n_items in bins.items():
        merged[place // width] = merged.get(place // width, 0) + n_items
    edge = BINS_PER_OCTAVE / width
    return [(2.0 ** (place / edge), 2.0 ** ((place + 1) / edge), merged[place]) for place in sorted(merged)]
