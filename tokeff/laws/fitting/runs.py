"""A table of runs made ready for a fit: columns found, data derived from compute, degenerate tables refused.

Leaves out the fit itself. Nothing is dropped silently: what is dropped was asked for and is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokeff.errors import LawError, NotFound
from tokeff.laws.accounting import accounting_named
from tokeff.laws.forms import Array, Form

Table = Mapping[str, ArrayLike]
CONSTANT = 1e-9  # relative spread of the observed quantity below which it is one number
COLLINEAR = 1e-6  # smallest singular value of the standardised log columns that still tells the variables apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Checked runs: inputs of the form and the observed quantity, each [n_runs]."""

    inputs: Mapping[str, Array]
    observed: Array
    rows: NDArray[np.int64]
    """Row of the table that each run comes from."""
    n_dropped: int

    def subset(self, keep: NDArray[np.bool_]) -> "Runs":
        """The runs at which `keep` is true."""
        inputs = {name: value[keep] for name, value in self.inputs.items()}
        return Runs(inputs=inputs, observed=self.observed[keep], rows=self.rows[keep], n_dropped=self.n_dropped)


def prepare(
    form: Form, table: Table, *, columns: Mapping[str, str], target: str, accounting: str | None, drop_highest: int
) -> Runs:
    """Runs of `table` for `form`; `columns` maps names of tokeff to those of the table.

    Where the data column is absent but `compute_flops` is there, the data follows from the law's accounting.
    Raises LawError for absent columns, values that are not positive numbers, and collinear variables.
    """
    _refuse_unknown(form, columns, target, accounting)
    observed = _column(table, columns.get(target, target), signed=form.logarithmic)
    inputs = _inputs(form, table, columns, accounting)
    lengths = {name: len(value) for name, value in {**inputs, target: observed}.items()}
    if len(set(lengths.values())) != 1:
        raise LawError("the columns differ in length", got=lengths)
    runs = Runs(inputs=inputs, observed=observed, rows=np.arange(len(observed)), n_dropped=0)
    return _without_highest(runs, drop_highest) if drop_highest else runs


def check_enough(form: Form, runs: Runs, free: int) -> None:
    """Refuse tables that cannot determine `free` parameters, naming what is missing."""
    n_runs = len(runs.observed)
    if n_runs < free + 2:
        raise LawError(
            f"too few runs to fit {form.formula}",
            got=f"{n_runs} runs",
            expected=f"at least {free + 2}: {free} free parameters and 2 more",
            fix=f"Train {free + 2 - n_runs} more, or fix a parameter at a published value.",
        )
    for name, value in runs.inputs.items():
        distinct, needed = len(np.unique(value)), form.min_distinct.get(name, 2)
        if distinct < needed:
            raise LawError(
                f"{name} hardly varies, so its exponent cannot be fitted",
                got=f"{distinct} distinct value{'s' * (distinct > 1)} ({value[0]:g}, ...)",
                expected=f"at least {needed}",
                fix=f"Add runs at another {name}.",
            )
    if np.ptp(runs.observed) <= CONSTANT * np.abs(runs.observed).max():
        raise LawError(
            "what the law predicts is the same in every run, so there is nothing to fit",
            got=f"{runs.observed[0]:g} in all {n_runs} runs",
            fix="Add runs that end elsewhere, or look whether the column is the right one.",
        )
    logs = np.stack([np.log(value) for value in runs.inputs.values()])
    standard = (logs - logs.mean(axis=1, keepdims=True)) / logs.std(axis=1, keepdims=True)
    if len(standard) > 1 and np.linalg.svd(standard, compute_uv=False)[-1] < COLLINEAR * np.sqrt(n_runs):
        raise LawError(
            "the inputs move together in every run, so their exponents cannot be told apart",
            got=" and ".join(runs.inputs) + " in one fixed power relation",
            fix="Add runs off that line: another model size at the same data, say.",
        )


def _refuse_unknown(form: Form, columns: Mapping[str, str], target: str, accounting: str | None) -> None:
    """A misspelt name would leave its column unread without a word."""
    uses = accounting_named(accounting).uses if accounting is not None else ()
    known = {*form.variables, target, "compute_flops", *uses}
    for name in columns:
        if name not in known:
            raise NotFound.among("input of the fit", name, known, fix="A column is mapped as NAME=COLUMN.")


def _inputs(form: Form, table: Table, columns: Mapping[str, str], accounting: str | None) -> dict[str, Array]:
    found = {
        name: _column(table, columns.get(name, name)) for name in form.variables if columns.get(name, name) in table
    }
    absent = [name for name in form.variables if name not in found]
    compute = columns.get("compute_flops", "compute_flops")
    if form.data is not None and absent == [form.data] and compute in table and accounting is not None:
        rule = accounting_named(accounting)
        needed = set(rule.uses) - set(found) - {form.data}
        extra = {name: _column(table, columns.get(name, name)) for name in needed}
        found[form.data] = np.asarray(rule.data(_column(table, compute), {**found, **extra}, rule.constants))
        absent = []
    if absent:
        raise LawError(
            "the table lacks columns",
            got=", ".join(table),
            expected=", ".join(f"{columns.get(name, name)} ({form.variables[name]})" for name in absent),
            fix="Map names with columns, as in n_parameters=<column>.",
        )
    return {name: found[name] for name in form.variables}


def _column(table: Table, name: str, *, signed: bool = False) -> Array:
    if name not in table:
        raise NotFound.among("column", name, table, fix="Map names with columns: -c NAME=<column>.")
    try:
        values = np.asarray(table[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        entries = list(enumerate(np.asarray(table[name], object)))
        run, value = next((pair for pair in entries if not _is_number(pair[1])), entries[0])
        raise LawError(
            "not a number",
            where=f"{name}, run {run}",
            got=repr(value),
            expected="plain numbers in the column, such as 7e9",
            fix="Correct or remove those runs, or map another column with -c.",
        ) from error
    if values.ndim != 1:
        raise LawError("a column is one number per run", where=name, got=f"an array of shape {values.shape}")
    bad = np.flatnonzero(~(np.isfinite(values) & (signed | (values > 0))))
    if bad.size:
        expected = "finite numbers" if signed else "finite numbers above 0: the fit is of logarithms"
        raise LawError(
            f"{bad.size} of {len(values)} values cannot be used",
            where=f"{name}, run {bad[0]}",
            got=values[bad[0]],
            expected=expected,
            fix="Remove those runs.",
        )
    return values


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # whether it can is the question
    except (TypeError, ValueError):
        return False
    return True


def _without_highest(runs: Runs, n: int) -> Runs:
    if not 0 <= n < len(runs.observed):
        raise LawError("not a number of runs to drop", got=n, expected=f"0 to {len(runs.observed) - 1}")
    order = np.argsort(runs.observed, kind="stable")
    keep = np.ones(len(order), bool)
    keep[order[len(order) - n :]] = False
    kept = runs.subset(keep)
    return Runs(inputs=kept.inputs, observed=kept.observed, rows=kept.rows, n_dropped=n)
