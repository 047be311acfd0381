"""The page of a plan in a real browser: pictures with tables behind them, sliders that start at the plan, no escape."""

import json
from pathlib import Path
from typing import Any

import pytest

import tokeff
from tokeff.records.plans import Plan
from tokeff.reports.plan import write_plan

CORPUS = {"text": "1TB", "image": "5TB"}
PICTURES = (
    "Loss against model parameters",
    "Loss against training tokens",
    "Equal performance: a smaller model on more data",
    "Which change of bytes per token moves the plan most",
)
HOSTILE = '<img src=x onerror="window.hacked=1">'
WAYS = f"""
schema = "tokeff.scenarios/1"
parameters = "1B"

[[scenario]]
name = "all"
corpus = {{ text = "1TB", image = "5TB" }}

[[scenario]]
name = '{HOSTILE}'
corpus = {{ text = "2TB" }}
"""


@pytest.fixture(scope="module")
def made(run: Path) -> Plan:
    return tokeff.plan(
        run, corpus=CORPUS, parameters="1B", budget=1e6, prices={"text": 0.5, "image": 0.1, "gpu-hour": 3}
    )


@pytest.fixture(scope="module")
def page(made: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.html"
    write_plan(made, path)
    return path


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1400, "light"), (1400, "dark")])
def test_pictures_are_drawn_with_words_and_numbers_behind(viewer: Any, page: Path, width: int, scheme: str) -> None:
    viewer.open(page, width=width, scheme=scheme)
    assert viewer.requests() == [page.as_uri()]
    assert viewer.console() == []
    assert viewer.browser.execute_script("return document.documentElement.scrollWidth") <= width
    figures = {figure["title"]: figure for figure in viewer.figures()}
    assert set(figures) == set(PICTURES)
    for figure in figures.values():
        assert figure["n"] == 1, figure
        assert figure["height"] > 120, figure
        assert 150 < figure["width"] <= width, figure
        assert figure["marks"] >= 4, figure
        assert len(figure["alt"]) > 60, figure
    rows = viewer.browser.execute_script("""
        return [...document.querySelectorAll("figure")].map(figure => figure.querySelectorAll("tbody tr").length);""")
    assert all(n >= 4 for n in rows)


def test_lines_show_the_numbers_of_the_plan(viewer: Any, made: Plan, page: Path) -> None:
    viewer.open(page)
    curve = next(
        c for c in made.scenarios[0].curves if c.law == "hoffmann-2022" and c.title == "loss against model parameters"
    )
    cells = viewer.browser.execute_script(
        """
        const figure = [...document.querySelectorAll("figure")]
          .find(figure => figure.querySelector("figcaption").textContent === arguments[0]);
        const names = [...figure.querySelectorAll("thead th")].map(th => th.textContent);
        const rows = [...figure.querySelectorAll("tbody tr")].map(row => [...row.cells].map(c => Number(c.dataset.v)));
        return rows.map(row => [row[0], row[names.indexOf(arguments[1])]]);""",
        PICTURES[0],
        curve.law,
    )
    assert cells == [pytest.approx(pair, rel=1e-6) for pair in zip(curve.x, curve.y, strict=True)]


def test_the_bars_are_longest_first(viewer: Any, made: Plan, page: Path) -> None:
    viewer.open(page)
    said = viewer.browser.execute_script("""
        return [...document.querySelectorAll("#tokenizers .wide [aria-roledescription=bar]")]
          .map(bar => bar.getAttribute("aria-label"));""")
    bars = made.scenarios[0].sensitivities
    assert len(said) == len(bars)
    assert [each.split(",")[0].split(": ")[0] for each in said] == [bar.modality for bar in bars]


def test_sliders_start_at_the_plan(viewer: Any, made: Plan, page: Path) -> None:
    viewer.open(page)
    shown = viewer.browser.execute_script("""
        const read = [...document.querySelectorAll("#plan-sliders td[data-name]")];
        return Object.fromEntries(read.map(cell => [cell.dataset.name, Number(cell.dataset.value)]));""")
    plan = made.scenarios[0]
    assert shown["score"] == pytest.approx(plan.score.value, rel=1e-6)
    assert shown["training_money"] == pytest.approx(plan.cost.money["training"].value, rel=1e-6)
    for loss in plan.losses:
        if f"loss:{loss.law}" in shown:
            assert shown[f"loss:{loss.law}"] == pytest.approx(loss.loss.value, rel=1e-6)
    assert sum(name.startswith("loss:") for name in shown) >= 3


def test_no_name_of_a_scenario_runs(viewer: Any, run: Path, tmp_path: Path) -> None:
    (tmp_path / "ways.toml").write_text(WAYS, encoding="utf-8")
    path = tmp_path / "plan.html"
    write_plan(tokeff.plan(run, scenarios=tmp_path / "ways.toml"), path)
    viewer.open(path)
    assert viewer.console() == []
    assert viewer.browser.execute_script("return window.hacked === undefined")
    text = viewer.browser.execute_script("return document.querySelector('main').textContent")
    assert HOSTILE in text
    assert "cannot compare" in text
    assert viewer.browser.execute_script("return document.querySelectorAll('#s2-performance figure').length") == 2


def test_other_endings_are_refused(made: Plan, tmp_path: Path) -> None:
    with pytest.raises(tokeff.TokeffError, match=r"\.json or \.html"):
        write_plan(made, tmp_path / "plan.pdf")
    write_plan(made, tmp_path / "plan.json")
    assert json.loads((tmp_path / "plan.json").read_text())["schema"] == "tokeff.plan/1"
