"""Fit a form to a table of runs: objective, starts, intervals, influence, error at the largest scale.

The objective is the **sum** over runs of Huber(delta) of the residual of the logarithm of the loss (Hoffmann et al.
2022; delta = 1e-3), which is what published constants were fitted by; a mean, or least squares, gives others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import LawError
from tokeff.laws.accounting import accounting_named
from tokeff.laws.definition import Law, Parameter
from tokeff.laws.fitting.curves import Curve, make_curve
from tokeff.laws.fitting.newton import Minimum, huber, minimise
from tokeff.laws.fitting.resampling import bootstrap, leave_one_out
from tokeff.laws.fitting.runs import Runs, Table, check_enough, prepare
from tokeff.laws.fitting.starts import draw_starts
from tokeff.laws.forms import Array, Form, form_named
from tokeff.records.measurements import Estimate

DELTA = 1e-3
SAME = 1e-6  # relative difference of objectives within which two starts found the same minimum
HELD_OUT_STARTS = 32
N_SIGMA = 0.341344746  # normal probability within one standard deviation above the median


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How a fit to the smaller runs predicts the largest ones. Errors are of log(observed / predicted)."""

    rows: NDArray[np.int64]
    residuals: Array
    mean_absolute: float
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A fitted law and what there is to know about the fit. Arrays over runs follow `rows`."""

    form: Form
    parameters: Mapping[str, Estimate]
    objective: float
    objective_kind: str
    r2: float
    """Share of the variance of the observed quantity (not its logarithm) that the law explains, in sample."""
    n_runs: int
    n_dropped: int
    rows: NDArray[np.int64]
    n_starts: int
    n_starts_at_best: int
    """How many starts ended at the best objective: few mean that more starts may find a better one."""
    n_bootstrap: int
    n_bootstrap_failed: int
    draws: Array
    """Bootstrap sample of the parameters [n_draws, n_parameters], in the order of `parameters`."""
    residuals: Array
    """Logarithm of observed over predicted (of a logarithmic score: the difference)."""
    shifts: Array
    """[n_runs, n_parameters]: what each parameter changes by when the run is left out."""
    influence: Array | None
    """Largest shift of a run in bootstrap standard deviations; None without a bootstrap."""
    held_out: HeldOut | None
    held_out_absent: str | None
    ranges: Mapping[str, tuple[float, float]]
    accounting: str | None

    def most_influential(self, n: int = 5) -> NDArray[np.int64]:
        """Rows of the table whose omission moves the parameters most, first the strongest."""
        strength = self.influence if self.influence is not None else np.abs(self.shifts).max(axis=1)
        return self.rows[np.argsort(-strength, kind="stable")[:n]]

    def to_law(self, name: str, *, title: str = "", source: str = "", quantity: str = "", unit: str = "") -> Law:
        """The fitted law, with its bootstrap sample and the ranges of the runs; `tokeff.laws.save` writes it."""
        score = self.form.logarithmic
        return Law(
            name=name,
            form=self.form.name,
            title=title or f"{self.form.formula}, fitted to {self.n_runs} runs",
            status="refitted",
            source=source or f"fit of {self.n_runs} runs by {self.objective_kind}",
            parameters={
                key: Parameter(value=estimate.value, status="refitted", low=estimate.low, high=estimate.high)
                for key, estimate in self.parameters.items()
            },
            quantity=quantity or ("score" if score else "loss"),
            unit=unit or ("score" if score else "nats per token"),
            ranges=self.ranges,
            accounting=self.accounting if self.form.data else None,
            modalities=tuple(getattr(self.form, "tokens", ())),
            draws=self.draws if len(self.draws) else None,
            draw_names=tuple(self.parameters) if len(self.draws) else (),
        )


def fit(
    form: Form | str,
    table: Table,
    *,
    columns: Mapping[str, str] | None = None,
    target: str | None = None,
    accounting: str | None = "dense",
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    delta: float | None = None,
    n_starts: int = 128,
    n_bootstrap: int = 400,
    confidence: float = 0.95,
    drop_highest: int = 0,
    hold_out: float = 0.1,
    seed: int = 0,
) -> Fit:
    """Fit `form` (or the form of that name) to a table of runs.

    `columns` maps the form's variables, and `loss` or `score`, to the table's columns; where the data column is absent
    it follows from `compute_flops` by `accounting`. `fixed` holds parameters at values, `tied` makes one equal another.
    `drop_highest` leaves out the runs of the highest target; `hold_out` is the share of runs, the largest, for the
    held-out error. Raises LawError for tables that cannot determine the parameters, naming what is missing.
    """
    names = columns or {}
    shape = form_named(form) if isinstance(form, str) else form
    shape = shape.bind([*names, *table])
    wanted = target or ("score" if shape.logarithmic else "loss")
    runs = prepare(shape, table, columns=names, target=wanted, accounting=accounting, drop_highest=drop_highest)
    basis, origin = _free_coordinates(shape, fixed or {}, tied or {})
    check_enough(shape, runs, basis.shape[1])
    threshold = _threshold(shape, delta)
    problem = _Problem(shape, runs, basis, origin, threshold)
    rng = np.random.default_rng(seed)
    found = problem.search(n_starts, rng)
    best = found.theta[found.objective.argmin()]
    sample = bootstrap(problem.curve, problem.target, best, threshold, n_bootstrap, rng) if n_bootstrap else None
    return _report(problem, found, best, sample, confidence, accounting, hold_out, n_starts, wanted, rng)


class _Problem:
    """One form on one set of runs, over free coordinates."""

    def __init__(self, form: Form, runs: Runs, basis: Array, origin: Array, delta: float) -> None:
        self.form, self.runs, self.basis, self.origin, self.delta = form, runs, basis, origin, delta
        self.target = form.fit_target(runs.observed)
        self.curve: Curve = make_curve(form, runs.inputs, basis, origin)

    def search(self, n_starts: int, rng: np.random.Generator, warm: Array | None = None) -> Minimum:
        """The minima reached from drawn starts, and from `warm`."""
        drawn = draw_starts(self.form, self.runs.inputs, self.runs.observed, max(n_starts, 1), rng)
        starts = (drawn - self.origin) @ np.linalg.pinv(self.basis).T
        if warm is not None:
            starts = np.concatenate([warm[None], starts])
        weights = np.ones((len(starts), len(self.target)))
        found = minimise(self.curve, self.target, weights, starts, self.delta)
        if not np.isfinite(found.objective).any():
            raise LawError("no start reached a finite objective", where=self.form.name, got=f"{n_starts} starts")
        return found

    def parameters(self, free: Array) -> Array:
        """Free coordinates [..., n_free] -> parameters [..., n_parameters]."""
        decoded = self.form.decode(self.origin + free @ self.basis.T)
        return np.stack([decoded[name] for name in self.form.parameters], axis=-1)


def _threshold(form: Form, delta: float | None) -> float:
    if delta is None:
        return np.inf if form.least_squares else DELTA
    if not delta > 0:
        raise LawError("the Huber threshold must be positive", got=delta, expected=f"{DELTA}, or inf for least squares")
    return float(delta)


def _free_coordinates(form: Form, fixed: Mapping[str, float], tied: Mapping[str, str]) -> tuple[Array, Array]:
    """(basis [n_parameters, n_free], origin [n_parameters]): all coordinates are origin + basis @ free ones."""
    order = {name: k for k, name in enumerate(form.parameters)}
    for name in (*fixed, *tied, *tied.values()):
        if name not in order or name in form.entangled:
            free = ", ".join(name for name in order if name not in form.entangled)
            raise LawError("no such parameter to fix or tie", where=form.name, got=name, expected=f"one of {free}")
    if clash := [name for name in tied if name in fixed or tied[name] in tied or tied[name] in fixed]:
        raise LawError("a parameter is tied to one that is fixed or tied itself", where=form.name, got=clash[0])
    free = [name for name in order if name not in fixed and name not in tied]
    if not free:
        raise LawError("every parameter is fixed: nothing is left to fit", where=form.name, got=", ".join(fixed))
    basis, origin = np.zeros((len(order), len(free))), np.zeros(len(order))
    for k, name in enumerate(free):
        basis[order[name], k] = 1
    for name, other in tied.items():
        basis[order[name], free.index(other)] = 1
    for name, value in fixed.items():
        if form.is_log(name) and not value > 0:
            raise LawError(f"{name} must be positive", where=form.name, got=value)
        origin[order[name]] = np.log(value) if form.is_log(name) else value
    return basis, origin


def _report(
    problem: _Problem,
    found: Minimum,
    best: Array,
    sample: Minimum | None,
    confidence: float,
    accounting: str | None,
    hold_out: float,
    n_starts: int,
    quantity: str,
    rng: np.random.Generator,
) -> Fit:
    form, runs, delta = problem.form, problem.runs, problem.delta
    value = problem.parameters(best)
    good = sample.theta[sample.converged] if sample is not None else np.zeros((0, len(best)))
    draws = problem.parameters(good)
    draws = draws[np.isfinite(draws).all(axis=1)]
    without = leave_one_out(problem.curve, problem.target, best, delta)
    predicted = problem.curve.value(best[None])[0]
    residuals = problem.target - predicted
    fitted = predicted if form.logarithmic else np.exp(predicted)
    total = ((runs.observed - runs.observed.mean()) ** 2).sum()
    objective = float(found.objective.min())
    held_out, absent = _held_out(problem, best, accounting, hold_out, rng)
    return Fit(
        form=form,
        parameters=_estimates(list(form.parameters), value, draws, confidence),
        objective=objective,
        objective_kind=_kind(delta, quantity, form),
        r2=float(1 - ((runs.observed - fitted) ** 2).sum() / total) if total > 0 else float("nan"),
        n_runs=len(runs.observed),
        n_dropped=runs.n_dropped,
        rows=runs.rows,
        n_starts=n_starts,
        n_starts_at_best=int((found.objective <= objective * (1 + SAME) + 1e-18).sum()),
        n_bootstrap=len(draws),
        n_bootstrap_failed=(0 if sample is None else len(sample.theta)) - len(draws),
        draws=draws,
        residuals=residuals,
        shifts=problem.parameters(without) - value,
        influence=_influence(without - best, good),
        held_out=held_out,
        held_out_absent=absent,
        ranges={name: (float(x.min()), float(x.max())) for name, x in runs.inputs.items()},
        accounting=accounting,
    )


def _kind(delta: float, quantity: str, form: Form) -> str:
    what = quantity if form.logarithmic else f"log {quantity}"
    return f"sum of squares/2 of {what} residuals" if np.isinf(delta) else f"sum of Huber({delta:g}) of {what} residuals"


def _estimates(names: list[str], value: Array, draws: Array, confidence: float) -> dict[str, Estimate]:
    if len(draws) < 2:
        return {name: Estimate(value=float(value[k]), low=None, high=None, confidence=confidence) for k, name in enumerate(names)}
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return {
        name: Estimate(value=float(value[k]), low=float(low[k]), high=float(high[k]), confidence=confidence)
        for k, name in enumerate(names)
    }


def _influence(shifts: Array, sample: Array) -> Array | None:
    """Shifts in fitting coordinates, over half the central 68 % of the bootstrap: outlying draws do not blur it."""
    if len(sample) < 2:
        return None
    low, high = np.quantile(sample, [0.5 - N_SIGMA, 0.5 + N_SIGMA], axis=0)
    return np.asarray((np.abs(shifts) / np.maximum((high - low) / 2, 1e-300)).max(axis=1))


def _held_out(
    problem: _Problem, best: Array, accounting: str | None, share: float, rng: np.random.Generator
) -> tuple[HeldOut, None] | tuple[None, str]:
    """Refit without the largest runs (by compute where the accounting knows it, else by size) and predict them."""
    form, runs = problem.form, problem.runs
    if not 0 <= share < 1:
        raise LawError("not a share of runs to hold out", got=share, expected="from 0 up to, not including, 1")
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
    rest = _Problem(form, smaller, problem.basis, problem.origin, problem.delta)
    found = rest.search(HELD_OUT_STARTS, rng, warm=best)
    theta = found.theta[found.objective.argmin()]
    errors = problem.target[largest] - problem.curve.value(theta[None])[0, largest]
    return HeldOut(
        rows=runs.rows[largest], residuals=errors, mean_absolute=float(np.abs(errors).mean()), mean=float(errors.mean())
    ), None


def _scale(form: Form, runs: Runs, accounting: str | None) -> Array:
    if accounting is not None and form.data is not None:
        rule = accounting_named(accounting)
        if {form.data, *rule.needs} <= set(runs.inputs):
            try:
                return rule.flops(runs.inputs, rule.constants)
            except KeyError:
                pass  # another form's accounting: its variables are not here
    return np.asarray(runs.inputs[form.size or next(iter(runs.inputs))])
