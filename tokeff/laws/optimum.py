"""The best split of a compute budget under a law and its own accounting; and what follows from published frontiers.

Closed form for the additive law with C = 6ND, a search over the size otherwise. Leaves out budgets in money: the
planner's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokeff.errors import LawError
from tokeff.laws.accounting import Accounting, accounting_named
from tokeff.laws.definition import Inputs, Law, Prediction, positive
from tokeff.laws.forms import Array, Form

NOTHING: Inputs = MappingProxyType({})
GRID_POINTS = 1024
GOLDEN = (np.sqrt(5) - 1) / 2
GOLDEN_STEPS = 80  # shrinks a grid cell by 1e-17


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The compute-optimal inputs; arrays of the shape of the budgets."""

    compute_flops: Array
    inputs: Mapping[str, Array]
    """Every input of the law at the optimum."""
    low: Mapping[str, Array] | None
    high: Mapping[str, Array] | None
    """Interval of the two traded inputs, where the law has draws and a closed form."""
    prediction: Prediction
    accounting: str
    method: str
    """`closed form` or `search`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trade:
    """A law's trade of `size` against `data` under its accounting."""

    law: Law
    form: Form
    rule: Accounting
    size: str
    data: str

    def inputs(self, budget: Array, size: Array, fixed: Mapping[str, Array]) -> dict[str, Array]:
        """The law's inputs when `size` is chosen and the rest of the budget buys data."""
        everything = {**fixed, self.size: size}
        paid = self.rule.data(budget, everything, {**self.rule.constants, **self.law.constants})
        return {name: everything[name] for name in self.form.variables if name in everything} | {
            self.data: np.asarray(paid)
        }


def optimum(
    law: Law,
    compute_flops: ArrayLike,
    given: Inputs = NOTHING,
    *,
    over: str | None = None,
    confidence: float = 0.95,
) -> Optimum:
    """The value of `over` (the law's size variable by default), and the data left to pay for, that predict best.

    `given` holds the law's further inputs and what its accounting asks for. Hoffmann et al. 2022, equation 4:
    N* = G (C/6)^(beta/(alpha+beta)), D* = (C/6)/N*, G = (alpha A / beta B)^(1/(alpha+beta)).
    Raises LawError where the law trades nothing against data or where the best lies at no finite size.
    """
    trade = _trade(law, law.bound_form(given), over)
    _check_given(trade, given)
    budget = positive("compute_flops", compute_flops, law.name)
    fixed = {name: positive(name, value, law.name) for name, value in given.items()}
    closed = trade.form.name == "additive" and trade.rule.name == "dense"
    best = hoffmann_size(law.values(), budget) if closed else _search(trade, budget, fixed)
    low, high = _interval(trade, budget, confidence) if closed else (None, None)
    inputs = trade.inputs(budget, best, fixed)
    return Optimum(
        compute_flops=budget,
        inputs=inputs,
        low=low,
        high=high,
        prediction=law.predict(inputs, confidence=confidence),
        accounting=trade.rule.formula,
        method="closed form" if closed else "search",
    )


def flops(law: Law, inputs: Inputs) -> Array:
    """Compute of a run under the law's own accounting."""
    rule = _rule(law)
    checked = {name: positive(name, value, law.name) for name, value in inputs.items()}
    if absent := sorted(set(rule.uses) - set(checked)):
        raise LawError(f"{rule.formula} needs more", where=law.name, got=", ".join(inputs), expected=", ".join(absent))
    return np.asarray(rule.flops(checked, {**rule.constants, **law.constants}))


def hoffmann_size(parameters: Mapping[str, Array], compute_flops: Array) -> Array:
    """N* of the additive law with C = 6ND."""
    alpha, beta = parameters["alpha"], parameters["beta"]
    scale = (alpha * parameters["A"] / (beta * parameters["B"])) ** (1 / (alpha + beta))
    return np.asarray(scale * (compute_flops / 6) ** (beta / (alpha + beta)))


def allocation_exponents(law: Law) -> dict[str, float]:
    """How the optimum of an additive law scales: N ~ C^a, D ~ C^b, reducible loss ~ C^c, D ~ N^d, with C = 6ND.

    Needs only the exponents, which some papers publish without the coefficients. A published frontier L = k C^c has
    another c: it is fitted to the whole loss, floor included.
    """
    alpha, beta = (law.parameters[name].value if name in law.parameters else None for name in ("alpha", "beta"))
    if law.form != "additive" or alpha is None or beta is None:
        raise LawError("only an additive law has these exponents", where=law.name, got=law.form, expected="additive")
    total = alpha + beta
    return {"a": beta / total, "b": alpha / total, "c": -alpha * beta / total, "d": alpha / beta}


def coefficients_from_frontier(
    *, E: float, alpha: float, beta: float, loss: float, compute_flops: float, tokens_per_parameter: float
) -> tuple[float, float]:
    """A and B of an additive law from one compute-optimal point: its loss, compute (C = 6ND) and D/N.

    At the optimum alpha A/N^alpha = beta B/D^beta = q and the reducible loss is q/alpha + q/beta.
    """
    if loss <= E:
        raise LawError("the frontier lies below the irreducible loss", got=loss, expected=f"above E = {E}")
    size = np.sqrt(compute_flops / 6 / tokens_per_parameter)
    q = (loss - E) / (1 / alpha + 1 / beta)
    return float(q / alpha * size**alpha), float(q / beta * (size * tokens_per_parameter) ** beta)


def _rule(law: Law) -> Accounting:
    if law.accounting is None:
        raise LawError(
            "the law states no accounting of compute, so a budget cannot be split",
            where=law.name,
            fix="Use a law over model size and data, such as besiroglu-2024.",
        )
    return accounting_named(law.accounting)


def _trade(law: Law, form: Form, over: str | None) -> _Trade:
    rule = _rule(law)
    size = over or form.size
    if form.data is None or size is None or size == form.data or size not in form.variables:
        free = [name for name in form.variables if name != form.data] if form.data else []
        raise LawError(
            "the law has no such trade against data",
            where=law.name,
            got=over or form.formula,
            expected="over one of " + ", ".join(free) if free else "a law with a size and a data variable",
        )
    return _Trade(law=law, form=form, rule=rule, size=size, data=form.data)


def _check_given(trade: _Trade, given: Inputs) -> None:
    needed = {*trade.form.variables, *trade.rule.uses} - {trade.size, trade.data}
    if set(given) != needed:
        raise LawError(
            f"an optimum over {trade.size} and {trade.data} is for other given inputs",
            where=trade.law.name,
            got=", ".join(sorted(given)) or "none",
            expected=", ".join(sorted(needed)) or "none",
        )


def _interval(
    trade: _Trade, budget: Array, confidence: float
) -> tuple[dict[str, Array], dict[str, Array]] | tuple[None, None]:
    drawn = trade.law.drawn(budget.ndim)
    if drawn is None:
        return None, None
    sizes = hoffmann_size(drawn, budget)
    levels = [(1 - confidence) / 2, (1 + confidence) / 2]
    ends = [np.quantile(sample, levels, axis=0) for sample in (sizes, budget / 6 / sizes)]
    low, high = ({trade.size: np.asarray(ends[0][k]), trade.data: np.asarray(ends[1][k])} for k in (0, 1))
    return low, high


def _search(trade: _Trade, budget: Array, fixed: Mapping[str, Array]) -> Array:
    """Golden section in the logarithm of the size, started from the best cell of a grid; all budgets at once."""
    values = trade.law.values()
    shape = np.broadcast_shapes(budget.shape, *(value.shape for value in fixed.values()))

    def loss(log_size: Array) -> Array:
        with np.errstate(all="ignore"):  # the ends of the grid overflow; they are never the best
            found = trade.form.evaluate(values, trade.inputs(budget, np.exp(log_size), fixed))
        return np.broadcast_to(np.where(np.isfinite(found), found, np.inf), np.shape(log_size))

    grid = np.linspace(0, np.log(np.max(budget)), GRID_POINTS).reshape(-1, *(1,) * len(shape))
    grid = np.broadcast_to(grid, (GRID_POINTS, *shape))
    cell = np.argmin(loss(grid), axis=0)
    _check_inside(trade, cell)
    low = np.take_along_axis(grid, cell[None] - 1, axis=0)[0]
    high = np.take_along_axis(grid, cell[None] + 1, axis=0)[0]
    for _ in range(GOLDEN_STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        worse = loss(left) > loss(right)
        low, high = np.where(worse, left, low), np.where(worse, high, right)
    return np.asarray(np.exp((low + high) / 2))


def _check_inside(trade: _Trade, cell: NDArray[np.intp]) -> None:
    if np.any((cell == 0) | (cell == GRID_POINTS - 1)):
        side = "smallest" if np.any(cell == 0) else "largest"
        raise LawError(
            f"the best {trade.size} is the {side} possible one: the law sets no trade-off there",
            where=trade.law.name,
            got=trade.form.formula,
            fix=f"Choose {trade.size} by other needs and ask for the data instead.",
        )
