"""One form on one set of runs as a minimisation: which coordinates are free, what residuals are of, where it starts."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import LawError
from tokeff.laws.fitting.curves import Curve, make_curve
from tokeff.laws.fitting.newton import Minimum, minimise
from tokeff.laws.fitting.runs import Runs
from tokeff.laws.fitting.starts import draw_starts
from tokeff.laws.forms import Array, Form

Residuals = Literal["log", "plain"]
DELTA = 1e-3


class Problem:
    """One form on one set of runs, over free coordinates."""

    def __init__(
        self, form: Form, runs: Runs, basis: Array, origin: Array, delta: float, *, plain: bool = False
    ) -> None:
        self.form, self.runs, self.basis, self.origin, self.delta, self.plain = form, runs, basis, origin, delta, plain
        self.target = runs.observed if plain else form.fit_target(runs.observed)
        self.curve: Curve = make_curve(form, runs.inputs, basis, origin, plain=plain)

    def without(self, keep: NDArray[np.bool_]) -> "Problem":
        """The same problem on the runs where `keep` is true."""
        return Problem(self.form, self.runs.subset(keep), self.basis, self.origin, self.delta, plain=self.plain)

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


def threshold(form: Form, delta: float | None) -> float:
    """The Huber threshold: as asked for, else what suits the form."""
    if delta is None:
        return np.inf if form.least_squares else DELTA
    if not delta > 0:
        raise LawError("the Huber threshold must be positive", got=delta, expected=f"{DELTA}, or inf for least squares")
    return float(delta)


def is_plain(form: Form, residuals: Residuals) -> bool:
    """Whether residuals are of the quantity itself."""
    if residuals not in ("log", "plain"):
        raise LawError("unknown kind of residuals", got=residuals, expected="log or plain")
    return residuals == "plain" or form.logarithmic


def free_coordinates(form: Form, fixed: Mapping[str, float], tied: Mapping[str, str]) -> tuple[Array, Array]:
    """(basis [n_parameters, n_free], origin [n_parameters]): all coordinates are origin + basis @ free ones."""
    order = {name: k for k, name in enumerate(form.parameters)}
    for name in (*fixed, *tied, *tied.values()):
        if name not in order or name in form.entangled:
            possible = ", ".join(each for each in order if each not in form.entangled)
            raise LawError("no such parameter to fix or tie", where=form.name, got=name, expected=f"one of {possible}")
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
