"""The best split of a collection budget: a concave problem with linear limits, solved by a log-barrier Newton method.

Variables are the tokens trained on and the tokens bought, per modality. By Sun & Guo's law the sum of their logarithms
is made largest; by a loss law of the total, the total. Closed forms (equal spending, water-filling, the cheapest
token) are what the tests hold it against. Leaves out prices and units (`budget`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import TokeffError
from tokeff.planner.draws import Fan

Objective = Literal["product", "sum"]
Matrix = NDArray[np.float64]
BARRIER_STEPS, NEWTON_STEPS = 9, 60
SHARPEN = 30.0
ENOUGH = 1e-11
NEGLIGIBLE = 1e-12  # of a variable's own unit: what is held below this is nothing
LOOSE = 1e-7
"""Share bounds are widened by this, so that a fixed share leaves an inside to search in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """All per modality. `held` are tokens there already; `price` is money per token bought, inf where none is sold."""

    held: Fan
    price: Fan
    use_price: float
    """Money per token trained on, whichever it is."""
    budget: float
    epochs: Fan
    low: Fan
    """Least share of the tokens trained on."""
    high: Fan
    worth: Fan
    """What a token counts for where tokens are added."""
    objective: Objective


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Tokens trained on and tokens bought, per modality."""

    used: Fan
    bought: Fan


def solve(problem: Problem) -> Solution:
    """The best split. Raises TokeffError where the limits leave nothing to choose."""
    sold = np.isfinite(problem.price)
    _refuse_infeasible(problem, sold)
    n, k = len(problem.held), int(sold.sum())
    # In units of what a share of the money buys, or what is held, so that all variables are of order one.
    unit = problem.held + np.where(sold, problem.budget / np.where(sold, problem.price, 1.0), 0.0) / n
    rows, bound = _constraints(problem, sold, unit)
    z = _inside(problem, sold, unit, rows, bound)
    sharpness = 1.0
    for _ in range(BARRIER_STEPS):
        z = _newton(z, rows, bound, sharpness=sharpness, unit=unit * problem.worth, objective=problem.objective)
        sharpness *= SHARPEN
    bought = np.zeros(n)
    bought[sold] = z[n : n + k] * unit[sold]
    return Solution(used=z[:n] * unit, bought=bought)


def _refuse_infeasible(problem: Problem, sold: NDArray[np.bool_]) -> None:
    nothing = ~sold & (problem.held <= 0)
    if nothing.any():
        raise TokeffError("a modality is neither held nor sold", where="--price", expected="a price for each modality")
    if problem.low.sum() > 1 + LOOSE or problem.high.sum() < 1 - LOOSE:
        raise TokeffError(
            "no mixture meets the limits",
            got=f"{100 * (problem.low.sum()):.3g} % to {100 * (problem.high.sum()):.3g} %",
        )


def _constraints(problem: Problem, sold: NDArray[np.bool_], unit: Fan) -> tuple[Matrix, Fan]:
    """Rows R and bounds b of R z < b, for z = (tokens used, tokens bought where sold) in units."""
    n, k = len(problem.held), int(sold.sum())
    spend = np.zeros((1, n + k))
    spend[0, :n] = problem.use_price * unit
    spend[0, n:] = (problem.price[sold]) * unit[sold]
    use = np.zeros((n, n + k))
    use[:, :n] = np.eye(n)
    use[np.flatnonzero(sold), n + np.arange(k)] = -problem.epochs[sold]
    relative = problem.held / unit
    enough = problem.epochs * np.where(relative < NEGLIGIBLE, 0.0, relative)
    bought = np.zeros((k, n + k))
    bought[:, n:] = -np.eye(k)
    positive = np.zeros((n, n + k))
    positive[:, :n] = -np.eye(n)
    most = (np.eye(n) - np.minimum(problem.high + LOOSE, 1.0)[:, None]) * unit / unit.mean()
    least = (np.maximum(problem.low - LOOSE, 0.0)[:, None] - np.eye(n)) * unit / unit.mean()
    limited = [_padded(most[problem.high < 1], k), _padded(least[problem.low > 0], k)]
    rows = np.concatenate([spend / problem.budget, use, bought, positive, *limited])
    bound = np.zeros(len(rows))
    bound[0], bound[1 : 1 + n] = 1.0, enough
    return rows, bound


def _padded(rows: Matrix, k: int) -> Matrix:
    return np.concatenate([rows, np.zeros((len(rows), k))], axis=1)


def _inside(problem: Problem, sold: NDArray[np.bool_], unit: Fan, rows: Matrix, bound: Fan) -> Fan:
    """A point strictly inside: little of everything, in shares strictly between their limits."""
    low, high = np.maximum(problem.low - LOOSE, 0.0), np.minimum(problem.high + LOOSE, 1.0)
    room = (1 - low.sum()) / (high - low).sum()
    shares = low + room * (high - low)
    k = int(sold.sum())
    bought = np.full(k, 0.0)
    if k:
        bought = 0.5 * problem.budget / k / (problem.price[sold] * unit[sold])
    size = unit.mean()
    for _ in range(200):
        z = np.concatenate([shares * size / unit, bought])
        if np.all(rows @ z < bound):
            return np.asarray(z)
        size /= 4
    raise TokeffError("the limits leave nothing to choose", got="no mixture within them")


def _newton(z: Fan, rows: Matrix, bound: Fan, *, sharpness: float, unit: Fan, objective: Objective) -> Fan:
    """Minimise -sharpness * objective - sum log(b - R z) from a point inside; `unit` is what a variable counts for."""
    n = len(unit)

    def value(at: Fan) -> float:
        slack = bound - rows @ at
        if np.any(slack <= 0) or np.any(at[:n] <= 0):
            return np.inf
        goal = np.log(at[:n]).sum() if objective == "product" else np.log(at[:n] @ unit)
        return float(-sharpness * goal - np.log(slack).sum())

    for _ in range(NEWTON_STEPS):
        slack = bound - rows @ z
        gradient, hessian = rows.T @ (1 / slack), (rows / slack[:, None] ** 2).T @ rows
        if objective == "product":
            gradient[:n] -= sharpness / z[:n]
            hessian[np.arange(n), np.arange(n)] += sharpness / z[:n] ** 2
        else:
            total = z[:n] @ unit
            gradient[:n] -= sharpness * unit / total
            hessian[:n, :n] += sharpness * np.outer(unit, unit) / total**2
        step = -np.linalg.solve(hessian + 1e-12 * np.diag(np.diag(hessian)), gradient)
        decrement = float(-gradient @ step)
        if decrement < ENOUGH:
            break
        here, length = value(z), 1.0
        while value(z + length * step) > here - 0.25 * length * decrement and length > 1e-12:
            length /= 2
        z = z + length * step
    return z
