"""Which neighbour a code is counted with, on grids small enough to be read."""

import numpy as np

from tokeff.maths.conditional import N_PARTS, PairCounts
from tokeff.measures.pairs import BLOCK_POSITIONS, count_pairs
from tokeff.records.tokens import Tokens


def pairs_of(table: PairCounts) -> dict[tuple[int, int], int]:
    """(context, symbol) -> count over all groups."""
    keys = table.keys % (table.n_contexts * table.n_symbols)
    found: dict[tuple[int, int], int] = {}
    for key, count in zip(keys.tolist(), table.counts.tolist(), strict=True):
        pair = divmod(key, table.n_symbols)
        found[pair] = found.get(pair, 0) + count
    return found


def test_a_stream_without_a_grid_knows_only_what_was_before() -> None:
    tables = count_pairs(["a"], [Tokens.discrete([np.array([2, 0, 2, 0])])], (3,))
    assert set(tables) == {"previous.0"}
    assert pairs_of(tables["previous.0"]) == {(3, 2): 1, (2, 0): 2, (0, 2): 1}


def test_items_do_not_see_each_other() -> None:
    one = Tokens.discrete([np.array([0, 1])])
    tables = count_pairs(["a", "b"], [one, one], (2,))
    assert pairs_of(tables["previous.0"]) == {(2, 0): 2, (0, 1): 2}


def test_a_picture_has_left_and_up() -> None:
    picture = Tokens.discrete([np.array([0, 1, 2, 3, 4, 5])], grid=(2, 3))
    tables = count_pairs(["a"], [picture], (6,))
    assert pairs_of(tables["previous.0"]) == {(6, 0): 1, (0, 1): 1, (1, 2): 1, (6, 3): 1, (3, 4): 1, (4, 5): 1}
    assert pairs_of(tables["up.0"]) == {(6, 0): 1, (6, 1): 1, (6, 2): 1, (0, 3): 1, (1, 4): 1, (2, 5): 1}


def test_up_stays_in_its_frame() -> None:
    clip = Tokens.discrete([np.array([0, 1, 2, 3])], grid=(2, 2, 1))
    assert pairs_of(count_pairs(["a"], [clip], (4,))["up.0"]) == {(4, 0): 1, (0, 1): 1, (4, 2): 1, (2, 3): 1}


def test_a_finer_stream_is_given_the_coarser() -> None:
    sound = Tokens.discrete([np.array([0, 1]), np.array([2, 3])])
    tables = count_pairs(["a"], [sound], (2, 4))
    assert set(tables) == {"previous.0", "previous.1", "coarser.1"}
    assert pairs_of(tables["coarser.1"]) == {(0, 2): 1, (1, 3): 1}


def test_an_item_lies_in_one_half_and_all_its_parts() -> None:
    long = Tokens.discrete([np.zeros(BLOCK_POSITIONS * N_PARTS, np.int64)])
    for key in "abcdefgh":
        table = count_pairs([key], [long], (1,))["previous.0"]
        groups = set((table.keys // (table.n_contexts * table.n_symbols)).tolist())
        assert groups in ({0, 1, 2, 3}, {4, 5, 6, 7})


def test_continuous_tokens_have_no_pairs() -> None:
    assert count_pairs(["a"], [Tokens.continuous(4)], ()) == {}
