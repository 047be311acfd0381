"""Money and cost: what a budget buys, what a little more is worth, what tokenising and training take."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tokeff import laws
from tokeff.planner.plan import make_plan
from tokeff.planner.request import Prices, Scenario, Settings, Size
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Figure, ScenarioPlan

Build = Callable[..., Measurement]
Mixed = Sequence[Measurement]
Value = Callable[[Figure], float]
Planned = Callable[..., ScenarioPlan]
TEXT: dict[Modality, Size] = {"text": Size(kind="stored", amount=2e12)}
PAIR: dict[Modality, Size] = {**TEXT, "image": Size(kind="stored", amount=5e12)}
ALL: dict[Modality, Size] = {**PAIR, "video": Size(kind="stored", amount=4e13)}


def test_money(mixed: Mixed, value: Value, planned: Planned) -> None:
    prices = Prices(per_gigabyte={"text": 0.5, "image": 0.1}, gpu_hour=2.0, machine_hour=0.1)
    tiny: dict[Modality, Size] = {"text": Size(kind="stored", amount=1e6), "image": Size(kind="stored", amount=1e6)}
    plan = planned(mixed, Settings(budget=1e5, prices=Prices(per_gigabyte=prices.per_gigabyte)), corpus=tiny)
    by_product = plan.splits[0]
    assert [each.money_share for each in by_product.purchases] == pytest.approx([0.5, 0.5], abs=1e-5)
    assert by_product.purchases[0].stored_bytes == pytest.approx(5e4 / 0.5 * 1e9, rel=1e-4)
    assert "whatever its bytes per token" in by_product.sentence
    by_loss = plan.splits[1]
    # Text costs 0.5 / 1e9 * 4 = 2e-9 a token, pictures 0.1 / 1e9 * 0.5 * 2500 = 1.25e-7.
    assert [each.money_share for each in by_loss.purchases] == pytest.approx([1.0, 0.0], abs=1e-4)
    assert any(
        "same money on every modality" in sentence
        for sentence in make_plan(mixed, [Scenario(corpus=tiny)], Settings(budget=1e5, prices=prices)).consequences
    )
    trained = planned(mixed, Settings(budget=1e5, prices=prices), corpus=tiny, n_parameters=7e9).splits[0]
    spent = trained.training_money + sum(each.money for each in trained.purchases) + trained.unspent
    assert trained.training_money > 0
    # Collecting and training together cost the same for each: price of a token bought, plus 6P FLOPs of training.
    per_use = 6 * 7e9 / (989e12 * 0.4 * 3600) * 2.0
    paid = [each.money + per_use * value(each.tokens) for each in trained.purchases]
    held_tokens = [2.5e5, 800.0]
    each_in_full = [money + per_use * held for money, held in zip(paid, held_tokens, strict=True)]
    assert each_in_full[0] == pytest.approx(each_in_full[1], rel=1e-3)
    assert "taken together" in trained.sentence
    assert spent == pytest.approx(1e5)


def test_marginal_values(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, Settings(prices=Prices(per_gigabyte={"text": 0.5})), corpus=PAIR, n_parameters=7e9)
    rows = {(each.law, each.modality): each for each in plan.marginals}
    assert value(rows["sun-guo-2024", "text"].per_gigabyte) == pytest.approx(1e9 / 2e12)
    money = rows["sun-guo-2024", "text"].per_money
    assert money is not None
    assert value(money) == pytest.approx(1e9 / 2e12 / 0.5)
    law = laws.load("hoffmann-2022")
    slope = law.gradient({"n_parameters": 7e9, "n_training_tokens": 5e11})["n_training_tokens"]
    assert value(rows["hoffmann-2022", "text"].per_gigabyte) == pytest.approx(float(slope) * 1e9 / 4, rel=1e-3)
    assert rows["sun-guo-2024", "image"].per_money is None


def test_sensitivities(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus=ALL, n_parameters=7e9)
    bars = {(each.modality, each.kind): each for each in plan.sensitivities}
    step = bars["text", "step"]
    assert step.score == pytest.approx((-math.log(1.1),))
    text, total = 5e11, value(plan.n_training_tokens)
    assert step.compute == pytest.approx(((total - text + text / 1.1) / total,))
    assert step.loss is not None
    assert step.loss[0] > 0
    assert ("video", "interval") not in bars  # five items have no interval
    assert bars["text", "tokenizer"].factors == pytest.approx((0.25,))
    assert bars["text", "tokenizer"].loss is None
    # By Sun & Guo's law the same relative change is worth the same in every modality.
    assert {round(each.score[0], 12) for each in plan.sensitivities if each.kind == "step"} == {
        round(-math.log(1.1), 12)
    }
    assert plan.sensitivities[0].kind == "tokenizer"


def test_costs(mixed: Mixed, value: Value, planned: Planned) -> None:
    prices = Prices(gpu_hour=2.0, machine_hour=0.1)
    settings = Settings(prices=prices, gpu_flops=1e15, utilisation=0.5)
    cost = planned(mixed, settings, corpus=PAIR, n_parameters=7e9).cost
    assert value(cost.tokenising_hours["text"]) == pytest.approx(2e12 / 10e6 / 3600)
    assert cost.tokenising_hours["text"].low == pytest.approx(2e12 / 12.5e6 / 3600)
    assert value(cost.storage_bytes["text"]) == pytest.approx(2 * 5e11)  # 50,000 ids fit two bytes
    assert cost.storage_bytes["image"].value is None
    flops = 6 * 7e9 * (5e11 + 4e9)
    assert value(cost.training_flops) == pytest.approx(flops)
    assert value(cost.gpu_hours) == pytest.approx(flops / 0.5e15 / 3600)
    assert value(cost.money["training"]) == pytest.approx(2 * flops / 0.5e15 / 3600)
    assert value(cost.money["tokenising"]) == pytest.approx(0.1 * (2e12 + 1e13) / 10e6 / 3600)
    assert cost.money["tokenising"].low == pytest.approx(0.1 * (2e12 + 1e13) / 12.5e6 / 3600)
    assert cost.gpu_hours.high is not None
    assert cost.money["training"].high == pytest.approx(2 * cost.gpu_hours.high)


def test_one_batch_tells_no_range_of_speed(measured: Build, planned: Planned) -> None:
    once = {"encode": {"seconds": 1.0, "raw_megabytes_per_second": {"median": 10.0, "q1": 10.0, "q3": 10.0}}}
    hours = planned([replace(measured(), throughput=once)], corpus=TEXT).cost.tokenising_hours["text"]
    assert (hours.low, hours.high) == (None, None)
    assert "one batch" in hours.range_holds


def test_no_speed_no_hours(measured: Build, planned: Planned) -> None:
    cost = planned([measured(speed=None)], corpus=TEXT).cost
    assert cost.tokenising_hours["text"].value is None
    assert cost.tokenising_hours["text"].absent
