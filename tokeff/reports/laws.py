"""Laws as a terminal shows them: the list, one law, its predictions.

Leaves out fits (`fits`) and arithmetic (`tokeff.laws`). JSON is strict: what is absent is null.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tokeff.laws import Law, Optimum, Prediction
from tokeff.laws.accounting import accounting_named
from tokeff.planner.coverage import covers
from tokeff.records.items import MODALITIES
from tokeff.reports.console import console, wrapped
from tokeff.reports.numbers import ABSENT
from tokeff.reports.plan_words import BEYOND, count, input_words
from tokeff.reports.sheets import grid
from tokeff.reports.wording import unprintable

RANGE = (0.025, 0.975)


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
        screen.print(*wrapped(screen, f"{name:<12}{unprintable(text)}", " " * 12), sep="\n")
    screen.print()
    rows = [
        (
            name,
            short(p.value),
            interval(*_ends(law, name), p.standard_error),
            p.status if p.value is not None else "not published",
            form.parameters.get(name, ""),
        )
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
        print_json({"law": law.name, **_origin(found), "predictions": points})
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
    say_reach(found, "The range is of the law's curve; a single run scatters around it.")


def print_optimum(law: Law, found: Optimum, *, as_json: bool) -> None:
    """Compute-optimal inputs, one row per budget."""
    if as_json:
        print_json(_optimum_table(law, found))
        return
    rows = []
    beyond = found.prediction.extrapolates.ravel()
    for k, budget in enumerate(found.compute_flops.ravel()):
        cells = [_with_ends(found, name, k) for name in found.inputs]
        rows.append((f"{budget:.3g}", *cells, _loss_with_ends(found.prediction, k), BEYOND if beyond[k] else ""))
    quantity = f"{law.quantity} ({law.unit})"
    console().print(grid(("FLOPs", *map(input_words, found.inputs), quantity, " "), rows))
    say(
        f"The split of each budget with the lowest {law.quantity} by {law.name}, {law.status}; {found.accounting}; "
        f"{found.method}. {law.source}."
    )
    say_reach(found.prediction, "[a, b] are 95 % ranges.")


def _loss_with_ends(found: Prediction, k: int) -> str:
    text = short(float(found.value.ravel()[k]))
    if found.low is None or found.high is None:
        return text
    return f"{text} {interval(float(found.low.ravel()[k]), float(found.high.ravel()[k]), None)}"


def say_reach(found: Prediction, ranged: str) -> None:
    """What a range is of, or why there is none; and which inputs lie where the law was not fitted."""
    say(ranged if found.low is not None else f"No range: {found.absent}.")
    for name, (least, most) in found.outside.items():
        say(f"{BEYOND} {input_words(name)} lies outside what the law was fitted on, {count(least)} to {count(most)}.")
    if found.unchecked:
        say(f"No fitted range is stated for {', '.join(map(input_words, found.unchecked))}.")


def _optimum_table(law: Law, found: Optimum) -> dict[str, Any]:
    def lists(table: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {name: value.ravel().tolist() for name, value in table.items()} if table else None

    loss = found.prediction
    ends = {"low": loss.low, "high": loss.high}
    return {
        "law": law.name,
        **_origin(loss),
        "compute_flops": found.compute_flops.ravel().tolist(),
        "optimum": lists(found.inputs),
        "low": lists(found.low),
        "high": lists(found.high),
        "loss": loss.value.ravel().tolist(),
        **{f"loss_{end}": None if value is None else value.ravel().tolist() for end, value in ends.items()},
        "extrapolates": loss.extrapolates.ravel().tolist(),
        "accounting": found.accounting,
        "method": found.method,
    }


def _origin(found: Prediction) -> dict[str, Any]:
    """Where a prediction comes from, and where it reaches beyond that."""
    return {
        "source": found.source,
        "quantity": found.quantity,
        "unit": found.unit,
        "confidence": found.confidence,
        "status": found.status,
        "absent": found.absent,
        "outside": {name: list(ends) for name, ends in found.outside.items()},
        "unchecked": list(found.unchecked),
    }


def print_solution(law: Law, variable: str, target: float, found: Prediction, value: float, *, as_json: bool) -> None:
    """The input that reaches a target; `found` is the prediction there."""
    if as_json:
        beyond = bool(found.extrapolates.any())
        print_json({"law": law.name, **_origin(found), "target": target, variable: value, "extrapolates": beyond})
        return
    mark = f" {BEYOND}" if found.extrapolates.any() else ""
    console().print(
        f"{law.name} reaches {law.quantity} {target:g} {law.unit} at {variable} = {value:.6g} ({count(value)}){mark}."
    )
    say(f"{law.name}, {law.status}: {law.bound_form(law.modalities or (variable,)).formula}. {law.source}.")
    say_reach(found, "The law's own uncertainty is not worked into this answer.")


def _ends(law: Law, name: str) -> tuple[float | None, float | None]:
    """A parameter's 95 % range: as stated, or that of the law's sample."""
    each = law.parameters[name]
    if law.draws is None or name not in law.draw_names or each.low is not None:
        return each.low, each.high
    low, high = np.quantile(law.draws[:, law.draw_names.index(name)], RANGE)
    return float(low), float(high)


def _with_ends(found: Optimum, name: str, k: int) -> str:
    text = count(float(found.inputs[name].ravel()[k]))
    if found.low is None or found.high is None or name not in found.low:
        return text
    return f"{text} [{count(float(found.low[name].ravel()[k]))}, {count(float(found.high[name].ravel()[k]))}]"


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
                "low": _ends(law, name)[0],
                "high": _ends(law, name)[1],
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
    screen = console()
    for line in wrapped(screen, unprintable(text)):
        screen.print(line, style="dim")


def print_json(content: object) -> None:
    """Strict JSON on standard output."""
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
