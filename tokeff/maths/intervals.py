"""Intervals for a ratio of sums, sum(x) / sum(y), over items as clusters.

Items differ in size by orders of magnitude, so the mean of their ratios is another quantity and a normal interval of
the pooled ratio covers too seldom. Up to 10,000 items: bootstrap-t on the logarithm of the ratio. Beyond, or with
sums only: the delta method. Leaves out ratios of more than two sums.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_ITEMS = 10
"""Below this many items no interval is given: a bootstrap of nine numbers knows nothing of the tenth."""
N_RESAMPLES = 2000
CHUNK = 2_000_000
"""Numbers drawn at once, to bound memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioInterval:
    """A ratio with its interval; `low` and `high` are None where `reason` says why."""

    value: float
    low: float | None
    high: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over `n` items of x, y and their products."""

    n: int
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    @classmethod
    def of(cls, x: NDArray[Any], y: NDArray[Any]) -> "Moments":
        """The moments of items' own numbers."""
        x, y = x.astype(np.float64), y.astype(np.float64)
        return cls(n=len(x), x=x.sum(), y=y.sum(), xx=(x * x).sum(), xy=(x * y).sum(), yy=(y * y).sum())

    @property
    def log_error(self) -> float:
        """Standard error of log(sum x / sum y) by linearisation: Cochran, Sampling Techniques, 6.3."""
        variance = self.xx / self.x**2 - 2 * self.xy / (self.x * self.y) + self.yy / self.y**2
        # Items of one ratio leave nothing but the rounding of three numbers that cancel.
        rounding = 1e-12 * self.xx / self.x**2
        return math.sqrt(variance * self.n / (self.n - 1)) if variance > rounding else 0.0


def ratio_interval(
    x: NDArray[Any],
    y: NDArray[Any],
    *,
    confidence: float = 0.95,
    population: int | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> RatioInterval:
    """sum(x) / sum(y) with a bootstrap-t interval over items.

    x, y: [n_items], not negative, sums positive. `population`: the n items were drawn from so many without
    replacement, and the ratio of all of them is meant (finite population correction). Hall 1988, Annals of Statistics
    16, 927: studentised intervals are right to second order. Raises ValueError where a sum is not positive.
    """
    moments = Moments.of(x, y)
    value = _ratio(moments)
    if moments.n < MIN_ITEMS:
        return RatioInterval(value=value, low=None, high=None, reason="too_few_items")
    error = moments.log_error * _correction(moments.n, population)
    if error == 0:
        return RatioInterval(value=value, low=value, high=value)
    low, high = np.quantile(_studentised(x, y, seed, n_resamples), [(1 - confidence) / 2, (1 + confidence) / 2])
    if not (math.isfinite(low) and math.isfinite(high)):
        # So few items differ from the rest that many resamples hold none of them.
        return delta_interval(moments, confidence=confidence, population=population)
    return RatioInterval(value=value, low=value * math.exp(-high * error), high=value * math.exp(-low * error))


def delta_interval(moments: Moments, *, confidence: float = 0.95, population: int | None = None) -> RatioInterval:
    """The same from sums alone, by the delta method on the logarithm with Student's t."""
    value = _ratio(moments)
    if moments.n < MIN_ITEMS:
        return RatioInterval(value=value, low=None, high=None, reason="too_few_items")
    error = moments.log_error * _correction(moments.n, population)
    reach = math.exp(student_quantile((1 + confidence) / 2, moments.n - 1) * error)
    return RatioInterval(value=value, low=value / reach, high=value * reach)


def student_quantile(probability: float, degrees: int) -> float:
    """Student's t from the normal quantile by Fisher and Cornish's expansion: error below 0.001 from 9 degrees on."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees ** (power + 1) for power, term in enumerate(terms))


def _ratio(moments: Moments) -> float:
    if not (moments.x > 0 and moments.y > 0):
        raise ValueError(f"a ratio of sums needs positive sums, got {moments.x} and {moments.y}")
    return moments.x / moments.y


def _correction(n: int, population: int | None) -> float:
    """Square root of 1 - n/N."""
    if population is None:
        return 1.0
    if population < n:
        raise ValueError(f"{n} items cannot be drawn from {population} without replacement")
    return math.sqrt(1 - n / population)


def _studentised(x: NDArray[Any], y: NDArray[Any], seed: int, n_resamples: int) -> NDArray[np.float64]:
    """[n_resamples] values of (log ratio* - log ratio) / its own standard error."""
    n = len(x)
    x, y = x / x.sum(), y / y.sum()  # the ratio is 1 and its logarithm 0
    table = np.stack([x, y, x * x, x * y, y * y])
    generator = np.random.default_rng(seed)
    step = max(1, CHUNK // n)
    sums = []
    for start in range(0, n_resamples, step):
        rows = min(step, n_resamples - start)
        draws = generator.integers(0, n, size=(rows, n), dtype=np.int32)
        weights = np.bincount((draws + np.arange(rows)[:, None] * n).ravel(), minlength=rows * n).reshape(rows, n)
        sums.append(weights @ table.T)
    sx, sy, sxx, sxy, syy = np.concatenate(sums).T
    with np.errstate(divide="ignore", invalid="ignore"):
        # A resample without x or y at all has no logarithm: its value is infinite, and so may be the quantile.
        log_ratio = np.log(sx / sy)
        variance = np.maximum(sxx / sx**2 - 2 * sxy / (sx * sy) + syy / sy**2, 0) * n / (n - 1)
        scores: NDArray[np.float64] = log_ratio / np.sqrt(variance)
    return np.where(np.isnan(scores), 0.0, scores)
