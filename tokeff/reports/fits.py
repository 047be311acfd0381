"""A fit as a terminal shows it: parameters with ranges, how sure the search is, which runs decide, residuals.

Leaves out arithmetic (`tokeff.laws.fitting`).
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokeff.laws import Law
from tokeff.laws.fitting import Fit
from tokeff.reports.console import console
from tokeff.reports.laws import interval, print_json, say, short
from tokeff.reports.plan_words import BEYOND, input_words
from tokeff.reports.sheets import grid
from tokeff.reports.textplot import plot

N_INFLUENTIAL = 5
STRONG = 1.0
"""Bootstrap standard deviations by which one run moves a parameter, above which a reader is warned."""


def print_fit(fit: Fit, law: Law, kept: Path | None, *, as_json: bool) -> None:
    """Parameters with intervals, how sure the search is, influence, error at the largest scale, residuals."""
    if as_json:
        print_json(fit_table(fit, law))
        return
    screen = console()
    screen.print(f"{fit.form.formula}", style="bold")
    rows = [
        (name, short(e.value), interval(e.low, e.high, None), fit.form.parameters[name])
        for name, e in fit.parameters.items()
    ]
    screen.print(grid(("parameter", "value", f"{_confidence(fit)} range", "what it is"), rows))
    screen.print()
    for line in _fit_lines(fit):
        say(line)
    screen.print()
    for line in _residual_plot(fit):
        screen.print(line)
    if kept:
        screen.print()
        say(f"Kept in {kept}: use it by name, tokeff laws predict {law.name} ..., or tokeff plan RUN --law {law.name}.")


def fit_table(fit: Fit, law: Law) -> dict[str, Any]:
    """A fit as JSON. Rows count the kept rows of the table from 0."""

    def by_row(name: str, values: list[float]) -> list[dict[str, Any]]:
        finite = (value if math.isfinite(value) else None for value in values)
        return [{"row": row, name: value} for row, value in zip(fit.rows.tolist(), finite, strict=True)]

    return {
        "schema": "tokeff.fit/1",
        "law": law.name,
        "formula": fit.form.formula,
        "parameters": {
            name: {"value": each.value, "low": each.low, "high": each.high, "confidence": each.confidence}
            for name, each in fit.parameters.items()
        },
        "objective": fit.objective,
        "objective_kind": fit.objective_kind,
        "r2": fit.r2,
        "n": fit.n_runs,
        "n_dropped": fit.n_dropped,
        "starts": fit.n_starts,
        "starts_at_best": fit.n_starts_at_best,
        "bootstrap": fit.n_bootstrap,
        "bootstrap_failed": fit.n_bootstrap_failed,
        "influence": None if fit.influence is None else by_row("strength", fit.influence.tolist()),
        "held_out": _held_out(fit),
        "held_out_absent": fit.held_out_absent,
        "residuals": by_row("residual", fit.residuals.tolist()),
        "ranges": {name: list(ends) for name, ends in fit.ranges.items()},
    }


def _held_out(fit: Fit) -> dict[str, Any] | None:
    if fit.held_out is None:
        return None
    return {
        "rows": fit.held_out.rows.tolist(),
        "residuals": fit.held_out.residuals.tolist(),
        "mean_absolute": fit.held_out.mean_absolute,
        "mean": fit.held_out.mean,
    }


def _fit_lines(fit: Fit) -> Iterable[str]:
    dropped = f" ({fit.n_dropped} of the highest left out)" if fit.n_dropped else ""
    r2 = f"; explains {fit.r2:.4f} of the variance (R2, in sample)" if fit.r2 is not None else ""
    yield f"{fit.n_runs} runs{dropped}. {fit.objective_kind}: {fit.objective:.10g}{r2}."
    yield f"{fit.n_starts_at_best} of {fit.n_starts} starts ended at this best objective."
    if wrong := [name for name, e in fit.parameters.items() if e.value < 0 < fit.form.exponents.get(name, (0, 0))[0]]:
        yield f"{BEYOND} {' and '.join(wrong)} came out below zero: by these runs more makes it worse. Look at them."
    if fit.n_bootstrap:
        failed = f"; {fit.n_bootstrap_failed} more did not settle and are left out" if fit.n_bootstrap_failed else ""
        yield f"Ranges: {fit.n_bootstrap} bootstraps over runs{failed}."
    if fit.held_out is not None:
        far = fit.held_out
        yield (
            f"Fitted without the {len(far.rows)} largest runs, it misses those by {far.mean_absolute:.3g} on average "
            f"({far.mean:+.3g} signed; {_residual_kind(fit)})."
        )
    else:
        yield f"No error at the largest scale: {fit.held_out_absent}."
    if fit.influence is not None:
        strongest = [
            (int(row), float(fit.influence[list(fit.rows).index(row)])) for row in fit.most_influential(N_INFLUENTIAL)
        ]
        listed = ", ".join(f"{row} ({moved:.2g})" for row, moved in strongest)
        yield f"Rows that decide most (moves of a parameter in standard deviations when left out): {listed}."
        if strongest and strongest[0][1] > STRONG:
            yield f"{BEYOND} one run moves a parameter by more than its uncertainty: look at row {strongest[0][0]}."


def _residual_kind(fit: Fit) -> str:
    return "logarithms" if "log" in fit.objective_kind else "the quantity itself"


def _residual_plot(fit: Fit) -> list[str]:
    name = fit.form.size or next(iter(fit.inputs))
    x = fit.inputs[name] if name in fit.inputs else next(iter(fit.inputs.values()))
    title = f"residuals, observed above or below the law ({_residual_kind(fit)})"
    return plot(x.tolist(), fit.residuals.tolist(), x_name=input_words(name), y_name=title, log_x=True, zero=True)


def _confidence(fit: Fit) -> str:
    return f"{100 * next(iter(fit.parameters.values())).confidence:g} %"
