"""Uncertain numbers as fans: arrays [1 + N_DRAWS] whose first entry is the central value and the rest are draws.

Arithmetic on fans carries the uncertainty of bytes per token and of a law's parameters together. Draws of one
measurement are the same wherever they are used, so what two scenarios share cancels in their difference.
"""

from collections.abc import Callable
from statistics import NormalDist
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tokeff.laws import Law
from tokeff.records.measurements import Estimate

Fan = NDArray[np.float64]
N_DRAWS = 999
SAME = 1e-9  # relative width below which a range is rounding
BISECTIONS = 50
_NORMAL = np.array([NormalDist().inv_cdf((k + 0.5) / N_DRAWS) for k in range(N_DRAWS)])


def constant(value: float) -> Fan:
    """A number that is not uncertain."""
    return np.full(1 + N_DRAWS, float(value))


def estimate_fan(estimate: Estimate, key: str) -> Fan:
    """A measured ratio: log-normal on either side of its value, to its own interval. Constant where it has none."""
    if estimate.low is None or estimate.high is None or estimate.low <= 0:
        return constant(estimate.value)
    z = np.random.default_rng(crc32(key.encode())).permutation(_NORMAL)
    reach = NormalDist().inv_cdf((1 + estimate.confidence) / 2)
    below = np.log(estimate.value / estimate.low) / reach
    above = np.log(estimate.high / estimate.value) / reach
    draws = estimate.value * np.exp(z * np.where(z < 0, below, above))
    return np.concatenate([[estimate.value], draws])


def law_fan(law: Law) -> dict[str, Fan]:
    """A law's parameters; its own draws, each taken about equally often, where it has some."""
    fans = {name: constant(float(value)) for name, value in law.values().items()}
    if law.draws is not None:
        rows = np.random.default_rng(crc32(law.name.encode())).permutation(N_DRAWS) % len(law.draws)
        for column, name in enumerate(law.draw_names):
            fans[name][1:] = law.draws[rows, column]
    return fans


def spread(fan: Fan, confidence: float) -> tuple[float | None, float | None]:
    """The central interval of the draws; None where they do not differ or do not stay finite."""
    low, high = np.quantile(fan[1:], [(1 - confidence) / 2, (1 + confidence) / 2], method="nearest")
    if low == high or abs(high - low) <= SAME * abs(fan[0]):
        return None, None
    return (float(low) if np.isfinite(low) else None), (float(high) if np.isfinite(high) else None)


def root(rising: Callable[[Fan], Fan], low: float, high: float) -> Fan:
    """x in [low, high] where a rising function crosses zero, searched in ln x; inf where it is still below at `high`.

    Vectorised bisection: `rising` maps an array to one of the same shape.
    """
    shape = np.shape(rising(np.asarray(low)))
    bottom, top = np.full(shape, np.log(low)), np.full(shape, np.log(high))
    never = rising(np.exp(top)) < 0
    for _ in range(BISECTIONS):
        middle = (bottom + top) / 2
        below = rising(np.exp(middle)) < 0
        bottom, top = np.where(below, middle, bottom), np.where(below, top, middle)
    return np.where(never, np.inf, np.exp((bottom + top) / 2))
