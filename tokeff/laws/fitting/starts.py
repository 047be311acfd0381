"""Where searches start: exponents drawn over their ranges, coefficients by least squares given the exponents.

The latter is variable projection: where a law is linear in its coefficients, only the exponents need guessing.
"""

import numpy as np

from tokeff.laws.forms import Array, Form, Values

FLOOR = 0.02  # a coefficient that least squares makes negative starts as a term of this share of the target


def draw_starts(form: Form, inputs: Values, observed: Array, n_starts: int, rng: np.random.Generator) -> Array:
    """[n_starts, n_parameters] in fitting coordinates."""
    theta = np.zeros((n_starts, len(form.parameters)))
    for k, name in enumerate(form.parameters):
        if name in form.exponents:
            theta[:, k] = _spread(*form.exponents[name], n_starts, rng)
        elif name in form.start_scales:
            low, high = np.log(form.start_scales[name])
            theta[:, k] = _spread(low, high, n_starts, rng)
    design = form.design(inputs)
    if form.logarithmic:
        return theta
    if design is not None:
        return _project(theta, _coefficient_columns(form), _terms(design, theta), observed)
    if form.linear:
        columns = [list(form.parameters).index(name) for name in form.linear]
        return _project(theta, columns, form.linear_terms(form.decode(theta), inputs), observed)
    return theta


def _spread(low: float, high: float, n: int, rng: np.random.Generator) -> Array:
    """One draw in each of n equal parts, in random order: a Latin hypercube when used per coordinate."""
    return np.asarray(low + (high - low) * (rng.permutation(n) + rng.random(n)) / n)


def _coefficient_columns(form: Form) -> list[int]:
    return [k for k, name in enumerate(form.parameters) if name not in form.exponents]


def _terms(design: Array, theta: Array) -> Array:
    """Each term with its coefficient at one: [n_starts, n_runs, n_terms]; coordinates of coefficients are zero yet."""
    return np.asarray(np.exp(np.einsum("nkp,bp->bnk", design, theta)))


def _project(theta: Array, columns: list[int], terms: Array, observed: Array) -> Array:
    """Coefficients that fit relative to the observed values, kept positive."""
    relative = terms / observed[None, :, None]
    scale = relative.mean(axis=1, keepdims=True)
    solved = np.linalg.pinv(relative / scale, rcond=1e-10).sum(axis=-1)
    theta[:, columns] = np.log(np.maximum(solved, FLOOR) / scale[:, 0])
    return theta
