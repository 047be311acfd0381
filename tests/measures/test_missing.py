"""Intervals of missing bits and of the share kept: the ratio's own interval, in any order of items; reasons."""

import numpy as np
import pytest

from tokeff.maths.intervals import ratio_interval
from tokeff.measures.missing import missing_intervals
from tokeff.measures.rows import tally_of_columns
from tokeff.records.tallies import Tally, fixed


def coded_items(n: int, *, scale: float = 1.0, backwards: bool = False) -> Tally:
    draw = np.random.default_rng(2)
    sizes = draw.integers(1000, 9000, n)
    missing, middle = sizes * draw.normal(3, 0.3, n) * scale, sizes * draw.normal(0.2, 0.02, n) * scale
    order = np.arange(n)[:: -1 if backwards else 1]
    counts = {"raw_bytes": sizes, "stored_bytes": sizes, "n_tokens": sizes, "n_coded_bytes": sizes}
    bits = {"missing_bits_d8_s1": missing, "missing_bits_d8_s4": middle, "source_bits_d8_s4": 0.5 * sizes}
    bits["source_bits_d8_s1"] = 8.0 * sizes
    return tally_of_columns(
        [f"item {k:03}" for k in order],
        {name: column[order].tolist() for name, column in counts.items()},
        reals={name: [fixed(float(value)) for value in column[order]] for name, column in bits.items()},
    )


def test_missing_bits_have_the_interval_of_a_ratio_of_sums() -> None:
    absent: dict[str, str] = {}
    tally = coded_items(30)
    found = missing_intervals(tally, "image", population=200, seed=3, absent=absent)
    assert tally.rows is not None
    rows = list(tally.rows.values())
    x = np.array([row["missing_bits_d8_s1"] / 2**40 for row in rows])
    y = np.array([row["n_coded_bytes"] for row in rows], dtype=np.float64)
    exact = ratio_interval(x, y, population=200, seed=3)
    assert found["entropy_bits_per_byte"] == {"low": exact.low, "high": exact.high}
    kept = found["retained_share"]
    value = 1 - tally.real("missing_bits_d8_s4") / tally.real("source_bits_d8_s4")
    assert kept["low"] < value < kept["high"] < 1
    assert (kept["depth_bits"], kept["scale"], absent) == (8, 4, {})
    again = missing_intervals(coded_items(30, backwards=True), "image", population=200, seed=3, absent={})
    assert again == found


@pytest.mark.parametrize(("n", "scale", "reason"), [(5, 1.0, "too_few_items"), (30, 0.0, "no_bits_missing")])
def test_an_interval_that_cannot_be_had_has_a_reason(n: int, scale: float, reason: str) -> None:
    absent: dict[str, str] = {}
    found = missing_intervals(coded_items(n, scale=scale), "image", population=None, seed=0, absent=absent)
    assert found["entropy_bits_per_byte"] == {"low": None, "high": None}
    assert set(absent.values()) == {reason}
    assert set(absent) == {"reconstruction.intervals.entropy_bits_per_byte", "reconstruction.intervals.retained_share"}


def test_texts_have_none() -> None:
    assert missing_intervals(coded_items(30), "text", population=None, seed=0, absent={}) == {}
