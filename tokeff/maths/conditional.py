"""Conditional entropy of a code given its neighbour, as a held-out cross-entropy: an honest upper bound.

The plug-in estimate of an order-1 entropy is mostly bias at the sizes of real samples (the table of pairs is never
full), so each half of the data is coded with the counts of the other. How far the estimate is from its limit is told
twice, and the worse is believed: by how much it still falls when the half that teaches grows from a quarter to a half
to the whole of itself, and by how many pairs there are to learn, each of which costs 1 / (2 n ln 2) bits.
Leaves out which neighbour it is (`tokeff.measures.pairs`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_PARTS = 4
"""Parts of each half: the teaching half is used by one, two and four of them."""
N_GROUPS = 2 * N_PARTS
CLAIMED = 0.01
"""A value is given where its estimated excess over the limit is at most this share of it ..."""
CLAIMED_BITS = 0.001
"""... or this many bits, which only matters to sources of almost none."""
LEARNING_BITS = 1 / (2 * math.log(2))
"""What a parameter costs that n samples teach, times n: half a nat (Rissanen 1986; the bias of Miller and Madow)."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """Sparse counts of (group, context, symbol); `keys` are sorted and unique. Adds exactly, in any order."""

    n_contexts: int
    n_symbols: int
    keys: Ints
    counts: Ints

    @classmethod
    def of(cls, groups: Ints, contexts: Ints, symbols: Ints, *, n_contexts: int, n_symbols: int) -> "PairCounts":
        """Counts of equally long arrays. groups in [0, N_GROUPS), contexts in [0, n_contexts), symbols likewise."""
        keys, counts = np.unique((groups * n_contexts + contexts) * n_symbols + symbols, return_counts=True)
        return cls(n_contexts, n_symbols, keys, counts.astype(np.int64))

    @classmethod
    def total(cls, parts: "Iterable[PairCounts]") -> "PairCounts":
        """The sum of tables of one shape. Raises ValueError where shapes differ."""
        tables = list(parts)
        if len({(table.n_contexts, table.n_symbols) for table in tables}) != 1:
            raise ValueError("tables of pairs of different alphabets do not add")
        if len(tables) == 1:
            return tables[0]
        keys, places = np.unique(np.concatenate([table.keys for table in tables]), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, places, np.concatenate([table.counts for table in tables]))
        return cls(tables[0].n_contexts, tables[0].n_symbols, keys, counts)

    def of_groups(self, groups: Iterable[int]) -> "tuple[Ints, Ints]":
        """(context * n_symbols + symbol, count) of some groups together, sorted by the first."""
        size = self.n_contexts * self.n_symbols
        spans = [slice(*np.searchsorted(self.keys, (group * size, (group + 1) * size))) for group in groups]
        keys = np.concatenate([self.keys[span] % size for span in spans])
        pairs, places = np.unique(keys, return_inverse=True)
        counts = np.zeros(len(pairs), np.int64)
        np.add.at(counts, places, np.concatenate([self.counts[span] for span in spans]))
        return pairs, counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalEntropy:
    """Bits per token given the neighbour; None where the sample does not support a figure."""

    bits: float | None
    reason: str | None
    """`too_few_items` (a half is empty) or `too_few_tokens`."""
    n_tokens: int
    needed_tokens: int | None
    """About how many tokens would support it, where they are too few."""


def conditional_entropy(table: PairCounts) -> ConditionalEntropy:
    """The held-out order-1 cross-entropy of a table of pairs, if it is within CLAIMED of its limit."""
    n_tokens = int(table.counts.sum())
    halves = [table.of_groups(range(half * N_PARTS, (half + 1) * N_PARTS))[1] for half in (0, 1)]
    if min(int(half.sum()) for half in halves) < 0.05 * n_tokens:
        return ConditionalEntropy(bits=None, reason="too_few_items", n_tokens=n_tokens, needed_tokens=None)
    curve = [_held_out_bits(table, n_parts) for n_parts in (1, 2, 4)]
    excess, exponent = max(_excess(curve), (sum(map(len, halves)) * LEARNING_BITS / n_tokens, 1.0))
    bits = curve[-1]
    allowed = max(CLAIMED * bits, CLAIMED_BITS)
    if excess <= allowed:
        return ConditionalEntropy(bits=bits, reason=None, n_tokens=n_tokens, needed_tokens=None)
    # Slow falls cannot be extrapolated far; but even a table of which every cell is in use is learned at some time.
    per_cell, n_cells = 2 * LEARNING_BITS / allowed, table.n_contexts * table.n_symbols
    falling = min(n_tokens * (excess / allowed) ** (1 / exponent), max(n_cells * per_cell, 2 * n_tokens))
    in_use = max(_cells_in_use(len(half), int(half.sum()), n_cells) for half in halves)
    needed = math.ceil(max(falling, in_use * per_cell))
    return ConditionalEntropy(bits=None, reason="too_few_tokens", n_tokens=n_tokens, needed_tokens=needed)


def _cells_in_use(n_seen: int, n_tokens: int, n_cells: int) -> float:
    """Of how many equally likely cells one expects to see `n_seen` with so many tokens: K (1 - exp(-n / K)) of K."""
    low, high = math.log(n_seen), math.log(n_cells)
    for _ in range(50):
        middle = (low + high) / 2
        cells = math.exp(middle)
        low, high = (middle, high) if -cells * math.expm1(-n_tokens / cells) < n_seen else (low, middle)
    return math.exp(high)


def _held_out_bits(table: PairCounts, n_parts: int) -> float:
    """Bits per token of both halves, each coded with `n_parts` parts of the other."""
    bits, n_tokens = 0.0, 0
    for tested, taught in ((0, N_PARTS), (N_PARTS, 0)):
        test = table.of_groups(range(tested, tested + N_PARTS))
        train = table.of_groups(range(taught, taught + n_parts))
        bits += _code_length_bits(test, train, table.n_symbols)
        n_tokens += int(test[1].sum())
    return bits / n_tokens


def _code_length_bits(test: tuple[Ints, Ints], train: tuple[Ints, Ints], n_symbols: int) -> float:
    """Bits of `test` under the counts of `train`, by Witten and Bell's interpolation.

    p(x|c) = (n(c,x) + u(c) p(x)) / (n(c) + u(c)) with u(c) the number of different symbols seen after c, and
    p(x) = (n(x) + u/V) / (n + u) likewise. Source: Witten & Bell 1991, method C.
    """
    pairs, counts = train
    contexts, symbols = np.divmod(pairs, n_symbols)
    p_symbol = _unigram(symbols, counts, n_symbols)
    seen, starts = np.unique(contexts, return_index=True)
    totals = np.add.reduceat(counts, starts) if len(starts) else counts
    kinds = np.diff(np.append(starts, len(contexts)))
    tested, weights = test
    context, symbol = np.divmod(tested, n_symbols)
    joint = _look_up(pairs, counts, tested)
    n_context, u_context = _look_up(seen, totals, context), _look_up(seen, kinds, context)
    back_off = p_symbol[symbol]
    unseen = n_context == 0
    p = np.where(unseen, back_off, (joint + u_context * back_off) / np.maximum(n_context + u_context, 1))
    return float(-(weights * np.log2(p)).sum())


def _unigram(symbols: Ints, counts: Ints, n_symbols: int) -> NDArray[np.float64]:
    histogram = np.bincount(symbols, weights=counts, minlength=n_symbols)
    kinds = max(1, int(np.count_nonzero(histogram)))
    probabilities: NDArray[np.float64] = (histogram + kinds / n_symbols) / (histogram.sum() + kinds)
    return probabilities


def _look_up(keys: Ints, values: Ints, wanted: Ints) -> Ints:
    """values[keys == wanted], 0 where there is none; `keys` are sorted."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Ints = np.where(keys[places] == wanted, values[places], 0)
    return found


def _excess(curve: list[float]) -> tuple[float, float]:
    """What the last value still is above its limit, and the exponent of the fall, by Aitken's extrapolation.

    If b(n) = limit + k n^-g, each doubling of n shrinks the step by r = 2^-g and what remains is step * r / (1 - r).
    """
    first, second = curve[0] - curve[1], curve[1] - curve[2]
    # Steps within rounding of nothing: it has arrived. Slower than n^-0.15 cannot be told from not falling at all.
    if first <= 0 or second <= 0:
        return max(0.0, second), 1.0
    ratio = min(max(second / first, 0.5), 0.9)
    return second * ratio / (1 - ratio), -math.log2(ratio)
