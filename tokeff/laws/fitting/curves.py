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
        """Value, slopes and curvature; the curvature costs another n_free^2 evaluations."""

        def jacobian(at: Array) -> Array:
            columns = [self._difference(self.value, at, k, FIRST_STEP) for k in range(self.n_free)]
            return np.stack(columns, axis=-1)

        def curvature(weights: Array) -> Array:
            def gradient(at: Array) -> Array:
                return np.einsum("bn,bnp->bp", weights, jacobian(at))

            columns = [self._difference(gradient, theta, k, SECOND_STEP) for k in range(self.n_free)]
            matrix = np.stack(columns, axis=-1)
            return np.asarray((matrix + matrix.transpose(0, 2, 1)) / 2)

        return Local(self.value(theta), jacobian(theta), curvature)

    @staticmethod
    def _difference(function: Callable[[Array], Array], at: Array, k: int, step: float) -> Array:
        move = np.zeros(at.shape[1])
        move[k] = step
        return np.asarray((function(at + move) - function(at - move)) / (2 * step))


Curve = LogSumExpCurve | NumericCurve


def make_curve(form: Form, inputs: Values, basis: Array, origin: Array) -> Curve:
    """The curve of a form over free coordinates t, where all coordinates are origin + basis t."""
    design = form.design(inputs)
    if design is not None:
        return LogSumExpCurve(design @ basis, design @ origin)
    return NumericCurve(form, inputs, lambda free: origin + free @ basis.T, basis.shape[1])
