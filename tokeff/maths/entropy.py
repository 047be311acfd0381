"""Entropies of a histogram of ids, in bits. Estimates of a source from counts, not code lengths.

Every function takes integer counts by id (zeros allowed) and raises ValueError where there is no count at all: an
entropy of nothing is not 0. Leaves out code lengths (`codelength*`) and which ids were counted (`tokeff.measures`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RENYI_ALPHA = 2.5
"""Zouhar et al. 2023 (arXiv 2306.16842): the order that goes best with translation quality."""


def probabilities(counts: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Shares of the ids that occur, in id order. Raises ValueError where none does."""
    observed = counts[counts > 0]
    if not len(observed):
        raise ValueError("a histogram without a count has no entropy")
    shares: NDArray[np.float64] = observed / observed.sum()
    return shares


def order0_bits(counts: NDArray[np.integer[Any]]) -> float:
    """Plug-in entropy, bits per token: -sum p log2 p. It is too low where ids are many and tokens few.

    >>> order0_bits(np.array([1, 1, 1, 1]))
    2.0
    """
    shares = probabilities(counts)
    return max(0.0, float(-(shares * np.log2(shares)).sum()))


def miller_madow_bits(counts: NDArray[np.integer[Any]]) -> float:
    """Plug-in entropy with Miller and Madow's correction of its bias, (K-1)/(2n) nats, in bits per token."""
    n_types = int(np.count_nonzero(counts))
    return order0_bits(counts) + (n_types - 1) / (2 * int(counts.sum())) / math.log(2)


def renyi_bits(counts: NDArray[np.integer[Any]], alpha: float = RENYI_ALPHA) -> float:
    """Renyi entropy of order `alpha` (not 1), bits per token: log2(sum p^alpha) / (1 - alpha)."""
    shares = probabilities(counts)
    return max(0.0, math.log2(float((shares**alpha).sum())) / (1 - alpha))


def renyi_efficiency(counts: NDArray[np.integer[Any]], n_ids: int, alpha: float = RENYI_ALPHA) -> float | None:
    """Renyi entropy over log2(`n_ids`); None for one id, whose capacity is 0. Zouhar et al. 2023, section 4."""
    return renyi_bits(counts, alpha) / math.log2(n_ids) if n_ids > 1 else None


def capacity_bits(n_ids: int) -> float:
    """The most bits that a token of `n_ids` ids can carry: 64,000 codes are 15.97 bits, not 16."""
    return math.log2(n_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEntropy:
    """What the histogram of one stream says. All bits are per token."""

    n_tokens: int
    n_types: int
    """Ids that occur."""
    capacity_bits: float
    order0_bits: float
    miller_madow_bits: float
    renyi_efficiency_observed: float | None
    renyi_efficiency_vocabulary: float | None
    utilisation: float
    perplexity: float

    @property
    def rate_bits(self) -> float:
        """The fewest bits per token that these figures allow for: the corrected entropy, or the capacity."""
        return min(self.capacity_bits, self.miller_madow_bits)


def stream_entropy(counts: NDArray[np.integer[Any]], n_ids: int) -> StreamEntropy:
    """All figures of one stream with `n_ids` possible ids."""
    n_types = int(np.count_nonzero(counts))
    bits = order0_bits(counts)
    return StreamEntropy(
        n_tokens=int(counts.sum()),
        n_types=n_types,
        capacity_bits=capacity_bits(n_ids),
        order0_bits=bits,
        miller_madow_bits=miller_madow_bits(counts),
        renyi_efficiency_observed=renyi_efficiency(counts, n_types),
        renyi_efficiency_vocabulary=renyi_efficiency(counts, n_ids),
        utilisation=n_types / n_ids,
        perplexity=2.0**bits,
    )


def mean_bits(bits: Sequence[float], n_tokens: Sequence[int]) -> float:
    """Bits per token over several streams, each weighing as many tokens as it has."""
    return math.fsum(b * n for b, n in zip(bits, n_tokens, strict=True)) / sum(n_tokens)
