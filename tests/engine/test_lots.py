"""Lots choose the same items whatever the order and the sharding."""

from hypothesis import given
from hypothesis import strategies as st

from tokeff.engine.lots import HIGHEST, Draw, Lowest


@given(st.sets(st.integers(0, HIGHEST), min_size=1, max_size=60), st.integers(1, 70), st.randoms())
def test_a_threshold_chooses_exactly_n(lots: set[int], n: int, order: object) -> None:
    shuffled = list(lots)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second, both = Lowest(n), Lowest(n), Lowest(n)
    for number, lot in enumerate(shuffled):
        (first if number % 2 else second).add(lot)
    both.update(first.lots())
    both.update(second.lots())
    assert both.lots() == sorted(lots)[:n]
    assert sum(lot <= both.threshold(n) for lot in lots) == min(n, len(lots))


def test_lots_are_spread_evenly_and_depend_on_the_seed() -> None:
    draw, other = Draw(0), Draw(1)
    lots = [draw.lot(f"item {number}") for number in range(20_000)]
    for tenth in range(10):
        share = sum(tenth <= 10 * lot / (HIGHEST + 1) < tenth + 1 for lot in lots)
        # Six standard deviations of a binomial.
        assert abs(share - 2000) < 6 * (20_000 * 0.09) ** 0.5
    assert draw.lot("a") != other.lot("a")
    assert draw.lot("a") == Draw(0).lot("a")
