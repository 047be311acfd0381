"""Codebook figures: closed forms, and digits counted one by one."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff.errors import TokeffError
from tokeff.measures.codebooks import codebook_figures


def test_even_use_is_all_of_it() -> None:
    found = codebook_figures(np.ones(60, int), 60, (5, 4, 3))
    assert found["n_dead_codes"] == 0
    assert [digit["perplexity"] for digit in found["levels"]] == pytest.approx([5, 4, 3])
    assert [digit["n_dead"] for digit in found["levels"]] == [0, 0, 0]


@given(
    levels=st.lists(st.integers(2, 5), min_size=1, max_size=4).map(tuple),
    draws=st.lists(st.integers(0, 10**6), min_size=1, max_size=60),
)
def test_digits_are_those_of_the_ids(levels: tuple[int, ...], draws: list[int]) -> None:
    """Oracle: the digits of each id by division, first digit least."""
    n_codes = math.prod(levels)
    ids = [draw % n_codes for draw in draws]
    found = codebook_figures(np.bincount(ids), n_codes, levels)
    assert found["n_dead_codes"] == n_codes - len(set(ids))
    for size, digit in zip(levels, found["levels"], strict=True):
        values = [i % size for i in ids]
        ids = [i // size for i in ids]
        expected = np.bincount(values, minlength=size) / len(values)
        np.testing.assert_allclose(digit["shares"], expected, atol=1e-6)
        assert digit["n_dead"] == size - len(set(values))
    json.dumps(found, allow_nan=False)


def test_a_codebook_without_digits() -> None:
    assert codebook_figures(np.array([3, 0, 1]), 8, ()) == {"n_dead_codes": 6}


def test_digits_of_another_codebook_are_refused() -> None:
    with pytest.raises(TokeffError, match="levels"):
        codebook_figures(np.ones(8, int), 8, (4, 3))
