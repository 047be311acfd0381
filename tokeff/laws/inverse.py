"""Inverse problems: which value of one input reaches a loss, and how little compute does. Vectorised bisection."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from tokeff.errors import LawError
from tokeff.laws.definition import Inputs, Law, check_inputs
from tokeff.laws.forms import Array
from tokeff.laws.optimum import NOTHING, optimum

LOG_LOW, LOG_HIGH = 0.0, float(np.log(1e30))  # from one to far beyond any run
BISECTIONS = 80  # log interval of 69 halved to 1e-22: to the last bit of a float
COMPUTE_LOW, COMPUTE_HIGH = 1e6, 1e40


def solve(law: Law, variable: str, target: ArrayLike, given: Inputs = NOTHING) -> Array:
    """The value of `variable` at which the law predicts `target`, with the other inputs as given.

    Laws are monotone in each variable. Raises LawError where no value up to 1e30 reaches the target, naming the
    best that can be reached with what is given.
    """
    values = law.values()
    form = law.bound_form({*given, variable})
    if variable not in form.variables:
        raise LawError("no such input", where=law.name, got=variable, expected=", ".join(form.variables))
    fixed = check_inputs(form, {**given, variable: 1.0}, law.name)
    goal = _finite(target, law.name)

    def predicted(log_value: Array) -> Array:
        return form.evaluate(values, {**fixed, variable: np.exp(log_value)})

    shape = np.broadcast_shapes(goal.shape, *(value.shape for value in fixed.values()))
    return _bisect(predicted, np.broadcast_to(goal, shape), (LOG_LOW, LOG_HIGH), law, variable)


def compute_for(law: Law, target: ArrayLike, given: Inputs = NOTHING, *, over: str | None = None) -> Array:
    """The least compute (FLOPs) with which the law reaches `target`, size and data split at the optimum.

    `given` as for `optimum`. Raises LawError where the target is out of reach.
    """
    goal = _finite(target, law.name)

    def predicted(log_compute: Array) -> Array:
        return optimum(law, np.exp(log_compute), given, over=over).prediction.value

    low, high = np.log(COMPUTE_LOW), np.log(COMPUTE_HIGH)
    return _bisect(predicted, goal, (float(low), float(high)), law, "compute_flops")


def _finite(target: ArrayLike, where: str) -> Array:
    goal = np.asarray(target, dtype=np.float64)
    if not np.isfinite(goal).all():
        raise LawError("the target is not finite", where=where, got=target, expected="a number")
    return goal


def _bisect(
    predicted: Callable[[Array], Array], goal: Array, bounds: tuple[float, float], law: Law, variable: str
) -> Array:
    low, high = bounds
    bottom, top = np.full(goal.shape, low), np.full(goal.shape, high)
    at_low, at_high = predicted(bottom), predicted(top)
    falls = at_low > at_high
    worst, best = np.where(falls, at_high, at_low), np.where(falls, at_low, at_high)
    if np.any((goal < worst) | (goal > best)):
        far = (goal < worst) | (goal > best)
        raise LawError(
            f"no {variable} reaches this {law.quantity}",
            where=law.name,
            got=f"{goal[far].ravel()[0]:.6g}",
            expected=f"between {worst[far].ravel()[0]:.6g} and {best[far].ravel()[0]:.6g} {law.unit}",
            fix="Those are the limits with the other inputs as given: move the target or the other inputs.",
        )
    for _ in range(BISECTIONS):
        middle = (bottom + top) / 2
        up = (predicted(middle) > goal) == falls
        bottom, top = np.where(up, middle, bottom), np.where(up, top, middle)
    return np.asarray(np.exp((bottom + top) / 2))
