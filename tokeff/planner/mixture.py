"""How many tokens of each modality are trained on: the corpus in its own proportions, within limits.

n_i between its least and largest share of the total, and at most so many passes over what there is. Leaves out money.
"""

from collections.abc import Mapping

import numpy as np

from tokeff.errors import TokeffError
from tokeff.planner.draws import Fan
from tokeff.records.items import Modality

Tokens = Mapping[Modality, Fan]
Bounds = Mapping[Modality, tuple[float, float]]
SLACK = 1e-9
BISECTIONS = 70


def limits(corpus: Tokens, mixture: Bounds, where: str) -> dict[Modality, tuple[float, float]]:
    """Bounds of every modality's share. Raises TokeffError for what cannot be met."""
    if strangers := [m for m in mixture if m not in corpus]:
        raise TokeffError(
            "a limit for what the corpus lacks", where=where, got=strangers[0], expected=", ".join(corpus)
        )
    bounds = {m: mixture.get(m, (0.0, 1.0)) for m in corpus}
    if (high := sum(bound[1] for bound in bounds.values())) < 1 - SLACK:
        raise TokeffError(
            "the largest shares of the mixture do not come to the whole",
            where=where,
            got=f"{100 * (high):.3g} %",
            expected="at least 100 %",
            fix="Raise one of them.",
        )
    least = sum(low for low, _ in bounds.values())
    for m, (low, high) in bounds.items():
        if min(high, 1 - (least - low)) < SLACK:
            raise TokeffError(
                f"the limits leave no {m}: the laws have no value where a modality has no token",
                where=where,
                fix=f"Leave {m} out of the corpus, or give it a share.",
            )
    return bounds


def largest(corpus: Tokens, bounds: Bounds, epochs: Mapping[Modality, float]) -> Fan:
    """The most tokens to train on: the largest D with lo D <= n <= min(hi D, epochs x corpus) that add to D."""
    caps = {m: corpus[m] * epochs[m] for m in corpus}
    bottom, top = np.zeros_like(next(iter(caps.values()))), sum(caps.values()) * (1 + 1e-12)
    for _ in range(BISECTIONS):
        middle = (bottom + top) / 2
        enough = sum(np.minimum(bounds[m][1] * middle, caps[m]) for m in caps) >= middle * (1 - 1e-12)
        for m, cap in caps.items():
            enough &= bounds[m][0] * middle <= cap * (1 + 1e-12)
        bottom, top = np.where(enough, middle, bottom), np.where(enough, top, middle)
    return np.asarray(bottom)


def trained(corpus: Tokens, bounds: Bounds, epochs: Mapping[Modality, float], total: Fan) -> dict[Modality, Fan]:
    """Tokens of each modality that add to `total`: in the corpus' proportions, moved only as far as limits ask."""
    least = {m: bounds[m][0] * total for m in corpus}
    most = {m: np.minimum(np.minimum(bounds[m][1], 1.0) * total, epochs[m] * corpus[m]) for m in corpus}
    low, high = np.full_like(total, -60.0), np.full_like(total, 60.0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        sums = sum(np.clip(np.exp(middle) * corpus[m], least[m], most[m]) for m in corpus)
        low, high = np.where(sums < total, middle, low), np.where(sums < total, high, middle)
    scale = np.exp((low + high) / 2)
    return {m: np.asarray(np.clip(scale * corpus[m], least[m], np.maximum(most[m], least[m]))) for m in corpus}
