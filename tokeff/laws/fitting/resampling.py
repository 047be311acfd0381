"""Refits of one problem under other weights: a bootstrap over runs, and each run left out in turn.

All are warm-started at the fit and run as batches, in chunks that bound memory. Leaves out the first fit.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tokeff.laws.fitting.newton import Minimum, minimise
from tokeff.laws.fitting.problem import Problem
from tokeff.laws.forms import Array

CHUNK_NUMBERS = 4_000_000  # of the largest array of a batch: 32 MB

Weights = Callable[[NDArray[np.int64]], Array]


def refit_many(problem: Problem, weights_of: Weights, theta: Array, n: int) -> Minimum:
    """`n` refits from `theta`; `weights_of(indices)` gives their weights [len(indices), n_runs]."""
    curve = problem.curve
    size = max(1, CHUNK_NUMBERS // (curve.n_runs * (curve.n_free + 1) * 4))
    parts = []
    for first in range(0, n, size):
        indices = np.arange(first, min(n, first + size))
        starts = np.repeat(theta[None], len(indices), axis=0)
        parts.append(minimise(curve, problem.target, weights_of(indices), starts, problem.delta))
    return Minimum(
        np.concatenate([part.theta for part in parts]),
        np.concatenate([part.objective for part in parts]),
        np.concatenate([part.converged for part in parts]),
    )


def bootstrap(problem: Problem, theta: Array, n: int, rng: np.random.Generator) -> Minimum:
    """Refits on runs drawn with replacement."""
    n_runs = problem.curve.n_runs
    counts = rng.multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=n).astype(np.float64)
    return refit_many(problem, lambda indices: counts[indices], theta, n)


def leave_one_out(problem: Problem, theta: Array) -> Array:
    """theta without each run in turn: [n_runs, n_free]."""

    def weights_of(indices: NDArray[np.int64]) -> Array:
        weights = np.ones((len(indices), problem.curve.n_runs))
        weights[np.arange(len(indices)), indices] = 0
        return weights

    return refit_many(problem, weights_of, theta, problem.curve.n_runs).theta
