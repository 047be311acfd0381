"""The sliders of a page compute what `tokeff.plan` computes at the same size, corpus and prices."""

from pathlib import Path
from typing import Any

import pytest

import tokeff
from tokeff.engine.loading import load_profile
from tokeff.records.plans import ScenarioPlan

SETTINGS: tuple[dict[str, float], ...] = (
    {"parameters": 9.0, "times-text": 4.0, "times-image": 2.0, "times-audio": 3.5},
    {"parameters": 10.31, "times-text": 6.2, "price-text": -0.7, "price-audio": 1.3, "price-gpu": 0.5},
)
MOVE = """
    for (const [name, position] of Object.entries(arguments[0])) {
      const input = document.getElementById(`slide-${name}`);
      input.value = position;
      input.dispatchEvent(new Event("input"));
    }
    const read = [...document.querySelectorAll("#plan-sliders td[data-name]")];
    return Object.fromEntries(read.map(cell => [cell.dataset.name, Number(cell.dataset.value)]));"""

START = """
    const all = [...document.querySelectorAll("#plan-sliders input")];
    return Object.fromEntries(all.map(input => [input.id.replace("slide-", ""), Number(input.value)]));"""


def planned(run: Path, start: dict[str, float], setting: dict[str, float]) -> ScenarioPlan:
    modalities = [each for each in ("text", "image", "audio") if each in load_profile(run).population]
    place = {**start, **setting}
    plan = tokeff.plan(
        run,
        parameters=10 ** place["parameters"],
        corpus={each: f"x{10 ** place.get(f'times-{each}', 0.0)!r}" for each in modalities},
        prices={each: 10 ** place[f"price-{each}"] for each in modalities} | {"gpu-hour": 10 ** place["price-gpu"]},
    )
    return plan.scenarios[0]


@pytest.mark.parametrize("setting", SETTINGS)
def test_sliders_equal_the_plan(chromium: Any, run: Path, setting: dict[str, float]) -> None:
    chromium.get((run / "report.html").as_uri())
    start = chromium.execute_script(START)
    before = chromium.execute_script(MOVE, {})
    got = chromium.execute_script(MOVE, setting)
    assert got["score"] != before["score"]
    wanted = planned(run, start, setting)
    assert got["score"] == pytest.approx(wanted.score.value, rel=1e-6)
    losses = {each.law: each.loss.value for each in wanted.losses}
    shown = {name.removeprefix("loss:"): value for name, value in got.items() if name.startswith("loss:")}
    assert {"hoffmann-2022", "besiroglu-2024-refit"} <= set(shown)
    assert shown == {law: pytest.approx(losses[law], rel=1e-6) for law in shown}
    for each in wanted.modalities:
        assert got[f"tokens:{each.modality}"] == pytest.approx(each.tokens.value, rel=1e-6)
    worth = {each.modality: each.per_money for each in wanted.marginals if each.law == "sun-guo-2024"}
    for modality, figure in worth.items():
        assert figure is not None
        assert got[f"worth:{modality}"] == pytest.approx(figure.value, rel=1e-6)
    assert got["flops"] == pytest.approx(wanted.cost.training_flops.value, rel=1e-6)
    assert got["gpu_hours"] == pytest.approx(wanted.cost.gpu_hours.value, rel=1e-6)
    assert got["training_money"] == pytest.approx(wanted.cost.money["training"].value, rel=1e-6)


def test_keys_move_a_slider(chromium: Any, run: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    chromium.get((run / "report.html").as_uri())
    before = chromium.execute_script(MOVE, {})["score"]
    chromium.find_element("id", "slide-parameters").send_keys(Keys.ARROW_RIGHT)
    after = chromium.execute_script(MOVE, {})["score"]
    assert after - before == pytest.approx(0.1 * 2.302585092994046, rel=1e-9)


def test_at_first_the_corpus_is_large_enough_for_the_model(chromium: Any, run: Path) -> None:
    chromium.get((run / "report.html").as_uri())
    start, shown = chromium.execute_script(START), chromium.execute_script(MOVE, {})
    total = sum(value for name, value in shown.items() if name.startswith("tokens:"))
    assert start["parameters"] == pytest.approx(9.845098, abs=1e-6)
    assert 20 * 7e9 / 10 < total <= 20 * 7e9
    assert start["times-text"] == round(start["times-text"])
