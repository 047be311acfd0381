"""The law of vision representation as a terminal shows it: in sample, left out, and how its policy would choose.

Leaves out arithmetic (`tokeff.laws.representation`).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tokeff.laws.representation import RepresentationFit
from tokeff.reports.console import console
from tokeff.reports.laws import print_json, say
from tokeff.reports.sheets import grid

WORDS = {
    "AC": "degree 2 in alignment and correspondence",
    "A": "alignment alone",
    "C": "correspondence alone",
    "linear": "degree 1 in both",
}
SOURCE = "Yang et al., arXiv 2408.16357 v3"


def print_representation(
    fits: Mapping[str, RepresentationFit], scores: Sequence[str], policy: Mapping[str, float], *, as_json: bool
) -> None:
    """One row per set of terms; `policy` holds the recall of the AC policy and how it was run."""
    if as_json:
        print_json(
            {"source": SOURCE, "fits": {k: _table(fit, scores) for k, fit in fits.items()}, "policy": dict(policy)}
        )
        return
    rows = [
        (terms, WORDS[terms], f"{100 * fit.r2.mean():.2f}", f"{100 * fit.leave_one_out_r2.mean():.2f}")
        for terms, fit in fits.items()
    ]
    console().print(grid(("terms", "what it is", "R2 in sample, %", "R2 left out, %"), rows, ()))
    first = next(iter(fits.values()))
    n_coefficients = len(first.coefficients)
    say(
        f"Means over {', '.join(scores)}; {first.n_points} encoders; {SOURCE}. {n_coefficients} coefficients on so "
        "few points fit much by chance (a random score reaches 37 % on 15): believe the column left out, where each "
        "encoder is predicted from the others; it may be negative."
    )
    say(
        f"AC policy: after {policy['n_runs']:g} training runs the best encoder is among the {policy['top']:g} best "
        f"predicted in {100 * policy['recall']:.1f} % of {policy['n_draws']:g} seeded draws."
    )


def _table(fit: RepresentationFit, scores: Sequence[str]) -> dict[str, object]:
    def by_score(values: object) -> dict[str, float]:
        return dict(zip(scores, np.atleast_1d(np.asarray(values)).tolist(), strict=True))

    return {
        "r2": by_score(fit.r2),
        "leave_one_out_r2": by_score(fit.leave_one_out_r2),
        "coefficients": np.asarray(fit.coefficients).tolist(),
        "n_points": fit.n_points,
    }
