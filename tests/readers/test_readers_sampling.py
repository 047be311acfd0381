import io
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from tokeff.readers.sampling import Sample, fingerprint, sample
from tokeff.records.items import MODALITIES, Item, Modality


def item(key: str, modality: Modality = "text", size: int = 1) -> Item:
    return Item(modality=modality, key=key, stored_bytes=size, open=partial(io.BytesIO, b"x" * size))


def keys(items: list[Item]) -> list[str]:
    return [one.key for one in items]


corpora = st.lists(st.tuples(st.text(max_size=6), st.sampled_from(MODALITIES)), unique_by=lambda pair: pair[0])


@given(corpora, st.integers(1, 8), st.integers(-5, 5), st.randoms())
def test_a_sample_does_not_depend_on_order(
    corpus: list[tuple[str, Modality]], n: int, seed: int, random: Random
) -> None:
    items = [item(key, modality) for key, modality in corpus]
    shuffled = list(items)
    random.shuffle(shuffled)
    drawn = sample(items, n, seed)
    assert keys(drawn) == keys(sample(shuffled, n, seed))
    for modality in MODALITIES:
        available = sum(one.modality == modality for one in items)
        assert sum(one.modality == modality for one in drawn) == min(n, available)


@given(corpora, st.integers(1, 8), st.integers(0, 40))
def test_the_sample_of_the_samples_of_shards_is_the_sample(
    corpus: list[tuple[str, Modality]], n: int, cut: int
) -> None:
    items = [item(key, modality) for key, modality in corpus]
    parts = sample(items[:cut], n, 7) + sample(items[cut:], n, 7)
    assert keys(sample(parts, n, 7)) == keys(sample(items, n, 7))


def test_every_item_is_as_likely_and_seeds_differ() -> None:
    items = [item(f"k{i}") for i in range(20)]
    counts = dict.fromkeys(keys(items), 0)
    for seed in range(2000):
        for key in keys(sample(items, 5, seed)):
            counts[key] += 1
    assert chisquare(list(counts.values())).pvalue > 1e-4
    assert keys(sample(items, 5, 0)) != keys(sample(items, 5, 1))


def test_a_key_that_comes_twice_counts_once() -> None:
    drawn = Sample(3, 0)
    for key in ("a", "a", "b", "a"):
        drawn.add(item(key))
    assert keys(drawn.items()) == ["a", "b"]


def test_a_sample_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Sample(0, 0)


@given(corpora, st.randoms())
def test_the_fingerprint_does_not_depend_on_order(corpus: list[tuple[str, Modality]], random: Random) -> None:
    items = [item(key, modality) for key, modality in corpus]
    shuffled = list(items)
    random.shuffle(shuffled)
    assert fingerprint(items) == fingerprint(shuffled)


def test_the_fingerprint_sees_keys_sizes_modalities_and_numbers() -> None:
    one = item("a", size=1)
    prints = [
        fingerprint(items) for items in ([], [one], [one, one], [item("a", size=2)], [item("b")], [item("a", "image")])
    ]
    assert len(set(prints)) == len(prints)
    assert all(len(digest) == 64 for digest in prints)
