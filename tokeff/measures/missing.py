"""Intervals of what a reconstruction leaves missing: missing bits per raw byte, and the share that is kept.

Ratios of sums over the coded items as codes of their own, by the same bootstrap as bytes per token, moved by as much as
histograms that all items share take off the sums. Leaves out the figures themselves
(`figures`) and comparisons of two tokenizers (`paired`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.maths.intervals import RatioInterval, ratio_interval
from tokeff.measures.fidelities import CODED_BYTES, CODED_ITEMS, FIDELITIES, Fidelity, middle_of
from tokeff.measures.figures import reconstruction_figures
from tokeff.measures.pooled import corpus_bits, own_bits
from tokeff.records.items import Modality
from tokeff.records.tallies import Tally, from_fixed

CONFIDENCE = 0.95


def rebuilt_figures(
    tally: Tally, modality: Modality, *, absent: dict[str, str], population: int | None = None, seed: int = 0
) -> Mapping[str, Any]:
    """The figures of the reconstruction, with their intervals where items were coded."""
    found = reconstruction_figures(tally, modality, absent)
    if not tally.count(CODED_ITEMS):
        return found
    spread = missing_intervals(tally, modality, population=population, seed=seed, absent=absent)
    return {**found, "intervals": spread} if spread else found


def missing_intervals(
    tally: Tally, modality: Modality, *, population: int | None, seed: int, absent: dict[str, str]
) -> dict[str, Any]:
    """`low` and `high` of the entropy at full fidelity and of the share kept at the middle one; {} for texts.

    None where there is none to be had; the reason is then noted in `absent`.
    """
    if modality not in FIDELITIES:
        return {}
    full, middle = FIDELITIES[modality][0], middle_of(modality)
    entropy = _interval(tally, full.column("missing"), CODED_BYTES, population, seed)
    lost = _interval(tally, middle.column("missing"), middle.column("source"), population, seed)
    less = _pooling(tally, full, "missing", modality)
    shared = _pooling(tally, middle, "missing", modality) / _pooling(tally, middle, "source", modality)
    kept = tuple(None if end is None else 1 - shared * end for end in (lost.high, lost.low))
    for name, reason in (("entropy_bits_per_byte", entropy.reason), ("retained_share", lost.reason)):
        if reason is not None:
            absent[f"reconstruction.intervals.{name}"] = reason
    return {
        "confidence": CONFIDENCE,
        "entropy_bits_per_byte": {
            name: None if end is None else less * end for name, end in (("low", entropy.low), ("high", entropy.high))
        },
        "retained_share": {
            **{"depth_bits": middle.depth_bits, "scale": middle.scale},
            **{"low": kept[0], "high": kept[1]},
        },
    }


def _pooling(tally: Tally, at: Fidelity, kind: str, modality: Modality) -> float:
    """Bits under shared histograms over those of items as codes of their own."""
    own = own_bits(tally, at, kind)
    return corpus_bits(tally, at, kind, modality) / own if own > 0 else 1.0


def _interval(tally: Tally, above: str, below: str, population: int | None, seed: int) -> RatioInterval:
    """The ratio of two sums over the items that have both; without rows or without bits there is no interval."""
    nothing = RatioInterval(value=0.0, low=None, high=None, reason="no_rows_of_items")
    if tally.rows is None:
        return nothing
    # In the order of keys: a seeded resample must not depend on the order in which shards came.
    rows = [tally.rows[key] for key in sorted(tally.rows) if above in tally.rows[key]]
    x, y = (_column(rows, name) for name in (above, below))
    if not x.sum() > 0 or not y.sum() > 0:
        return RatioInterval(value=0.0, low=None, high=None, reason="no_bits_missing")
    return ratio_interval(x, y, confidence=CONFIDENCE, population=population, seed=seed)


def _column(rows: list[Mapping[str, int]], name: str) -> NDArray[np.float64]:
    whole = name == CODED_BYTES
    return np.fromiter((row[name] if whole else from_fixed(row[name]) for row in rows), np.float64, len(rows))
