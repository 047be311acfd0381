"""Entropies against closed forms, published values and tiktoken's own ids of a known text."""

import base64
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tokeff.maths.entropy import (
    mean_bits,
    miller_madow_bits,
    order0_bits,
    renyi_bits,
    renyi_efficiency,
    stream_entropy,
)

histograms = st.lists(st.integers(0, 10**9), min_size=1, max_size=300).filter(any).map(np.array)


def histogram_of(words: str) -> NDArray[np.int64]:
    return np.unique(words.split(), return_counts=True)[1]


@pytest.mark.parametrize(
    ("words", "published"),
    [
        # zouharvi/tokenization-scorer, README: its two texts, with the values that alpha 2.5 really gives.
        ("pick @@ed pick @@l @@ed pick @@les", 0.8265064834225245),
        ("pick @@e @@d pick @@l @@e @@d pick @@l @@e @@s", 0.9204840242168808),
    ],
)
def test_renyi_efficiency_of_the_published_examples(words: str, published: float) -> None:
    counts = histogram_of(words)
    assert renyi_efficiency(counts, len(counts)) == pytest.approx(published, abs=1e-15)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "n_tokens", "bits", "n_types"),
    [
        ("r50k_base", 338_025, 9.112250, 11_706),
        ("cl100k_base", 301_829, 9.854723, 12_111),
        ("o200k_base", 297_606, 9.897195, 12_733),
    ],
)
def test_tiny_shakespeare(shared: Path, name: str, n_tokens: int, bits: float, n_types: int) -> None:
    """Counts by tiktoken itself, from the vocabularies' own files and its own patterns."""
    counts = _tiktoken_histogram(shared, name)
    figures = stream_entropy(counts, len(counts))
    assert (figures.n_tokens, figures.n_types) == (n_tokens, n_types)
    assert figures.order0_bits == pytest.approx(bits, abs=5e-7)


def _tiktoken_histogram(shared: Path, name: str) -> NDArray[np.int64]:
    tiktoken = pytest.importorskip("tiktoken")
    openai_public = pytest.importorskip("tiktoken_ext.openai_public")
    lines = (shared / "vocab" / f"{name}.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
    # tiktoken's definitions hold the patterns, but would fetch the ranks: those come from the file above.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: ranks)
        pattern = getattr(openai_public, name)()["pat_str"]
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    text = (shared / "corpora" / "text" / "books" / "en_tinyshakespeare.txt").read_text("utf-8")
    return np.bincount(encoding.encode_ordinary(text), minlength=len(ranks))


@pytest.mark.parametrize("n_ids", [2, 10, 1024, 64_000])
def test_uniform_ids_fill_the_capacity(n_ids: int) -> None:
    figures = stream_entropy(np.full(n_ids, 7), n_ids)
    assert figures.order0_bits == pytest.approx(math.log2(n_ids))
    assert figures.perplexity == pytest.approx(n_ids)
    assert figures.renyi_efficiency_vocabulary == pytest.approx(1)
    assert figures.utilisation == 1
    assert figures.rate_bits == figures.capacity_bits


def test_one_id_says_nothing() -> None:
    figures = stream_entropy(np.array([0, 0, 12, 0]), 4)
    assert figures.order0_bits == figures.miller_madow_bits == figures.rate_bits == 0
    assert figures.perplexity == 1
    assert figures.renyi_efficiency_observed is None
    assert figures.renyi_efficiency_vocabulary == 0


def test_64000_codes_are_not_16_bits() -> None:
    assert stream_entropy(np.array([1]), 64_000).capacity_bits == pytest.approx(15.965784)


def test_nothing_counted_has_no_entropy() -> None:
    with pytest.raises(ValueError, match="without a count"):
        order0_bits(np.zeros(5, dtype=np.int64))


def test_miller_madow_takes_most_of_the_bias_away() -> None:
    """Of 500 draws from 256 equal ids, the plug-in entropy is 0.4 bits low."""
    generator = np.random.default_rng(0)
    draws = [np.bincount(generator.integers(0, 256, 500), minlength=256) for _ in range(200)]
    plug_in = np.mean([order0_bits(counts) for counts in draws])
    corrected = np.mean([miller_madow_bits(counts) for counts in draws])
    assert 8 - plug_in > 0.3
    assert abs(8 - corrected) < 0.12


@given(histograms)
def test_order_of_entropies_and_bounds(counts: NDArray[np.int64]) -> None:
    """Renyi entropy falls with its order; Shannon's is that of order 1, log2 of the types that of order 0."""
    n_types = np.count_nonzero(counts)
    assert 0 <= renyi_bits(counts) <= order0_bits(counts) + 1e-9
    assert order0_bits(counts) <= math.log2(n_types) + 1e-9
    assert renyi_bits(counts, 1.000001) == pytest.approx(order0_bits(counts), abs=1e-3)


@given(histograms, st.integers(1, 50))
def test_plug_in_knows_shares_only(counts: NDArray[np.int64], factor: int) -> None:
    assert order0_bits(counts * factor) == pytest.approx(order0_bits(counts), abs=1e-9)
    assert miller_madow_bits(counts * factor) <= miller_madow_bits(counts) + 1e-9


def test_mean_bits_weighs_by_tokens() -> None:
    assert mean_bits([1.0, 4.0], [300, 100]) == pytest.approx(1.75)
