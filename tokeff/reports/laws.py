"""Laws as a terminal shows them: the list, one law, its predictions.

Leaves out fits (`fits`) and arithmetic (`tokeff.laws`). JSON is strict: what is absent is null.
"""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tokeff.laws import Law, Optimum, Prediction
from tokeff.laws.accounting import accounting_named
from tokeff.planner.coverage import covers
from tokeff.records.items import MODALITIES
from tokeff.reports.console import console
from tokeff.reports.numbers import ABSENT
from tokeff.reports.plan_words import BEYOND, count, input_words
from tokeff.reports.sheets import grid
from tokeff.reports.wording import unprintable

WIDTH = 98


def print_laws(laws: Sequence[Law], own: Sequence[Law], *, as_json: bool) -> None:
    """Every law in a line."""
    if as_json:
        print_json([{**_law_table(law), "built_in": law not in own} for law in (*laws, *own)])
        return
    screen = console()
    for title, group in (("built-in", laws), ("your own", own)):
        if group:
            rows = [(law.name, _coverage(law), "fit only" if law.missing else law.status, law.title) for law in group]
            screen.print(grid((title, "covers", "status", "what it is"), rows))
            screen.print()
    say("Fit only: the paper publishes no constants. `tokeff laws show NAME` tells more.")


def show_law(law: Law, *, as_json: bool) -> None:
    """Formula, parameters, inputs, ranges, source."""
    if as_json:
        print_json(_law_table(law))
        return
    form = law.bound_form(("text_tokens",))
    screen = console()
    screen.print(unprintable(law.name), style="bold")
    for name, text in _facts(law):
        screen.print(*textwrap.wrap(f"{name:<12}{unprintable(text)}", WIDTH, subsequent_indent=" " * 12), sep="\n")
    screen.print()
    rows = [
        (name, short(p.value), interval(p.low, p.high, p.standard_error), p.status, form.parameters.get(name, ""))
        for name, p in law.parameters.items()
    ]
    screen.print(grid(("parameter", "value", "uncertainty", "status", "what it is"), rows))
    screen.print()
    ranges = {name: _range(law, name) for name in form.variables}
    screen.print(
        grid(("input", "fitted on", "what it is"), [(n, ranges[n], what) for n, what in form.variables.items()])
    )
    if law.reported:
        say("Also published: " + ", ".join(f"{name} {value:g}" for name, value in law.reported.items()) + ".")


def print_prediction(law: Law, inputs: Mapping[str, Sequence[float]], found: Prediction, *, as_json: bool) -> None:
    """One row per point."""
    n_points = found.value.size
    values = found.value.ravel().tolist()
    low = found.low.ravel().tolist() if found.low is not None else [None] * n_points
    high = found.high.ravel().tolist() if found.high is not None else [None] * n_points
    beyond = found.extrapolates.ravel().tolist()
    points = [
        {**{name: column[k] for name, column in inputs.items()}, "value": values[k], "low": low[k], "high": high[k]}
        | {"extrapolates": beyond[k]}
        for k in range(n_points)
    ]
    if as_json:
        facts = {"quantity": found.quantity, "unit": found.unit, "confidence": found.confidence, "status": found.status}
        print_json({"law": law.name, "source": found.source, **facts, "absent": found.absent, "predictions": points})
        return
    rows = [
        (
            *(count(column[k]) for column in inputs.values()),
            short(values[k]),
            interval(low[k], high[k], None),
            BEYOND if beyond[k] else "",
        )
        for k in range(n_points)
    ]
    console().print(grid((*map(input_words, inputs), f"{found.quantity} ({found.unit})", "95 % range", " "), rows))
    say(f"{law.name}, {found.status}: {law.bound_form(inputs).formula}. {found.source}.")
    say(
        "The range is of the law's curve; a single run scatters around it."
        if found.low is not None
        else f"No range: {found.absent}."
    )
    for name, (least, most) in found.outside.items():
        say(f"{BEYOND} {input_words(name)} lies outside what the law was fitted on, {count(least)} to {count(most)}.")
    if found.unchecked:
        say(f"No fitted range is stated for {', '.join(map(input_words, found.unchecked))}.")


def print_optimum(law: Law, found: Optimum, *, as_json: bool) -> None:
    """Compute-optimal inputs, one row per budget."""
    budgets = found.compute_flops.ravel()
    columns = {name: value.ravel() for name, value in found.inputs.items()}
    if as_json:
        ends = {"low": found.low, "high": found.high}
        ranges = {
            end: {n: v.ravel().tolist() for n, v in table.items()} if table else None for end, table in ends.items()
        }
        optima = {name: value.tolist() for name, value in columns.items()}
        facts = {"accounting": found.accounting, "method": found.method}
        loss = found.prediction.value.ravel().tolist()
        print_json(
            {"law": law.name, "compute_flops": budgets.tolist(), "optimum": optima, **ranges, "loss": loss, **facts}
        )
        return
    rows = []
    for k, budget in enumerate(budgets):
        cells = [_with_ends(found, name, k) for name in columns]
        beyond = BEYOND if found.prediction.extrapolates.ravel()[k] else ""
        rows.append((f"{budget:.3g}", *cells, short(float(found.prediction.value.ravel()[k])), beyond))
    quantity = f"{law.quantity} ({law.unit})"
    console().print(grid(("FLOPs", *map(input_words, columns), quantity, " "), rows))
    say(f"The split of each budget with the lowest {law.quantity} by {law.name}; {found.accounting}; {found.method}.")


def _optimum_table(law: Law, found: Optimum) -> dict[str, Any]:
    def lists(table: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {name: value.ravel().tolist() for name, value in table.items()} if table else None

    return {
        "law": law.name,
        "compute_flops": found.compute_flops.ravel().tolist(),
        "optimum": lists(found.inputs),
        "low": lists(found.low),
        "high": lists(found.high),
        "loss": found.prediction.value.ravel().tolist(),
        "accounting": found.accounting,
        "method": found.method,
    }


def _with_ends(found: Optimum, name: str, k: int) -> str:
    text = count(float(found.inputs[name].ravel()[k]))
    if found.low is None or found.high is None or name not in found.low:
        return text
    return f"{text} [{count(float(found.low[name].ravel()[k]))}, {count(float(found.high[name].ravel()[k]))}]"


def print_solution(law: Law, variable: str, target: float, value: float, *, as_json: bool) -> None:
    """The input that reaches a target."""
    if as_json:
        print_json({"law": law.name, "target": target, variable: value})
        return
    console().print(
        f"{law.name} reaches {law.quantity} {target:g} {law.unit} at {variable} = {value:.6g} ({count(value)})."
    )


def _law_table(law: Law) -> dict[str, Any]:
    form = law.bound_form(("text_tokens",))
    return {
        "name": law.name,
        "title": law.title,
        "formula": form.formula,
        "quantity": law.quantity,
        "unit": law.unit,
        "status": law.status,
        "source": law.source,
        "covers": list(covers(law)),
        "inputs": dict(form.variables),
        "parameters": {
            name: {
                "value": each.value,
                "status": each.status,
                "standard_error": each.standard_error,
                "low": each.low,
                "high": each.high,
            }
            for name, each in law.parameters.items()
        },
        "ranges": {name: list(ends) for name, ends in law.ranges.items()},
        "accounting": law.accounting and accounting_named(law.accounting).formula,
        "reported": dict(law.reported),
        "has_intervals": law.draws is not None,
        "notes": law.notes,
    }


def _facts(law: Law) -> list[tuple[str, str]]:
    facts = [
        ("what", law.title),
        ("formula", law.bound_form(("text_tokens",)).formula),
        ("predicts", f"{law.quantity}, {law.unit}"),
        ("covers", _coverage(law)),
        ("status", law.status),
        ("source", law.source),
        ("compute", accounting_named(law.accounting).formula if law.accounting else ""),
        ("intervals", "yes, from a joint sample of its parameters" if law.draws is not None else "not published"),
        ("notes", law.notes),
    ]
    return [(name, text) for name, text in facts if text]


def _coverage(law: Law) -> str:
    covered = covers(law)
    return "any modality" if len(covered) == len(MODALITIES) else " + ".join(covered)


def _range(law: Law, name: str) -> str:
    if name not in law.ranges:
        return "not stated"
    low, high = law.ranges[name]
    return f"{count(low)} to {count(high)}"


def short(value: float | None) -> str:
    """Six digits, or the sign for absence."""
    return ABSENT if value is None else f"{value:.6g}"


def interval(low: float | None, high: float | None, standard_error: float | None) -> str:
    """A range, a standard error, or the sign for absence."""
    if low is not None and high is not None:
        return f"[{low:.4g}, {high:.4g}]"
    return f"+- {standard_error:.3g}" if standard_error is not None else ABSENT


def say(text: str) -> None:
    """A dim paragraph."""
    for line in textwrap.wrap(unprintable(text), WIDTH):
        console().print(line, style="dim")


def print_json(content: object) -> None:
    """Strict JSON on standard output."""
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
