"""Paired comparisons: closed forms, scipy's paired t interval, coverage by simulation, winners only beyond chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tokeff.measures.contrasts import CODED_BYTES, MISSING
from tokeff.measures.fidelities import CODED_BYTES as BYTES_COLUMN
from tokeff.measures.fidelities import FIDELITIES
from tokeff.measures.paired import (
    decibel_difference,
    front,
    mean_difference,
    rate_difference,
    ratio_of_ratios,
    shared_confidence,
)


def test_mean_difference_is_the_paired_t_interval_of_scipy() -> None:
    draw = np.random.default_rng(0)
    ours, theirs = draw.normal(1, 2, 40), draw.normal(0.5, 2, 40)
    found = mean_difference(ours, theirs, confidence=0.95)
    exact = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert found.value == pytest.approx(np.mean(ours - theirs))
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=1e-3)


def test_items_that_lack_a_number_are_left_out() -> None:
    ours = np.array([1.0, np.nan, 3.0, 4.0])
    found = mean_difference(ours, np.array([0.0, 1.0, np.nan, 2.0]), confidence=0.95)
    assert (found.n_items, found.value, found.low, found.reason) == (2, 1.5, None, "too_few_items")
    with pytest.raises(ValueError, match="no item"):
        mean_difference(ours, np.full(4, np.nan), confidence=0.95)


def test_half_the_tokens_are_twice_the_bytes_per_token_exactly() -> None:
    theirs = np.arange(2, 42, 2)
    found = ratio_of_ratios(theirs // 2, theirs, confidence=0.95)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)


def test_a_tenth_of_the_squared_error_is_ten_decibels() -> None:
    theirs = np.linspace(1, 9, 30)
    found = decibel_difference(theirs / 10, theirs, confidence=0.95)
    assert found.value == pytest.approx(10)


def test_pairing_takes_out_what_the_items_differ_in() -> None:
    """Items of very different sizes, tokenizers about 3 % apart: the paired interval is narrow all the same."""
    draw = np.random.default_rng(3)
    sizes = draw.lognormal(8, 1.5, 60)
    ours, theirs = sizes / 4, sizes / 4 * draw.normal(1.03, 0.02, 60)
    found = ratio_of_ratios(ours, theirs, confidence=0.95)
    assert found.low is not None
    assert found.high is not None
    assert 1.0 < found.low < found.value < found.high < found.low + 0.02


def test_coverage_of_the_paired_ratio() -> None:
    """200 corpora of 40 items whose true ratio is 1.1: a 95 % interval holds it 95 % of the time, give or take."""
    draw = np.random.default_rng(4)
    held = 0
    for _ in range(200):
        sizes = draw.lognormal(6, 1, 40)
        ours, theirs = sizes * draw.gamma(20, 1 / 20, 40), 1.1 * sizes * draw.gamma(20, 1 / 20, 40)
        found = ratio_of_ratios(ours, theirs, confidence=0.95)
        held += found.low is not None and found.high is not None and found.low <= 1.1 <= found.high
    assert 180 <= held <= 199


@given(st.dictionaries(st.text(min_size=1), st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_a_front_holds_exactly_what_nothing_beats(points: dict[str, tuple[int, int]]) -> None:
    members = front(points)
    assert members
    for name, (x, y) in points.items():
        beaten = any(a >= x and b >= y and (a, b) != (x, y) for a, b in points.values())
        assert (name in members) != beaten


def test_intervals_hold_together() -> None:
    assert shared_confidence(1) == 0.95
    assert shared_confidence(10) == pytest.approx(0.995)


def test_a_difference_of_rates_may_start_from_nothing() -> None:
    """A lossless tokenizer misses no bits: the difference is the other's rate, which equal items leave exact."""
    base = np.arange(10.0, 40)
    found = rate_difference(np.zeros(30), 0.5 * base, base, confidence=0.95)
    assert (found.value, found.low, found.high) == pytest.approx((-0.5, -0.5, -0.5))
    few = rate_difference(np.zeros(4), np.array([1, 2, np.nan, 3]), np.ones(4), confidence=0.95)
    assert (few.n_items, few.value, few.reason) == (3, -2.0, "too_few_items")
    with pytest.raises(ValueError, match="no item"):
        rate_difference(np.zeros(4), np.ones(4), np.full(4, np.nan), confidence=0.95)


def test_coverage_of_a_difference_of_rates() -> None:
    """400 corpora of 40 items of unlike sizes whose rates differ by 0.25 bits per byte."""
    draw, held = np.random.default_rng(5), 0
    for _ in range(400):
        sizes = draw.lognormal(6, 0.7, 40)
        shared = sizes * draw.normal(3, 0.5, 40)
        found = rate_difference(shared + sizes * draw.normal(0.25, 0.2, 40), shared, sizes, confidence=0.95)
        held += found.low is not None and found.high is not None and found.low <= 0.25 <= found.high
    assert 0.90 <= held / 400 <= 0.98


def test_columns_of_missing_bits_have_the_names_that_items_have() -> None:
    assert CODED_BYTES == BYTES_COLUMN
    assert {name: grid[0].column("missing") for name, grid in FIDELITIES.items()} == MISSING
