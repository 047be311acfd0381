"""The size that a budget chooses: closed forms, a search by hand, and one answer with the solver of the split."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.planner.allocation import Problem, solve
from tokeff.planner.market import Market, used_by_product, used_by_sum
from tokeff.planner.request import Prices, Settings, Size
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Figure, ScenarioPlan, SplitPlan

Mixed = Sequence[Measurement]
Value = Callable[[Figure], float]
Planned = Callable[..., ScenarioPlan]
PAIR: dict[Modality, Size] = {"text": Size(kind="stored", amount=1e6), "image": Size(kind="stored", amount=1e6)}
TEXT: dict[Modality, Size] = {"text": Size(kind="stored", amount=1e9)}
PRICES = Prices(per_gigabyte={"text": 0.5, "image": 0.1}, gpu_hour=2.0)
ONLY_TEXT = replace(PRICES, per_gigabyte={"text": 0.5})
PER_FLOP = 2.0 / (989e12 * 0.4 * 3600)
AMOUNT = st.floats(0.01, 100.0)


def market(held: list[float], price: list[float], *, worth: list[float] | None = None, budget: float = 50.0) -> Market:
    n = len(held)
    return Market(
        held=np.array(held)[:, None],
        price=np.array(price)[:, None],
        epochs=np.ones((n, 1)),
        worth=np.array(worth or [1.0] * n)[:, None],
        per_parameter=0.1,
        budget=budget,
    )


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.tuples(AMOUNT, AMOUNT, st.floats(0.1, 1.0)), min_size=1, max_size=3),
    st.floats(0.1, 30.0),
    st.sampled_from(["product", "sum"]),
)
def test_the_rest_of_the_money_is_split_as_the_solver_does(
    parts: list[tuple[float, float, float]], size: float, objective: str
) -> None:
    held, price, worth = (list(column) for column in zip(*parts, strict=True))
    shop = market(held, price, worth=worth)
    n = len(held)
    problem = Problem(
        held=np.array(held),
        price=np.array(price),
        use_price=0.1 * size,
        budget=50.0,
        epochs=np.ones(n),
        low=np.zeros(n),
        high=np.ones(n),
        worth=np.array(worth),
        objective="product" if objective == "product" else "sum",
    )
    wanted = solve(problem).used
    got = (used_by_product if objective == "product" else used_by_sum)(shop, np.array([size]))[:, 0]
    if objective == "product":
        assert np.log(got).sum() == pytest.approx(np.log(wanted).sum(), abs=1e-4)
    else:
        assert got @ np.array(worth) == pytest.approx(wanted @ np.array(worth), rel=1e-4)


def split(plan: ScenarioPlan, law: str) -> SplitPlan:
    return next(each for each in plan.splits if each.law == law)


def test_by_the_product_training_takes_the_share_of_a_modality(mixed: Mixed, planned: Planned, value: Value) -> None:
    """Closed form: P, N_1 .. N_k of largest product under sum p_i N_i + c P sum N_i = B has c P sum N_i = B / k."""
    plan = planned(mixed, Settings(budget=1e6, prices=PRICES), corpus=PAIR)
    found = split(plan, "sun-guo-2024")
    assert found.training_money == pytest.approx(5e5, rel=1e-3)
    assert value(found.n_parameters) == pytest.approx(
        found.training_money / (6 * PER_FLOP * value(found.n_training_tokens)), rel=1e-3
    )
    assert "1/2 of the money" in found.sentence
    assert found.loss is None


def test_by_a_loss_law_it_is_the_best_of_a_search_by_hand(mixed: Mixed, planned: Planned, value: Value) -> None:
    plan = planned(mixed, Settings(budget=1e6, prices=ONLY_TEXT, laws=("hoffmann-2022",)), corpus=TEXT)
    found = split(plan, "hoffmann-2022")
    held, price = 1e9 / 4, 0.5 / 1e9 * 4
    sizes = np.geomspace(1e8, 1e12, 200_001)
    use = 6 * sizes * PER_FLOP
    tokens = held + (1e6 - use * held) / (price + use)
    losses = 1.69 + 406.4 / sizes**0.34 + 410.7 / tokens**0.28
    best = int(losses.argmin())
    assert value(found.n_parameters) == pytest.approx(sizes[best], rel=1e-3)
    assert value(found.n_training_tokens) == pytest.approx(tokens[best], rel=1e-3)
    assert found.loss is not None
    assert value(found.loss) == pytest.approx(losses[best], rel=1e-9)
    assert found.training_money + found.purchases[0].money == pytest.approx(1e6, rel=1e-6)
    assert found.n_parameters.law == "hoffmann-2022"
    assert [each.name for each in found.n_parameters.extrapolates] == ["n_parameters"]
    assert found.n_parameters.low is not None


def test_limits_of_the_mixture_have_an_answer_and_no_range(mixed: Mixed, planned: Planned, value: Value) -> None:
    budget = Settings(budget=1e6, prices=PRICES)
    free = split(planned(mixed, budget, corpus=PAIR), "shukor-2025-early")
    held_up = split(planned(mixed, budget, corpus=PAIR, mixture={"image": (0.2, 1.0)}), "shukor-2025-early")
    assert free.loss is not None
    assert held_up.loss is not None
    assert value(held_up.loss) > value(free.loss)
    assert held_up.n_parameters.low is None
    assert "no range" in held_up.sentence
    fixed = split(planned(mixed, budget, corpus=PAIR, mixture={"image": (0.2, 0.2)}), "shukor-2025-early")
    assert fixed.binding == ("image is fixed at 20 % of the training tokens",)
    shares = [value(each.tokens) for each in held_up.purchases]
    assert shares[1] / sum(shares) == pytest.approx(0.2, abs=1e-3)
    wide = split(planned(mixed, budget, corpus=PAIR, mixture={"image": (0.0, 0.999999)}), "shukor-2025-early")
    assert value(wide.n_parameters) == pytest.approx(value(free.n_parameters), rel=1e-2)


def test_a_size_that_is_given_stays(mixed: Mixed, planned: Planned, value: Value) -> None:
    plan = planned(mixed, Settings(budget=1e6, prices=PRICES), corpus=PAIR, n_parameters=7e9)
    assert [value(each.n_parameters) for each in plan.splits] == [7e9, 7e9]
    both = planned(mixed, Settings(budget=1e6, prices=PRICES), corpus=PAIR, n_parameters=7e9, compute_flops=1e21)
    assert "does not stop at the compute given (1e+21 FLOPs)" in both.notes[0]
    without = replace(PRICES, gpu_hour=None)
    corpus = planned(mixed, Settings(budget=1e6, prices=without), corpus=PAIR)
    assert [value(each.n_parameters) for each in corpus.splits] == [value(corpus.n_parameters)] * 2


def test_one_modality_takes_the_size_of_the_loss_law(mixed: Mixed, planned: Planned, value: Value) -> None:
    """By log P + log N of one modality no size is best: the same P N is had with ever fewer tokens."""
    plan = planned(mixed, Settings(budget=1e6, prices=ONLY_TEXT), corpus=TEXT)
    sizes = {each.law: value(each.n_parameters) for each in plan.splits}
    assert sizes["sun-guo-2024"] == sizes["besiroglu-2024-refit"]
    assert not math.isclose(sizes["sun-guo-2024"], value(plan.n_parameters))


def test_early_or_late_fusion_is_asked_at_the_compute_of_the_budget(
    mixed: Mixed, planned: Planned, value: Value
) -> None:
    plan = planned(mixed, Settings(budget=1e6, prices=PRICES), corpus=PAIR)
    found = split(plan, "shukor-2025-early")
    assert plan.fusion is not None
    assert plan.fusion.compute_flops == pytest.approx(6 * value(found.n_parameters) * value(found.n_training_tokens))
    assert plan.fusion.compute_flops * PER_FLOP == pytest.approx(found.training_money, rel=1e-3)
    assert plan.fusion.compute_of == "what the budget trains by shukor-2025-early"
    given = planned(mixed, Settings(budget=1e6, prices=PRICES), corpus=PAIR, n_parameters=1e9).fusion
    assert given is not None
    assert given.compute_of == "the training run"


def test_a_budget_of_gpu_hours_alone_trains_on_what_is_held(mixed: Mixed, planned: Planned, value: Value) -> None:
    plan = planned(mixed, Settings(budget=1e4, prices=Prices(gpu_hour=2.0)), corpus=TEXT)
    found = split(plan, "besiroglu-2024-refit")
    assert [each.money for each in found.purchases] == [0.0]
    assert found.training_money == pytest.approx(1e4)
    assert value(found.n_training_tokens) == pytest.approx(1e9 / 4, rel=1e-6)
    assert value(found.n_parameters) == pytest.approx(1e4 / PER_FLOP / 6 / (1e9 / 4), rel=1e-3)
    assert value(found.gain) == 0.0
    assert "all of the money goes into training" in found.sentence
