"""The pictures of a plan: loss against size and data, equal performance, and the tornado of tokenizer changes.

Leaves out the tables that stand beside them (`reports.plan_sections`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokeff.planner.coverage import SUN_GUO
from tokeff.records.plans import Curve, LawNote, ScenarioPlan, Sensitivity
from tokeff.reports.numbers import digits, quantity
from tokeff.reports.page.blocks import Cell, Figure, Table, cell, table
from tokeff.reports.page.drawing import figure
from tokeff.reports.page.line_charts import COLOURS, Spec, lines, tornado
from tokeff.reports.plan_sections import law_name, tornado_table
from tokeff.reports.plan_words import count

EQUAL = "equal performance"
INPUTS = {"model parameters": "n_parameters", "training tokens": "n_training_tokens"}
MOST_BARS = 14
KINDS = {"interval": "its range", "step": "+10 %", "tokenizer": "another tokenizer"}
BAR_COLOURS = {KINDS["interval"]: COLOURS[1], KINDS["step"]: COLOURS[5], KINDS["tokenizer"]: COLOURS[0]}
Ranges = Mapping[str, Mapping[str, tuple[float, float]]]
Row = dict[str, Any]


def plan_figures(scenario: ScenarioPlan, laws: Sequence[LawNote]) -> tuple[Figure, ...]:
    """All of them."""
    figures = [*performance_figures(scenario, laws), *equal_figure(scenario, laws), *tornado_figure(scenario)]
    return tuple(figures)


def performance_figures(scenario: ScenarioPlan, laws: Sequence[LawNote]) -> Iterator[Figure]:
    """Loss (or score) against model size and against training tokens, all laws of one unit together."""
    ranges = {law.name: law.ranges for law in laws}
    kinds = dict.fromkeys((c.x_name, c.y_name) for c in scenario.curves if c.title != EQUAL)
    for x_name, y_name in kinds:
        curves = [c for c in scenario.curves if (c.x_name, c.y_name) == (x_name, y_name) and len(c.x) > 1]
        if curves:
            yield _performance(scenario, curves, ranges)


def _performance(scenario: ScenarioPlan, curves: Sequence[Curve], ranges: Ranges) -> Figure:
    x_name, y_name = curves[0].x_name, curves[0].y_name
    rows = [row for curve in curves for row in _rows(curve, ranges)]
    by_size = x_name == "model parameters"
    here = scenario.n_parameters.value if by_size else None
    held = "with the corpus read once" if by_size else "with the model size held"
    what = "higher is better" if "score" in y_name else "lower is better"
    said = "; ".join(_ends(curve) for curve in curves)
    spec = lines(rows, x_name=f"{x_name}, logarithmic", y_name=y_name, series=_numbers(scenario, curves), here=here)
    return figure(
        f"{y_name.partition(' (')[0].capitalize()} against {x_name}",
        f"{y_name} against {x_name}, {held}, {what}: {said}.",
        spec,
        table=_behind(f"{y_name} against {x_name}", curves),
    )


def _rows(curve: Curve, ranges: Ranges) -> Iterator[Row]:
    low, high = ranges.get(curve.law, {}).get(INPUTS.get(curve.x_name, ""), (None, None))
    for place, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
        inside = low is not None and high is not None and low <= x <= high
        spans = {"low": curve.low[place], "high": curve.high[place]} if curve.low and curve.high else {}
        beyond = "" if inside or low is None else ", beyond the runs it was fitted on"
        said = f"{law_name(curve.law)}: {count(x)} {curve.x_name}, {digits(y, 4)}{beyond}"
        yield {"series": law_name(curve.law), "x": x, "y": y, "inside": inside, "said": said, **spans}


def _series(curves: Sequence[Curve]) -> list[str]:
    return list(dict.fromkeys(law_name(curve.law) for curve in curves))


def _numbers(scenario: ScenarioPlan, curves: Sequence[Curve]) -> dict[str, int]:
    """Each law with its place among all laws of the scenario, those of a loss first."""
    order = _series([curve for curve in scenario.curves if curve.law != SUN_GUO])
    numbers = {name: order.index(name) if name in order else len(order) for name in _series(curves)}
    return dict(sorted(numbers.items(), key=lambda named: named[1]))


def _ends(curve: Curve) -> str:
    first, last = (f"{digits(curve.y[k])} at {count(curve.x[k])}" for k in (0, -1))
    return f"{law_name(curve.law)} from {first} to {last}"


def _behind(caption: str, curves: Sequence[Curve]) -> Table:
    """One row per place of x; laws whose x differ (their part of the corpus differs) have rows of their own."""
    places: dict[float, dict[str, Cell]] = {}
    for curve in curves:
        for place, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
            spans = ""
            if curve.low and curve.high:
                spans = f" [{digits(curve.low[place], 4)}, {digits(curve.high[place], 4)}]"
            places.setdefault(float(f"{x:.9g}"), {})[law_name(curve.law)] = cell(y, digits(y, 4) + spans)
    names = _series(curves)
    rows = [
        (cell(x, count(x)), *(found.get(name, cell(None)) for name in names)) for x, found in sorted(places.items())
    ]
    return table(caption, (curves[0].x_name, *names), rows)


def equal_figure(scenario: ScenarioPlan, laws: Sequence[LawNote]) -> Iterator[Figure]:
    """Pairs of model size and data of equal performance, each law relative to where the plan stands."""
    ranges = {law.name: law.ranges for law in laws}
    lines_of = [c for c in scenario.curves if c.title == EQUAL and len(c.x) > 1]
    pairs = [(c, relative) for c in lines_of if (relative := _relative(c, scenario.n_parameters.value)) is not None]
    if not pairs:
        return
    known = [relative for _, relative in pairs]
    rows = [
        {"series": law_name(c.law), "x": x, "y": y, "inside": _inside(ranges.get(c.law, {}), x, tokens),
         "said": f"{law_name(c.law)}: a model of {count(x)} parameters needs {digits(y)} times the data"}
        for absolute, c in pairs
        for x, y, tokens in zip(c.x, c.y, absolute.y, strict=True)
    ]  # fmt: skip
    said = "; ".join(f"{law_name(c.law)}: {digits(c.y[0])} times the data at {count(c.x[0])}" for c in known)
    spec = lines(
        rows,
        x_name="model parameters, logarithmic",
        y_name="data, times the plan's, logarithmic",
        series=_numbers(scenario, known),
        here=scenario.n_parameters.value,
        log_y=True,
    )
    yield figure(
        "Equal performance: a smaller model on more data",
        f"Pairs of model size and data that perform alike, by each law. {said}.",
        spec,
        table=_behind("Data, times the plan's, for equal performance", known),
    )


def _inside(ranges: Mapping[str, tuple[float, float]], size: float, tokens: float) -> bool:
    """Whether a law was fitted on such sizes and, where it says, such data."""
    if "n_parameters" not in ranges:
        return False
    known = {"n_parameters": size, "n_training_tokens": tokens}
    return all(ranges[name][0] <= value <= ranges[name][1] for name, value in known.items() if name in ranges)


def _relative(curve: Curve, size: float | None) -> Curve | None:
    """y over its value at the plan's own size; None where that is not on the line."""
    if size is None:
        return None
    here = [y for x, y in zip(curve.x, curve.y, strict=True) if abs(x / size - 1) < 1e-6]
    if not here:
        return None
    return Curve(title=curve.title, law=curve.law, x_name=curve.x_name, y_name="data, times the plan's",
                 x=curve.x, y=tuple(y / here[0] for y in curve.y))  # fmt: skip


def tornado_figure(scenario: ScenarioPlan) -> Iterator[Figure]:
    """Which change of bytes per token moves training compute most; the score where no size is known."""
    bars = list(scenario.sensitivities)
    by_compute = any(each.compute for each in bars)
    rows = [row for each in bars[:MOST_BARS] if (row := _bar(each, by_compute=by_compute))]
    if not rows:
        return
    measure = "training FLOPs, times the plan's" if by_compute else "change of Sun & Guo's score"
    spec: Spec = tornado(
        rows,
        x_name=f"{measure}, logarithmic" if by_compute else measure,
        middle=1.0 if by_compute else 0.0,
        colours=BAR_COLOURS,
        log=by_compute,
    )
    said = "; ".join(str(row["said"]) for row in rows)
    behind = tornado_table(scenario).page("What each change does")
    yield figure("Which change of bytes per token moves the plan most", f"{measure}: {said}.", spec, table=behind)


def _bar(each: Sensitivity, *, by_compute: bool) -> Row | None:
    ends = each.compute if by_compute else each.score
    if not ends:
        return None
    middle = 1.0 if by_compute else 0.0
    low, high = min(*ends, middle), max(*ends, middle)
    shown = " to ".join(f"{quantity(end)} x" if by_compute else f"{end:+.2g}" for end in ends)
    name = f"{each.modality}: {each.change}"
    label = name.replace(", not ", ",\nnot ").replace(" bytes per", "\nbytes per").replace("range of ", "range\nof ")
    return {"name": label, "kind": KINDS[each.kind], "low": low, "high": high, "said": f"{name}: {shown}"}
