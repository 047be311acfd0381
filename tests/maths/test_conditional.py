"""Held-out order-1 entropy against sources whose entropy is known in closed form."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tokeff.maths.conditional import N_GROUPS, PairCounts, conditional_entropy

Ints = NDArray[np.int64]


BLOCK = 512


def table_of(codes: Ints, n_symbols: int) -> PairCounts:
    """Blocks of the sequence are items: they go round the groups, and nothing stands before the first code of each."""
    before = np.concatenate([[n_symbols], codes[:-1]])
    before[::BLOCK] = n_symbols
    groups = (np.arange(len(codes)) // BLOCK) % N_GROUPS
    return PairCounts.of(groups, before, codes, n_contexts=n_symbols + 1, n_symbols=n_symbols)


def markov(transition: NDArray[np.float64], n: int, seed: int) -> Ints:
    """Independent chains of BLOCK codes, run in step; the state is the symbol."""
    draw = np.random.default_rng(seed)
    n_chains, cumulative = n // BLOCK, transition.cumsum(1)
    codes = np.empty((BLOCK, n_chains), np.int64)
    state = draw.choice(len(transition), n_chains, p=stationary(transition))
    for step in range(BLOCK):
        state = np.minimum((cumulative[state] < draw.random((n_chains, 1))).sum(1), len(transition) - 1)
        codes[step] = state
    return codes.T.reshape(-1)


def stationary(transition: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eig(transition.T)
    weights = np.abs(np.real(vectors[:, np.argmax(np.real(values))]))
    return np.asarray(weights / weights.sum(), np.float64)


def entropy_of_chains(transition: NDArray[np.float64]) -> float:
    """Bits per code of a chain of BLOCK codes: the first is drawn from the stationary law, the others follow."""
    weights = stationary(transition)
    logs = np.log2(np.where(transition > 0, transition, 1))
    rate = float(-(weights[:, None] * transition * logs).sum())
    return ((BLOCK - 1) * rate - float((weights * np.log2(np.where(weights > 0, weights, 1))).sum())) / BLOCK


def sparse_chain(n_symbols: int, n_next: int) -> NDArray[np.float64]:
    """Each symbol is followed by few others, with uneven weights."""
    draw = np.random.default_rng(7)
    transition = np.zeros((n_symbols, n_symbols))
    for row in transition:
        row[draw.choice(n_symbols, n_next, replace=False)] = draw.dirichlet(np.ones(n_next))
    return transition


@pytest.mark.parametrize("n_symbols", [2, 16, 64])
def test_independent_uniform_codes_cost_log2_of_the_alphabet(n_symbols: int) -> None:
    codes = np.random.default_rng(0).integers(0, n_symbols, 1_000_000)
    found = conditional_entropy(table_of(codes, n_symbols))
    assert found.bits == pytest.approx(np.log2(n_symbols), rel=0.01)


@pytest.mark.parametrize(("n_symbols", "n_next"), [(8, 2), (64, 4), (256, 8)])
def test_a_markov_chain_costs_its_entropy_rate(n_symbols: int, n_next: int) -> None:
    transition = sparse_chain(n_symbols, n_next)
    found = conditional_entropy(table_of(markov(transition, 400_000, seed=n_symbols), n_symbols))
    assert found.bits == pytest.approx(entropy_of_chains(transition), rel=0.01)


def test_a_mixture_costs_the_entropy_of_its_pairs() -> None:
    """Half of the blocks are fair coins, half are constant: pairs (0,0), (0,1), (1,0), (1,1) are 5/8, 1/8, 1/8, 1/8."""
    draw = np.random.default_rng(3)
    blocks = draw.integers(0, 2, (2000, 512))
    blocks[draw.permutation(2000)[:1000]] = 0
    found = conditional_entropy(table_of(blocks.reshape(-1), 2))
    joint = np.array([[5, 1], [1, 1]]) / 8
    expected = -(joint * np.log2(joint / joint.sum(1, keepdims=True))).sum()
    assert found.bits == pytest.approx(expected, rel=0.02)


def test_too_few_tokens_are_said_to_be_so_and_enough_of_them_do() -> None:
    codes = np.random.default_rng(1).integers(0, 512, 5_000_000)
    few = conditional_entropy(table_of(codes[:100_000], 512))
    assert few.bits is None
    assert few.reason == "too_few_tokens"
    assert few.needed_tokens is not None
    assert few.needed_tokens > 200_000
    many = conditional_entropy(table_of(codes, 512))
    assert many.bits is None or many.bits == pytest.approx(9, rel=0.01)


@pytest.mark.parametrize("n_symbols", [2, 8, 64, 512])
def test_what_is_claimed_is_true_at_every_length(n_symbols: int) -> None:
    """Equally likely codes: a held-out code first grows worse with what it learns, which is no sign of an end."""
    codes = np.random.default_rng(1).integers(0, n_symbols, 5_000_000)
    claimed = 0
    for n in (5000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 5_000_000):
        found = conditional_entropy(table_of(codes[:n], n_symbols))
        if found.bits is not None:
            assert found.bits == pytest.approx(np.log2(n_symbols), rel=0.01)
            claimed += 1
        else:
            assert found.needed_tokens is not None
            assert n < found.needed_tokens <= max(5_000_000, 2 * n)
    assert claimed or n_symbols == 512


def test_one_item_cannot_be_held_out() -> None:
    codes = np.zeros(1000, np.int64)
    table = PairCounts.of(np.zeros(1000, np.int64), codes, codes, n_contexts=3, n_symbols=2)
    assert conditional_entropy(table).reason == "too_few_items"


def test_a_constant_source_costs_nothing() -> None:
    found = conditional_entropy(table_of(np.zeros(200_000, np.int64), 4))
    assert found.bits == pytest.approx(0, abs=1e-3)


def test_tables_add_in_any_order() -> None:
    draw = np.random.default_rng(5)
    parts = [table_of(draw.integers(0, 9, 3000), 9) for _ in range(4)]
    whole = PairCounts.total(parts)
    other = PairCounts.total([PairCounts.total(parts[2:][::-1]), PairCounts.total(parts[:2])])
    assert (whole.keys == other.keys).all()
    assert (whole.counts == other.counts).all()
    assert whole.counts.sum() == 12_000
