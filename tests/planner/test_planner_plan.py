"""A plan against closed forms and the laws' own functions: tokens, losses, ranges, sizes, trades."""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tokeff import laws
from tokeff.planner.draws import Fan
from tokeff.planner.optima import optimum_plan
from tokeff.planner.plan import make_plan
from tokeff.planner.request import Prices, Scenario, Settings, Size
from tokeff.planner.view import View
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Figure, Plan, ScenarioPlan

Build = Callable[..., Measurement]
Mixed = Sequence[Measurement]
Value = Callable[[Figure], float]
Planned = Callable[..., ScenarioPlan]
One = Callable[[Plan], ScenarioPlan]
TEXT: dict[Modality, Size] = {"text": Size(kind="stored", amount=2e12)}
PAIR: dict[Modality, Size] = {**TEXT, "image": Size(kind="stored", amount=5e12)}
ALL: dict[Modality, Size] = {**PAIR, "video": Size(kind="stored", amount=4e13)}


def width(figure: Figure) -> float:
    assert figure.low is not None
    assert figure.high is not None
    return figure.high - figure.low


def test_tokens_are_bytes_over_bytes_per_token(mixed: Mixed, value: Value, planned: Planned) -> None:
    found = {each.modality: each for each in planned(mixed, corpus=ALL, n_parameters=7e9).modalities}
    assert value(found["text"].tokens) == pytest.approx(2e12 / 4)
    assert value(found["image"].raw_bytes) == pytest.approx(1e13)  # stored bytes are half of the raw ones
    assert value(found["image"].tokens) == pytest.approx(1e13 / 2500)
    assert value(found["video"].tokens) == pytest.approx(4e13 / 0.005 / 40_000)
    assert found["text"].tokens.low == pytest.approx(2e12 / 4 / 1.03, rel=2e-3)
    assert found["video"].tokens.low is None
    assert sum(each.share for each in found.values()) == pytest.approx(1)


def test_raw_sizes_and_multiples_of_the_run(mixed: Mixed, value: Value, planned: Planned) -> None:
    raw = planned(mixed, corpus={"image": Size(kind="raw", amount=1e13)})
    times = planned(mixed, corpus={"image": Size(kind="times", amount=1e3)})
    assert value(raw.modalities[0].tokens) == pytest.approx(1e13 / 2500)
    assert value(times.modalities[0].tokens) == pytest.approx(1e4 * 1e3)
    whole = planned(mixed)
    assert [each.modality for each in whole.modalities] == ["text", "image", "audio", "video"]
    assert "give --corpus" in " ".join(whole.notes)


def test_losses_are_those_of_the_laws(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus=TEXT, n_parameters=7e9)
    for each in plan.losses:
        inputs = {name: 7e9 if name == "n_parameters" else 5e11 for name in each.inputs}
        assert value(each.loss) == pytest.approx(float(laws.load(each.law).predict(inputs).value), rel=1e-12)
    assert {each.law for each in plan.losses} >= {"hoffmann-2022", "muennighoff-2023", "kaplan-2020"}


def test_every_number_of_a_law_says_where_it_comes_from(mixed: Mixed, planned: Planned) -> None:
    plan = planned(mixed, corpus=PAIR, compute_flops=1e23)
    figures = [each.loss for each in plan.losses] + [each.n_parameters for each in plan.optima]
    for figure in figures:
        assert figure.law
        assert figure.source
        assert figure.basis in {"published", "refitted", "derived"}
        assert figure.range_holds
    beyond = {each.law for each in plan.losses if each.loss.extrapolates}
    assert "shukor-2025-early" in beyond  # fitted up to 3.35 billion parameters
    low, high = laws.load("shukor-2025-early").ranges["n_parameters"]
    flag = next(each.loss.extrapolates[0] for each in plan.losses if each.law == "shukor-2025-early")
    assert (flag.name, flag.low, flag.high) == ("n_parameters", low, high)
    inside = planned(mixed, corpus={"text": Size(kind="stored", amount=1e11)}, n_parameters=1e9)
    assert not next(each.loss.extrapolates for each in inside.losses if each.law == "hoffmann-2022")


def test_ranges_carry_bytes_per_token_and_the_law(measured: Build, one: One) -> None:
    def loss(half_width: float, law: str) -> Figure:
        plan = one(
            make_plan(
                [measured(half_width=half_width)],
                [Scenario(corpus=TEXT, n_parameters=7e9)],
                Settings(laws=(law,)),
            )
        )
        return plan.losses[0].loss

    exact = loss(0.0, "hoffmann-2022")
    assert exact.low is None  # neither the law nor the count is uncertain
    assert width(loss(0.01, "hoffmann-2022")) < width(loss(0.1, "hoffmann-2022"))
    law_alone = loss(0.0, "besiroglu-2024-refit")
    both = loss(0.3, "besiroglu-2024-refit")
    assert width(law_alone) < width(both)
    assert both.range_holds == "bytes per token and law"
    predicted = laws.load("besiroglu-2024-refit").predict({"n_parameters": 7e9, "n_training_tokens": 5e11})
    assert predicted.low is not None
    assert law_alone.low == pytest.approx(float(predicted.low), abs=3e-3)


def test_more_items_give_narrower_plans(measured: Build, one: One) -> None:
    few, many = (
        one(make_plan([measured(half_width=0.3 / math.sqrt(n), n_items=n)], [Scenario(corpus=TEXT, n_parameters=7e9)]))
        for n in (10, 1000)
    )
    assert width(many.score) == pytest.approx(width(few.score) / 10, rel=0.05)
    assert width(many.modalities[0].tokens) < width(few.modalities[0].tokens)


def test_score_is_the_log_product(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus=PAIR, n_parameters=7e9)
    assert value(plan.score) == pytest.approx(math.log(7e9) + math.log(5e11) + math.log(4e9))


def test_the_papers_question(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus=PAIR, n_parameters=7e9)
    for trade in plan.trades:
        if trade.law == "sun-guo-2024":
            assert value(trade.size_ratio) == pytest.approx(1 / trade.factor)
            assert value(trade.data_ratio) == pytest.approx(trade.factor)
    law = laws.load("hoffmann-2022")
    trade = next(t for t in plan.trades if t.law == law.name and t.factor == 2)
    here = law.predict({"n_parameters": 7e9, "n_training_tokens": 5e11}).value
    smaller = law.predict({"n_parameters": 7e9 * value(trade.size_ratio), "n_training_tokens": 1e12}).value
    assert float(smaller) == pytest.approx(float(here), abs=1e-9)
    solved = laws.solve(
        law,
        "n_training_tokens",
        law.predict({"n_parameters": 14e9, "n_training_tokens": 5e11}).value,
        {"n_parameters": 7e9},
    )
    assert value(trade.data_ratio) == pytest.approx(float(solved) / 5e11, rel=1e-6)


def test_data_that_cannot_replace_size_says_so(mixed: Mixed, planned: Planned) -> None:
    plan = planned(mixed, corpus=TEXT, n_parameters=1e8)
    trade = next(t for t in plan.trades if t.law == "hoffmann-2022" and t.factor == 10)
    assert trade.data_ratio.value is None
    assert "no amount" in str(trade.data_ratio.absent)


@pytest.mark.parametrize("name", ["hoffmann-2022", "besiroglu-2024-refit", "kaplan-2020", "muennighoff-2023"])
def test_the_optimum_is_the_laws_own(name: str, value: Value) -> None:
    law = laws.load(name)
    view = View.of(law, ("text",), 0.95)
    tokens: dict[Modality, Fan] = {"text": np.full(1000, 3e11)}
    found = optimum_plan(view, tokens, tokens, np.full(1000, 1e22))
    given = {"n_unique_tokens": 3e11} if name == "muennighoff-2023" else {}
    expected = laws.optimum(law, 1e22, given)
    assert value(found.n_parameters) == pytest.approx(float(expected.inputs["n_parameters"]), rel=1e-5)
    assert value(found.loss) == pytest.approx(float(expected.prediction.value), rel=1e-9)
    assert value(found.epochs) == pytest.approx(value(found.n_training_tokens) / 3e11)
    # The corpus read once is optimal for the size that has it as its optimal data.
    compute = 6 * value(found.corpus_n_parameters) * 3e11
    assert value(found.corpus_compute_flops) == pytest.approx(compute)
    back = laws.optimum(law, compute, {"n_unique_tokens": 1e15} if given else {})
    assert float(back.inputs["n_parameters"]) == pytest.approx(value(found.corpus_n_parameters), rel=1e-4)


def test_repeats_are_judged_by_the_law_of_repeated_data(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus=TEXT, compute_flops=1e24)
    law = laws.load("muennighoff-2023")
    for each in plan.optima:
        if value(each.epochs) <= 1:
            assert each.repeated_loss.value is None
            continue
        inputs = {"n_parameters": value(each.n_parameters), "n_training_tokens": value(each.n_training_tokens)}
        expected = law.predict({**inputs, "n_unique_tokens": 5e11}).value
        assert value(each.repeated_loss) == pytest.approx(float(expected), rel=1e-9)
    assert any(value(each.epochs) > 1 for each in plan.optima)


def test_laws_speak_for_their_part_only(mixed: Mixed, planned: Planned) -> None:
    plan = planned(mixed, corpus=ALL, n_parameters=7e9)
    scopes = {each.law: each.scope for each in plan.losses}
    assert scopes["hoffmann-2022"] == ("text",)
    assert scopes["shukor-2025-early"] == ("text", "image")
    assert any("No loss law is used for video" in note for note in plan.notes)


def test_fusion_only_for_pictures_with_text(mixed: Mixed, value: Value, planned: Planned) -> None:
    assert planned(mixed, corpus=TEXT, compute_flops=1e21).fusion is None
    fusion = planned(mixed, corpus=PAIR, compute_flops=1e21).fusion
    assert fusion is not None
    assert fusion.compute_flops == pytest.approx(1e21)
    assert value(fusion.losses["early"]) == pytest.approx(29.574 * 1e21**-0.0492)
    crossing = fusion.crossing_flops
    assert crossing is not None
    assert 29.574 * crossing**-0.0492 == pytest.approx(29.923 * crossing**-0.0494)


def test_plan_json_is_strict_and_whole(mixed: Mixed) -> None:
    plan = make_plan(
        mixed,
        [Scenario(corpus=ALL, compute_flops=1e23)],
        Settings(budget=1e5, prices=Prices(per_gigabyte={"text": 0.5, "video": 0.01})),
    )
    table = json.loads(json.dumps(plan.to_json(), allow_nan=False))
    assert table["schema"] == "tokeff.plan/1"
    assert table["scenarios"][0]["losses"][0]["loss"]["source"]
    lines = table["scenarios"][0]["curves"]
    assert {line["title"] for line in lines} >= {"equal performance", "loss against model parameters"}
    assert all(len(line["x"]) == len(line["y"]) for line in lines)


def test_equal_performance_lines_are_of_equal_performance(mixed: Mixed, planned: Planned) -> None:
    plan = planned(mixed, corpus=TEXT, n_parameters=7e9)
    line = next(each for each in plan.curves if each.title == "equal performance" and each.law == "hoffmann-2022")
    losses = laws.load("hoffmann-2022").predict({"n_parameters": line.x, "n_training_tokens": line.y}).value
    expected = laws.load("hoffmann-2022").predict({"n_parameters": 7e9, "n_training_tokens": 5e11}).value
    np.testing.assert_allclose(losses, float(expected), rtol=1e-9)
    assert len(line.x) > 5


def test_many_passes_over_the_data_are_said(mixed: Mixed, planned: Planned) -> None:
    once = 6 * 7e9 * 5e11
    many = planned(mixed, corpus=TEXT, n_parameters=7e9, compute_flops=10 * once)
    assert any("reads text 10 times" in note and "muennighoff-2023" in note for note in many.notes)
    few = planned(mixed, corpus=TEXT, n_parameters=7e9, compute_flops=3 * once)
    assert not any("The training run reads" in note for note in few.notes)
