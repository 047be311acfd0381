"""Tallies add exactly, in any order and any grouping, and never hold an item twice."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.records.tallies import MAX_ROWS, Tally, fixed, from_fixed

NAMES = ("n_tokens", "raw_bytes", "squared_error")


@st.composite
def lists_of_tallies(draw: st.DrawFn) -> list[Tally]:
    """Up to six tallies of different items, with names and histograms that not all of them have."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    return [draw(tallies(place, size)) for place, size in enumerate(sizes)]


@st.composite
def tallies(draw: st.DrawFn, place: int, size: int) -> Tally:
    rows = {
        f"item {place}.{number}": draw(st.dictionaries(st.sampled_from(NAMES), st.integers(-(2**70), 2**70)))
        for number in range(size)
    }
    counts: dict[str, int] = {}
    for row in rows.values():
        for name, value in row.items():
            counts[name] = counts.get(name, 0) + value
    reals = draw(st.dictionaries(st.just("ssim"), st.floats(-1e6, 1e6).map(fixed)))
    histogram = st.lists(st.integers(0, 2**40), min_size=1, max_size=5).map(lambda c: np.array(c, dtype=np.int64))
    histograms = draw(st.dictionaries(st.sampled_from(["stream0", "stream1"]), histogram))
    return Tally(n_items=size, counts=counts, reals=reals, histograms=histograms, rows=rows)


def content(tally: Tally) -> object:
    histograms = {name: np.trim_zeros(counts, "b").tolist() for name, counts in tally.histograms.items()}
    return tally.n_items, dict(tally.counts), dict(tally.reals), histograms, tally.rows


@settings(max_examples=40)
@given(lists_of_tallies(), st.randoms())
def test_order_and_grouping_do_not_matter(parts: list[Tally], random: object) -> None:
    whole = content(Tally.total(parts))
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert content(Tally.total(shuffled)) == whole
    left = Tally()
    for part in parts:
        left = left + part
    assert content(left) == whole
    right = Tally()
    for part in reversed(parts):
        right = part + right
    assert content(right) == whole


@settings(max_examples=40)
@given(lists_of_tallies(), st.integers(1, 5))
def test_any_sharding_gives_the_same_total(parts: list[Tally], n_shards: int) -> None:
    shards = [Tally.total(parts[start::n_shards]) for start in range(n_shards)]
    assert content(Tally.total(shards)) == content(Tally.total(parts))


@settings(max_examples=40)
@given(lists_of_tallies())
def test_adding_leaves_the_parts_alone(parts: list[Tally]) -> None:
    before = [content(part) for part in parts]
    Tally.total(parts)
    assert [content(part) for part in parts] == before


def test_an_item_cannot_count_twice() -> None:
    tally = Tally(n_items=1, counts={"n_tokens": 3}, rows={"a": {"n_tokens": 3}})
    with pytest.raises(ValueError, match="share an item"):
        tally + tally


def test_beyond_the_limit_rows_are_given_up_and_sums_stay() -> None:
    rows = {str(number): {"n_tokens": 1} for number in range(MAX_ROWS)}
    full = Tally(n_items=MAX_ROWS, counts={"n_tokens": MAX_ROWS}, rows=rows)
    one = Tally(n_items=1, counts={"n_tokens": 1}, rows={"one more": {"n_tokens": 1}})
    assert (full + Tally()).rows == rows
    assert (full + one).rows is None
    assert (full + one + Tally()).rows is None
    assert (full + one).count("n_tokens") == MAX_ROWS + 1


@given(st.lists(st.floats(-1e9, 1e9), max_size=30), st.randoms())
def test_reals_add_to_the_same_number_in_any_order(values: list[float], random: object) -> None:
    total = sum(map(fixed, values))
    random.shuffle(values)  # type: ignore[attr-defined]
    assert sum(map(fixed, values)) == total
    assert from_fixed(total) == pytest.approx(math.fsum(values), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers_add_up(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        fixed(value)


def test_a_missing_count_is_nothing_and_a_missing_real_is_an_error() -> None:
    assert Tally().count("n_tokens") == 0
    with pytest.raises(KeyError):
        Tally().real("ssim")
