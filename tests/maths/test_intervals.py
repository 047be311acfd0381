"""Intervals of a ratio: coverage by simulation, agreement of two methods, what has none."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as scipy_t

from tokeff.maths.intervals import MIN_ITEMS, Moments, delta_interval, ratio_interval, student_quantile

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
N_SIMULATIONS = 1000


def documents(generator: np.random.Generator, n: int) -> Pair:
    """Log-normal sizes; the ratio is noisy and a little higher in large items, as in mixed corpora."""
    size = generator.normal(size=n)
    raw_bytes = np.round(np.exp(7 + size)) + 1
    ratio = 4 * np.exp(0.05 * size + 0.15 * generator.normal(size=n))
    return raw_bytes, np.maximum(1, np.round(raw_bytes / ratio))


def heavy(generator: np.random.Generator, n: int) -> Pair:
    """A few items hold most of the bytes."""
    raw_bytes = np.round(np.exp(7 + 1.5 * generator.normal(size=n))) + 1
    return raw_bytes, np.maximum(1, np.round(raw_bytes / 3.7 * np.exp(0.2 * generator.normal(size=n))))


def bounded(generator: np.random.Generator, n: int) -> Pair:
    """Sizes between bounds, and ratios all over the place."""
    raw_bytes = generator.integers(200, 4000, n).astype(np.float64)
    return raw_bytes, np.maximum(1, np.round(raw_bytes / generator.uniform(2, 5, n)))


@pytest.mark.parametrize("n_items", [30, 100])
@pytest.mark.parametrize("corpus", [documents, heavy, bounded])
def test_a_95_percent_interval_covers_95_percent(
    corpus: Callable[[np.random.Generator, int], Pair], n_items: int
) -> None:
    x, y = corpus(np.random.default_rng(99), 2_000_000)
    truth = x.sum() / y.sum()
    generator = np.random.default_rng(1)
    found = [ratio_interval(*corpus(generator, n_items), seed=run, n_resamples=1000) for run in range(N_SIMULATIONS)]
    covered = np.mean(
        [each.low is not None and each.high is not None and each.low <= truth <= each.high for each in found]
    )
    assert 0.93 <= covered <= 0.97


def test_a_sample_of_a_small_corpus_needs_the_finite_correction() -> None:
    """60 of 100 items without replacement: with the correction 95 % for the corpus, without it nearly always."""
    generator = np.random.default_rng(2)
    with_correction = without = 0
    for run in range(400):
        x, y = bounded(generator, 100)
        drawn = generator.permutation(100)[:60]
        for population in (100, None):
            found = ratio_interval(x[drawn], y[drawn], population=population, seed=run, n_resamples=1000)
            assert found.low is not None
            assert found.high is not None
            hit = found.low <= x.sum() / y.sum() <= found.high
            with_correction += hit and population is not None
            without += hit and population is None
    assert 0.92 <= with_correction / 400 <= 0.98
    assert without / 400 > 0.99


def test_the_whole_corpus_leaves_no_doubt() -> None:
    x, y = bounded(np.random.default_rng(3), 50)
    found = ratio_interval(x, y, population=50)
    assert found.low == found.value == found.high == pytest.approx(x.sum() / y.sum())


def test_more_items_than_there_are() -> None:
    x, y = bounded(np.random.default_rng(3), 50)
    with pytest.raises(ValueError, match="without replacement"):
        ratio_interval(x, y, population=49)


@pytest.mark.parametrize("n_items", [0, 1, MIN_ITEMS - 1])
def test_too_few_items(n_items: int) -> None:
    x, y = np.arange(1.0, n_items + 1), np.ones(n_items)
    if not n_items:
        with pytest.raises(ValueError, match="positive sums"):
            ratio_interval(x, y)
        return
    for found in (ratio_interval(x, y), delta_interval(Moments.of(x, y))):
        assert (found.low, found.high, found.reason) == (None, None, "too_few_items")
        assert found.value == x.sum() / y.sum()


def test_items_of_one_ratio_have_an_interval_of_no_width() -> None:
    y = np.random.default_rng(4).integers(1, 10**9, 40).astype(np.float64)
    found = ratio_interval(3 * y, y)
    assert found.low == found.value == found.high == 3


def test_two_odd_items_among_thirty() -> None:
    """One resample in eight holds neither of them: a studentised value would be infinite."""
    y = np.full(30, 100.0)
    x = 4 * y
    x[:2] = (500, 300)
    found = ratio_interval(x, y)
    assert found.low is not None
    assert found.high is not None
    assert 0.9 * found.value < found.low < found.value < found.high < 1.1 * found.value


def test_one_item_of_another_kind_does_not_make_the_interval_explode() -> None:
    """Nine clips of about one ratio and one that holds half of the tokens: resamples without it have no error."""
    y = np.array([198, 396, 198, 198, 264, 132, 264, 198, 330, 1794.0])
    x = y * np.array([52, 31, 79, 63, 63, 39, 79, 65, 65, 14.6])
    found = ratio_interval(x, y)
    assert found.low is not None
    assert found.high is not None
    assert found.value / 10 < found.low < found.value < found.high < 10 * found.value


def test_one_item_that_holds_everything() -> None:
    x, y = np.ones(12), np.zeros(12)
    y[0] = 5
    assert ratio_interval(x, y).reason == "items_too_uneven"


def test_both_methods_agree_on_many_items() -> None:
    x, y = documents(np.random.default_rng(5), 10_000)
    bootstrap, delta = ratio_interval(x, y), delta_interval(Moments.of(x, y))
    assert bootstrap.low == pytest.approx(delta.low, rel=0.002)
    assert bootstrap.high == pytest.approx(delta.high, rel=0.002)


def test_a_seed_repeats_and_items_may_come_in_any_unit() -> None:
    x, y = documents(np.random.default_rng(6), 40)
    assert ratio_interval(x, y, seed=1) == ratio_interval(x, y, seed=1)
    assert ratio_interval(x, y, seed=1) != ratio_interval(x, y, seed=2)
    kilo = ratio_interval(x / 1000, y, seed=1)
    assert kilo.low == pytest.approx((ratio_interval(x, y, seed=1).low or 0) / 1000)


@pytest.mark.parametrize("degrees", [9, 12, 30, 1000])
@pytest.mark.parametrize("probability", [0.9, 0.975, 0.995])
def test_student_quantile_against_scipy(degrees: int, probability: float) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(scipy_t.ppf(probability, degrees), abs=2e-3)
