"""Fit a form to a table of runs: objective, starts, intervals, influence, error at the largest scale.

The objective is the **sum** over runs of Huber(delta) of the residual of the logarithm of the loss (Hoffmann et al.
2022; delta = 1e-3), which is what published constants were fitted by; a mean, or least squares, gives others.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import LawError
from tokeff.laws.accounting import accounting_named
from tokeff.laws.fitting.newton import Minimum
from tokeff.laws.fitting.problem import Problem, Residuals, free_coordinates, is_plain, threshold
from tokeff.laws.fitting.resampling import bootstrap, leave_one_out
from tokeff.laws.fitting.result import Fit, HeldOut
from tokeff.laws.fitting.runs import Runs, Table, check_enough, prepare
from tokeff.laws.forms import Array, Form, form_named
from tokeff.records.measurements import Estimate

SAME = 1e-6  # relative difference of objectives within which two starts found the same minimum
HELD_OUT_STARTS = 32
IDLE = 1e-9  # change of a prediction below which a coordinate moves nothing
N_SIGMA = 0.341344746  # normal probability within one standard deviation above the median


def fit(
    form: Form | str,
    table: Table,
    *,
    columns: Mapping[str, str] | None = None,
    target: str | None = None,
    accounting: str | None = None,
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    delta: float | None = None,
    residuals: Residuals = "log",
    n_starts: int = 128,
    n_bootstrap: int = 400,
    confidence: float = 0.95,
    drop_highest: int = 0,
    hold_out: float = 0.1,
    seed: int = 0,
) -> Fit:
    """Fit `form` (or the form of that name) to a table of runs.

    `columns` maps the form's variables, and `loss` or `score`, to the table's columns; where the data column is absent
    it follows from `compute_flops` by `accounting` (the form's own by default). `fixed` holds parameters at values,
    `tied` makes one equal another. `residuals` are of logarithms, or `plain`; `delta` is their Huber threshold (1e-3;
    least squares, that is infinity, for forms of scores). `drop_highest` leaves out the runs of the highest target;
    `hold_out` is the share of runs, the largest, for the held-out error.
    Raises LawError for tables that cannot determine the parameters, naming what is missing.
    """
    names = columns or {}
    mapped = [name for name in names if name.endswith("_tokens")]
    shape = (form_named(form) if isinstance(form, str) else form).bind(mapped or table)
    _check_numbers(n_starts, n_bootstrap, confidence, hold_out)
    counted = accounting or shape.accounting
    wanted = target or shape.target
    runs = prepare(shape, table, columns=names, target=wanted, accounting=counted, drop_highest=drop_highest)
    basis, origin = free_coordinates(shape, fixed or {}, tied or {})
    check_enough(shape, runs, basis.shape[1])
    problem = Problem(shape, runs, basis, origin, threshold(shape, delta), plain=is_plain(shape, residuals))
    return _fitted(problem, wanted, counted, n_starts, n_bootstrap, confidence, hold_out, seed)


def _fitted(  # noqa: PLR0917  # the options of `fit`, in its order
    problem: Problem,
    wanted: str,
    counted: str | None,
    n_starts: int,
    n_bootstrap: int,
    confidence: float,
    hold_out: float,
    seed: int,
) -> Fit:
    rng = np.random.default_rng(seed)
    found = problem.search(n_starts, rng)
    best = found.theta[found.objective.argmin()]
    sample = bootstrap(problem, best, n_bootstrap, rng) if n_bootstrap else None
    held_out, absent = _held_out(problem, best, counted, hold_out, rng)
    draws = _usable_draws(problem, sample)
    shifts = leave_one_out(problem, best)
    fitted = problem.curve.value(best[None])[0]
    objective, runs = float(found.objective.min()), problem.runs
    return Fit(
        form=problem.form,
        parameters=_estimates(list(problem.form.parameters), problem.parameters(best), draws, confidence),
        objective=objective,
        objective_kind=_kind(problem, wanted),
        r2=_r2(runs.observed, fitted if problem.plain else np.exp(fitted)),
        n_runs=len(runs.observed),
        n_dropped=runs.n_dropped,
        rows=runs.rows,
        inputs=runs.inputs,
        observed=runs.observed,
        n_starts=n_starts,
        n_starts_at_best=int((found.objective <= objective * (1 + SAME) + 1e-18).sum()),
        n_bootstrap=len(draws),
        n_bootstrap_failed=n_bootstrap - len(draws),
        draws=draws,
        residuals=problem.target - fitted,
        shifts=problem.parameters(shifts) - problem.parameters(best),
        influence=_influence(problem, shifts, best, sample),
        held_out=held_out,
        held_out_absent=absent,
        ranges={name: (float(x.min()), float(x.max())) for name, x in runs.inputs.items()},
        accounting=counted,
    )


def _check_numbers(n_starts: int, n_bootstrap: int, confidence: float, hold_out: float) -> None:
    if n_starts < 1 or n_bootstrap < 0:
        raise LawError(
            "not a number of starts and bootstraps", got=f"{n_starts} and {n_bootstrap}", expected="1+ and 0+"
        )
    if not 0 < confidence < 1:
        raise LawError("not a confidence level", got=confidence, expected="between 0 and 1")
    if not 0 <= hold_out < 1:
        raise LawError("not a share of runs to hold out", got=hold_out, expected="from 0 up to, not including, 1")


def _usable_draws(problem: Problem, sample: Minimum | None) -> Array:
    """Bootstrap parameters; without those that did not converge or ran off to infinity, which `Fit` counts."""
    if sample is None:
        return np.zeros((0, len(problem.form.parameters)))
    draws = problem.parameters(sample.theta[sample.converged])
    return draws[np.isfinite(draws).all(axis=1)]


def _r2(observed: Array, fitted: Array) -> float | None:
    total = float(((observed - observed.mean()) ** 2).sum())
    return 1 - float(((observed - fitted) ** 2).sum()) / total if total > 0 else None


def _kind(problem: Problem, quantity: str) -> str:
    what = quantity if problem.plain else f"log {quantity}"
    if np.isinf(problem.delta):
        return f"sum of squares/2 of {what} residuals"
    return f"sum of Huber({problem.delta:g}) of {what} residuals"


def _estimates(names: list[str], value: Array, draws: Array, confidence: float) -> dict[str, Estimate]:
    if len(draws) < 2:
        return {
            name: Estimate(value=float(value[k]), low=None, high=None, confidence=confidence)
            for k, name in enumerate(names)
        }
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return {
        name: Estimate(value=float(value[k]), low=float(low[k]), high=float(high[k]), confidence=confidence)
        for k, name in enumerate(names)
    }


def _idle(problem: Problem, best: Array) -> NDArray[np.bool_]:
    """Free coordinates [n_free] that move no prediction: the logarithm of a floor that came out as nothing, say."""
    moved = problem.curve.value(best + np.eye(len(best))) - problem.curve.value(best[None])
    return np.asarray(np.abs(moved).max(axis=1) < IDLE)


def _influence(problem: Problem, shifts: Array, best: Array, sample: Minimum | None) -> Array | None:
    """Shifts in fitting coordinates, over half the central 68 % of the bootstrap: outlying draws do not blur it."""
    if sample is None or sample.converged.sum() < 2:
        return None
    low, high = np.quantile(sample.theta[sample.converged], [0.5 - N_SIGMA, 0.5 + N_SIGMA], axis=0)
    moves = np.abs(shifts - best) / np.maximum((high - low) / 2, 1e-300)
    return np.asarray(moves[:, ~_idle(problem, best)].max(axis=1, initial=0.0))


def _held_out(
    problem: Problem, best: Array, accounting: str | None, share: float, rng: np.random.Generator
) -> tuple[HeldOut, None] | tuple[None, str]:
    """Refit without the largest runs (by compute where the accounting knows it, else by size) and predict them."""
    form, runs = problem.form, problem.runs
    n_runs = len(runs.observed)
    n_out = int(np.ceil(share * n_runs))
    if n_out == 0:
        return None, "no run was to be held out"
    scale = _scale(form, runs, accounting)
    largest = np.argsort(-scale, kind="stable")[:n_out]
    keep = np.ones(n_runs, bool)
    keep[largest] = False
    smaller = runs.subset(keep)
    try:
        check_enough(form, smaller, problem.basis.shape[1])
    except LawError as error:
        return None, f"without the {n_out} largest runs: {error}"
    rest = problem.without(keep)
    found = rest.search(HELD_OUT_STARTS, rng, warm=best)
    theta = found.theta[found.objective.argmin()]
    errors = problem.target[largest] - problem.curve.value(theta[None])[0, largest]
    return HeldOut(
        rows=runs.rows[largest], residuals=errors, mean_absolute=float(np.abs(errors).mean()), mean=float(errors.mean())
    ), None


def _scale(form: Form, runs: Runs, accounting: str | None) -> Array:
    """What "largest" means: compute, where the runs have all it takes, else the size variable."""
    rule = accounting_named(accounting) if accounting else None
    if rule is not None and set(rule.uses) <= set(runs.inputs):
        return rule.flops(runs.inputs, rule.constants)
    return np.asarray(runs.inputs[form.size or next(iter(runs.inputs))])
