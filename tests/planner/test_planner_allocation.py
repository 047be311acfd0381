"""The split of a budget against closed forms: equal spending, water-filling, the cheapest token."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.errors import TokeffError
from tokeff.laws.sun_guo import equal_spend
from tokeff.planner.allocation import Objective, Problem, solve

MONEY = st.floats(0.01, 100.0)


def problem(
    held: list[float],
    price: list[float],
    *,
    budget: float = 100.0,
    use_price: float = 0.0,
    low: list[float] | None = None,
    high: list[float] | None = None,
    objective: Objective = "product",
) -> Problem:
    n = len(held)
    return Problem(
        held=np.array(held),
        price=np.array(price),
        use_price=use_price,
        budget=budget,
        epochs=np.ones(n),
        low=np.array(low or [0.0] * n),
        high=np.array(high or [1.0] * n),
        worth=np.ones(n),
        objective=objective,
    )


def water_filling(held: list[float], price: list[float], budget: float) -> list[float]:
    """Tokens of each such that price x tokens is one level wherever anything is bought: by bisection of the level."""
    bottom, top = 0.0, budget + sum(h * p for h, p in zip(held, price, strict=True))
    for _ in range(200):
        level = (bottom + top) / 2
        spent = sum(max(0.0, level - h * p) for h, p in zip(held, price, strict=True))
        bottom, top = (level, top) if spent < budget else (bottom, level)
    return [max(h, level / p) for h, p in zip(held, price, strict=True)]


@settings(deadline=None, max_examples=20)
@given(st.lists(MONEY, min_size=1, max_size=4))
def test_from_nothing_the_money_is_spent_equally(price: list[float]) -> None:
    found = solve(problem([0.0] * len(price), price))
    expected = equal_spend(100.0, {str(k): value for k, value in enumerate(price)})
    np.testing.assert_allclose(found.bought, list(expected.values()), rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0.0, 200.0), MONEY), min_size=2, max_size=4))
def test_what_is_held_counts_as_spent(pairs: list[tuple[float, float]]) -> None:
    held, price = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = solve(problem(held, price))
    np.testing.assert_allclose(found.used, water_filling(held, price, 100.0), rtol=1e-5)


def test_a_loss_law_buys_the_cheapest_token_up_to_its_limit() -> None:
    free = solve(problem([0.0, 0.0], [1.0, 4.0], objective="sum"))
    np.testing.assert_allclose(free.used, [100.0, 0.0], atol=1e-4)
    # At least 30 % of the second: 0.7 D + 4 * 0.3 D = 100.
    limited = solve(problem([0.0, 0.0], [1.0, 4.0], low=[0.0, 0.3], objective="sum"))
    np.testing.assert_allclose(limited.used, [0.7 * 100 / 1.9, 0.3 * 100 / 1.9], rtol=1e-5)


def test_training_is_paid_for_with_the_tokens() -> None:
    # max log a + log b with (1 + 1) a + (4 + 1) b = 100: equal money for each, price of use included.
    found = solve(problem([0.0, 0.0], [1.0, 4.0], use_price=1.0))
    np.testing.assert_allclose(found.used, [25.0, 10.0], rtol=1e-6)


def test_limits_hold_and_bind() -> None:
    found = solve(problem([20.0, 0.0], [1.0, 4.0], high=[0.6, 1.0]))
    shares = found.used / found.used.sum()
    assert shares[0] == pytest.approx(0.6, abs=1e-5)
    assert found.bought @ [1.0, 4.0] <= 100.0 * (1 + 1e-9)


def test_what_has_no_price_is_not_bought() -> None:
    found = solve(problem([20.0, 5.0], [np.inf, 1e-3]))
    np.testing.assert_allclose(found.bought, [0.0, 1e5], rtol=1e-6)
    with pytest.raises(TokeffError, match="neither held nor sold"):
        solve(problem([0.0, 5.0], [np.inf, 1.0]))


def test_magnitudes_of_real_corpora() -> None:
    held, price = [2e12, 5e9, 1e8], [1e-9, 1e-7, 1e-8]
    found = solve(problem(held, price, budget=1e3))
    np.testing.assert_allclose(found.used, water_filling(held, price, 1e3), rtol=1e-5)
