"""Paired comparisons: closed forms, scipy's paired t interval, coverage by simulation, winners only beyond chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tokeff.measures.paired import decibel_difference, front, mean_difference, ratio_of_ratios, shared_confidence


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
