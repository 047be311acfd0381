"""The law of vision representation (Yang et al. 2024, 2408.16357 v3) and its AC policy.

Performance of a multimodal model ~ polynomial of A (cross-modal alignment) and C (correspondence) of its vision
encoder, each min-max normalised over the encoders at hand. Leaves out measuring A and C, which needs the encoders.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokeff.errors import LawError
from tokeff.laws.forms import Array

Terms = Literal["AC", "A", "C", "linear"]
Indices = NDArray[np.int64]
WHERE = "law of vision representation"
FINEST = 2**20  # squares per side


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationFit:
    """A least-squares fit, in sample and left out. With 6 coefficients on few points only the second says much."""

    terms: Terms
    coefficients: Array
    """[n_terms], or [n_terms, n_benchmarks]."""
    fitted: Array
    r2: Array
    """In sample, per benchmark; a random score reaches 0.37 on 15 points."""
    leave_one_out_r2: Array
    """1 - PRESS / total sum of squares, per benchmark; may be negative."""
    n_points: int


def normalise(values: ArrayLike) -> Array:
    """Min-max to [0, 1]; raises LawError where all are equal or one is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or np.ptp(array) == 0:
        raise LawError(
            "scores cannot be normalised",
            where=WHERE,
            got=values,
            expected="one finite score per encoder, not all equal",
        )
    return np.asarray((array - array.min()) / np.ptp(array))


def features(alignment: ArrayLike, correspondence: ArrayLike, terms: Terms) -> Array:
    """[n_encoders, n_terms] of normalised scores: degree 2 in both ("AC") or in one, or degree 1 in both ("linear")."""
    a, c = normalise(alignment), normalise(correspondence)
    if len(a) != len(c):
        raise LawError("A and C must be of the same encoders", where=WHERE, got=f"{len(a)} and {len(c)} scores")
    one = np.ones_like(a)
    columns = {
        "AC": [one, a, c, a * a, a * c, c * c],
        "A": [one, a, a * a],
        "C": [one, c, c * c],
        "linear": [one, a, c],
    }
    if terms not in columns:
        raise LawError("unknown terms", where=WHERE, got=terms, expected=", ".join(columns))
    return np.stack(columns[terms], axis=1)


def fit_representation(
    alignment: ArrayLike, correspondence: ArrayLike, performance: ArrayLike, terms: Terms = "AC"
) -> RepresentationFit:
    """Least squares of performance [n_encoders] or [n_encoders, n_benchmarks] on the terms.

    Raises LawError with fewer encoders than terms + 2.
    """
    design = features(alignment, correspondence, terms)
    target = np.asarray(performance, dtype=np.float64)
    n_points, n_terms = design.shape
    if target.shape[:1] != (n_points,) or not np.isfinite(target).all():
        raise LawError(
            "performance must be finite, one row per encoder", where=WHERE, got=target.shape, expected=n_points
        )
    if n_points < n_terms + 2:
        raise LawError("too few encoders", where=WHERE, got=n_points, expected=f"at least {n_terms + 2} for {terms}")
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ target
    fitted = design @ coefficients
    leverage = np.einsum("ij,ji->i", design, inverse)
    residuals = target - fitted
    total = ((target - target.mean(axis=0)) ** 2).sum(axis=0)
    left_out = residuals / (1 - leverage).reshape(-1, *(1,) * (target.ndim - 1))
    return RepresentationFit(
        terms=terms,
        coefficients=coefficients,
        fitted=fitted,
        r2=np.asarray(1 - (residuals**2).sum(axis=0) / total),
        leave_one_out_r2=np.asarray(1 - (left_out**2).sum(axis=0) / total),
        n_points=n_points,
    )


def choose_runs(alignment: ArrayLike, correspondence: ArrayLike, n_runs: int, rng: np.random.Generator) -> Indices:
    """Which encoders to train, in order, by the AC policy.

    Level j splits the normalised (A, C) plane into 4^j equal squares. At each level, from j = 1, one encoder drawn at
    random is taken from each square that holds none taken before, squares in random order, until there are n_runs.
    """
    a, c = normalise(alignment), normalise(correspondence)
    if not 1 <= n_runs <= len(a):
        raise LawError(
            "not a number of runs", where=WHERE, got=n_runs, expected=f"1 to {len(a)}, the number of encoders"
        )
    chosen: list[int] = []
    side = 2
    while len(chosen) < n_runs:
        squares = np.minimum((a * side).astype(int), side - 1) * side + np.minimum((c * side).astype(int), side - 1)
        fresh = np.setdiff1d(squares, squares[chosen])
        if len(fresh) == 0 and side > FINEST:
            raise LawError("some encoders have equal A and C: no square tells them apart", where=WHERE, got=n_runs)
        order = rng.permutation(fresh)[: n_runs - len(chosen)]
        chosen += [int(rng.choice(np.flatnonzero(squares == square))) for square in order]
        side *= 2
    return np.array(chosen)


def rank_encoders(
    alignment: ArrayLike, correspondence: ArrayLike, runs: Indices, performance: ArrayLike, terms: Terms = "AC"
) -> Array:
    """Predicted performance of every encoder [..., n_encoders] from that of the trained ones.

    `runs` [..., n_runs] indexes the trained encoders and `performance` [..., n_runs] is theirs. Least squares with a
    free intercept; with fewer runs than terms the solution of least norm, as the authors' code has it.
    """
    design = features(alignment, correspondence, terms)[:, 1:]
    seen, scores = design[runs], np.asarray(performance, dtype=np.float64)
    centre, level = seen.mean(axis=-2, keepdims=True), scores.mean(axis=-1, keepdims=True)
    slopes = np.linalg.pinv(seen - centre, rcond=1e-10) @ (scores - level)[..., None]
    return np.asarray(((design - centre) @ slopes)[..., 0] + level)


def policy_recall(
    alignment: ArrayLike,
    correspondence: ArrayLike,
    performance: ArrayLike,
    *,
    n_runs: int = 4,
    top: int = 3,
    n_draws: int = 1000,
    seed: int = 0,
    terms: Terms = "AC",
) -> float:
    """Share of draws in which the truly best encoder is among the `top` predicted ones after exactly `n_runs` runs.

    `performance` is one score per encoder: on the published table, the mean over its eight benchmarks, each min-max
    normalised. Each draw chooses runs by `choose_runs`, fits `rank_encoders` once on those and ranks all encoders by
    prediction, trained ones included. Nothing stops early and a trained encoder's own score is not used to rank it.
    (The authors' code stops a draw at its first success, which counts more of them.)
    """
    truth = np.asarray(performance, dtype=np.float64)
    rng = np.random.default_rng(seed)
    runs = np.stack([choose_runs(alignment, correspondence, n_runs, rng) for _ in range(n_draws)])
    predicted = rank_encoders(alignment, correspondence, runs, truth[runs], terms)
    best = np.argsort(predicted, axis=1)[:, -top:]
    return float((best == truth.argmax()).any(axis=1).mean())
