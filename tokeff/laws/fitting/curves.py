"""Residuals of many candidate parameter vectors at once, with their first and second derivatives.

`theta` is [n_candidates, n_free] in the fitting coordinates of a form; a linear map takes free coordinates to all of
them, which is how parameters are fixed or tied. Leaves out the objective and the search (`newton`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tokeff.laws.forms import Array, Form, Values

FIRST_STEP, SECOND_STEP = 1e-6, 1e-4  # central differences in coordinates of order one: errors of 1e-10 and 1e-8


@dataclass(frozen=True, slots=True)
class Local:
    """A curve near candidates: its value [B, n], slopes [B, n, p], and the curvature along weights."""

    value: Array
    jacobian: Array
    curvature: Callable[[Array], Array]
    """[B, n] weights -> [B, p, p], the weighted sum over runs of second derivatives."""


class LogSumExpCurve:
    """log sum_k exp(X_k theta + offset_k): exact derivatives. `design` is [n_runs, n_terms, n_free]."""

    def __init__(self, design: Array, offset: Array) -> None:
        self.offset = offset
        self.n_runs, self.n_terms, self.n_free = design.shape
        self.by_run = np.ascontiguousarray(design)
        self.outer = np.einsum("nkp,nkq->nkpq", design, design).reshape(self.n_runs * self.n_terms, -1)
        self.flat = design.reshape(-1, self.n_free)

    def value(self, theta: Array) -> Array:
        """[B, n_runs]."""
        top, scaled = self._scaled(theta)
        return np.asarray(top + np.log(scaled.sum(axis=-1)))

    def local(self, theta: Array) -> Local:
        """Value, slopes and curvature."""
        top, scaled = self._scaled(theta)
        total = scaled.sum(axis=-1)
        share = scaled / total[..., None]
        jacobian = np.matmul(share.transpose(1, 0, 2), self.by_run).transpose(1, 0, 2)

        def curvature(weights: Array) -> Array:
            along = (weights[..., None] * share).reshape(len(theta), -1) @ self.outer
            spread = np.matmul((weights[..., None] * jacobian).transpose(0, 2, 1), jacobian)
            return np.asarray(along.reshape(-1, self.n_free, self.n_free) - spread)

        return Local(np.asarray(top + np.log(total)), jacobian, curvature)

    def _scaled(self, theta: Array) -> tuple[Array, Array]:
        terms = (theta @ self.flat.T).reshape(len(theta), self.n_runs, self.n_terms) + self.offset
        top = terms.max(axis=-1)
        return top, np.exp(terms - top[..., None])


class NumericCurve:
    """Any form, by central differences."""

    def __init__(self, form: Form, inputs: Values, expand: Callable[[Array], Array], n_free: int) -> None:
        self.form, self.inputs, self.expand, self.n_free = form, inputs, expand, n_free
        self.n_runs = len(next(iter(inputs.values())))

    def value(self, theta: Array) -> Array:
        """[B, n_runs]."""
        return self.form.fit_value(self.expand(theta), self.inputs)

    def local(self, theta: Array) -> Local:
        """Value and slopes by central differences, curvature (n_free^2 more evaluations) by forward ones."""

        def curvature(weights: Array) -> Array:
            base = self._forward_gradient(theta, weights)
            columns = [
                (self._forward_gradient(theta + move, weights) - base) / SECOND_STEP
                for move in SECOND_STEP * np.eye(self.n_free)
            ]
            matrix = np.stack(columns, axis=-1)
            return np.asarray((matrix + matrix.transpose(0, 2, 1)) / 2)

        columns = [
            (self.value(theta + move) - self.value(theta - move)) / (2 * FIRST_STEP)
            for move in FIRST_STEP * np.eye(self.n_free)
        ]
        return Local(self.value(theta), np.stack(columns, axis=-1), curvature)

    def _forward_gradient(self, theta: Array, weights: Array) -> Array:
        """d/dtheta of the weighted sum of values, [B, n_free]: its error cancels in the difference of two."""
        base = (weights * self.value(theta)).sum(axis=1)
        sums = [(weights * self.value(theta + move)).sum(axis=1) for move in FIRST_STEP * np.eye(self.n_free)]
        return np.asarray((np.stack(sums, axis=-1) - base[:, None]) / FIRST_STEP)


class PlainCurve:
    """The value itself instead of its logarithm, for residuals that are not relative."""

    def __init__(self, curve: LogSumExpCurve | NumericCurve) -> None:
        self.curve, self.n_runs, self.n_free = curve, curve.n_runs, curve.n_free

    def value(self, theta: Array) -> Array:
        """[B, n_runs]."""
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.curve.value(theta)))

    def local(self, theta: Array) -> Local:
        """By the chain rule from those of the logarithm."""
        log = self.curve.local(theta)
        value = np.exp(log.value)

        def curvature(weights: Array) -> Array:
            scaled = weights * value
            outer = np.matmul((scaled[..., None] * log.jacobian).transpose(0, 2, 1), log.jacobian)
            return np.asarray(outer + log.curvature(scaled))

        return Local(value, value[..., None] * log.jacobian, curvature)


Curve = LogSumExpCurve | NumericCurve | PlainCurve


def make_curve(form: Form, inputs: Values, basis: Array, origin: Array, *, plain: bool = False) -> Curve:
    """The curve of a form over free coordinates t, where all coordinates are origin + basis t."""
    design = form.design(inputs)
    curve: LogSumExpCurve | NumericCurve
    if design is not None:
        curve = LogSumExpCurve(design @ basis, design @ origin)
    else:
        curve = NumericCurve(form, inputs, lambda free: origin + free @ basis.T, basis.shape[1])
    return PlainCurve(curve) if plain and not form.logarithmic else curve
