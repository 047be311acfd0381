"""Paired comparisons: the same items through two tokenizers, so that what the items differ in falls out.

Ratios of sums (bytes per token), ratios as decibels (PSNR), differences of rates (missing bits per byte), means of
differences (SSIM, SI-SDR); the best of several; Pareto fronts. Leaves out where the numbers come from.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.maths.intervals import MIN_ITEMS, Moments, delta_interval, ratio_interval, student_quantile
from tokeff.records.tallies import MAX_ROWS

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A ratio or a difference with its interval; `low` and `high` are None where `reason` says why."""

    value: float
    low: float | None
    high: float | None
    n_items: int
    reason: str | None = None


def ratio_of_ratios(ours: Array, theirs: Array, *, confidence: float, seed: int = 0) -> Paired:
    """(sum b / sum ours) / (sum b / sum theirs) = sum theirs / sum ours, whatever b the items share.

    ours, theirs: [n_items], e.g. tokens of two tokenizers for the same bytes. By resampling items up to 10,000 of
    them, by the delta method beyond. Raises ValueError where a sum is not positive.
    """
    return _ratio(theirs, ours, confidence, seed)


def decibel_difference(ours: Array, theirs: Array, *, confidence: float, seed: int = 0) -> Paired:
    """10 log10(sum theirs / sum ours) of squared errors over the same samples: the difference of pooled PSNR in dB."""
    found = _ratio(theirs, ours, confidence, seed)
    value, low, high = (
        None if each is None else 10 * math.log10(each) for each in (found.value, found.low, found.high)
    )
    return Paired(value=value or 0.0, low=low, high=high, n_items=found.n_items, reason=found.reason)


def mean_difference(ours: Array, theirs: Array, *, confidence: float) -> Paired:
    """The mean of ours - theirs over items with Student's interval; items that lack either (NaN) are left out.

    Raises ValueError where no item has both.
    """
    differences = (ours.astype(np.float64) - theirs.astype(np.float64))[~(np.isnan(ours) | np.isnan(theirs))]
    n = len(differences)
    if not n:
        raise ValueError("no item has both numbers")
    value = float(differences.mean())
    if n < MIN_ITEMS:
        return Paired(value=value, low=None, high=None, n_items=n, reason="too_few_items")
    reach = student_quantile((1 + confidence) / 2, n - 1) * float(differences.std(ddof=1)) / math.sqrt(n)
    return Paired(value=value, low=value - reach, high=value + reach, n_items=n)


def rate_difference(ours: Array, theirs: Array, base: Array, *, confidence: float) -> Paired:
    """(sum ours - sum theirs) / sum base over the same items, e.g. missing bits over raw bytes, which may be zero.

    By linearisation with Student's t: Cochran, Sampling Techniques, 6.3. Items that lack a number (NaN) are left out.
    Raises ValueError where no item has all three, or where the base sums to nothing.
    """
    known = ~(np.isnan(ours) | np.isnan(theirs) | np.isnan(base))
    difference, base = (ours - theirs)[known].astype(np.float64), base[known].astype(np.float64)
    n, total = len(base), float(base.sum())
    if not total > 0:
        raise ValueError("no item has both numbers")
    value = float(difference.sum()) / total
    if n < MIN_ITEMS:
        return Paired(value=value, low=None, high=None, n_items=n, reason="too_few_items")
    rest = difference - value * base
    error = math.sqrt(n / (n - 1) * float(rest @ rest)) / total
    reach = student_quantile((1 + confidence) / 2, n - 1) * error
    return Paired(value=value, low=value - reach, high=value + reach, n_items=n)


def _ratio(x: Array, y: Array, confidence: float, seed: int) -> Paired:
    if len(x) > MAX_ROWS:
        found = delta_interval(Moments.of(x, y), confidence=confidence)
    else:
        found = ratio_interval(x, y, confidence=confidence, seed=seed)
    return Paired(value=found.value, low=found.low, high=found.high, n_items=len(x), reason=found.reason)


def shared_confidence(n_contrasts: int, confidence: float = 0.95) -> float:
    """The confidence of each of so many intervals that makes all of them hold together with `confidence` (Bonferroni).

    >>> round(shared_confidence(5), 9), shared_confidence(0)
    (0.99, 0.95)
    """
    return 1 - (1 - confidence) / max(1, n_contrasts)


def front(points: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """Names of the points that no other beats: at least as much in every coordinate, and more in one.

    >>> front({"a": (1, 3), "b": (2, 2), "c": (1, 2), "d": (2, 2)})
    ('a', 'b', 'd')
    """
    return tuple(name for name, mine in points.items() if not any(_beats(other, mine) for other in points.values()))


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))
