"""Minimise sum of weight x Huber(residual) for many candidates at once: damped Newton steps, each with its own damping.

The Hessian is exact where the curve's is. Damping adds a multiple of the reweighted Gauss-Newton matrix, which is
positive and majorises the Huber loss, so a step is scale-free and small damping is never needed for descent. Batches
are starts (one weight vector), bootstraps and left-out runs (one weight vector each). Leaves out what the weights mean.
"""

from dataclasses import dataclass

import numpy as np

from tokeff.laws.fitting.curves import Curve, Local
from tokeff.laws.forms import Array

MAX_STEPS = 400
MAX_DAMPING = 1e8
TINY = 1e-300
PATIENCE, STALLED = 25, 1e-9  # a candidate that gains less than this in so many steps crawls along a flat valley
ENOUGH = 1e-15  # predicted decrease, relative to the objective, at which a candidate is done


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where candidates ended: theta [B, p], objective [B], and whether each converged."""

    theta: Array
    objective: Array
    converged: Array


def huber(residuals: Array, delta: float) -> Array:
    """r^2/2 up to delta, delta (|r| - delta/2) beyond."""
    size = np.abs(residuals)
    return np.where(size <= delta, residuals**2 / 2, delta * (size - delta / 2) if np.isfinite(delta) else 0.0)


def minimise(curve: Curve, target: Array, weights: Array, starts: Array, delta: float) -> Minimum:
    """Best theta from each start [B, p] under its weights [B, n_runs]. `delta` infinite is least squares."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # far trial points overflow and are refused
        return _minimise(curve, target, weights, starts.copy(), delta)


def _minimise(curve: Curve, target: Array, weights: Array, theta: Array, delta: float) -> Minimum:
    objective = _objective(curve.value(theta), target, weights, delta)
    damping = np.ones(len(theta))
    converged = np.zeros(len(theta), bool)
    active = np.flatnonzero(np.isfinite(objective))
    fresh = True
    checkpoint = objective.copy()
    for count in range(1, MAX_STEPS + 1):
        if not len(active):
            break
        if fresh:
            gradient, majorant, hessian = _derivatives(curve.local(theta[active]), target, weights[active], delta)
        step = _solve(hessian + damping[active, None, None] * majorant, gradient)
        promised = -np.einsum("bp,bp->b", step, gradient)
        trial = theta[active] + step
        value = _objective(curve.value(trial), target, weights[active], delta)
        better = (promised > 0) & (value < objective[active])
        theta[active[better]], objective[active[better]] = trial[better], value[better]
        damping[active] = np.clip(np.where(better, damping[active] / 5, damping[active] * 4), 1e-12, 2 * MAX_DAMPING)
        settled = (promised >= 0) & (promised <= ENOUGH * np.maximum(objective[active], TINY))
        converged[active[settled]] = True
        stays = ~settled & (damping[active] < MAX_DAMPING)
        if count % PATIENCE == 0:
            stays &= objective[active] < checkpoint[active] * (1 - STALLED)
            checkpoint = objective.copy()
        converged[active[~stays]] = True
        fresh = bool(better.any()) or not stays.all()
        active = active[stays]
    return Minimum(theta, objective, converged)


def _objective(value: Array, target: Array, weights: Array, delta: float) -> Array:
    total = np.asarray((weights * huber(value - target, delta)).sum(axis=1))
    return np.where(np.isfinite(total), total, np.inf)


def _derivatives(local: Local, target: Array, weights: Array, delta: float) -> tuple[Array, Array, Array]:
    """Gradient [B, p], the majorising Gauss-Newton matrix and the Hessian [B, p, p]."""
    residuals = local.value - target
    slope = weights * np.clip(residuals, -delta, delta)
    size = np.abs(residuals)
    by_run = local.jacobian.transpose(0, 2, 1)
    gradient = np.matmul(by_run, slope[..., None])[..., 0]
    pull = weights * np.minimum(1, delta / np.maximum(size, TINY)) if np.isfinite(delta) else weights
    majorant = np.matmul(by_run * pull[:, None, :], local.jacobian)
    inside = np.matmul(by_run * (weights * (size <= delta))[:, None, :], local.jacobian)
    return gradient, majorant, inside + local.curvature(slope)


def _solve(matrix: Array, gradient: Array) -> Array:
    """-matrix^-1 gradient for each candidate, scaled to a unit diagonal; a zero step where it cannot be solved."""
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(matrix, axis1=1, axis2=2)), TINY))
    scaled = matrix / (scale[:, :, None] * scale[:, None, :])
    usable = np.isfinite(scaled).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
    step = np.zeros_like(gradient)
    if usable.any():
        ridge = 1e-14 * np.eye(matrix.shape[1])  # keeps an exactly flat direction from being singular
        step[usable] = _solved(scaled[usable] + ridge, (-gradient / scale)[usable][..., None])[..., 0]
    return np.asarray(step / scale)


def _solved(matrices: Array, right: Array) -> Array:
    """matrices^-1 right; the shortest solution for all where one of them is singular all the same."""
    try:
        return np.asarray(np.linalg.solve(matrices, right))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(matrices, hermitian=True) @ right)
