"""Code lengths of a corpus: pooled in the Tally, the same for any order and sharding, never more than items alone."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tokeff.measures.fidelities import FIDELITIES, Fidelity
from tokeff.measures.missing import missing_intervals
from tokeff.measures.pooled import corpus_bits, own_bits
from tokeff.measures.reconstruction import SourceBits, reconstruction_columns
from tokeff.measures.rows import tally_of_columns
from tokeff.records.headers import ImageHeader
from tokeff.records.items import Item
from tokeff.records.signals import ImageSignal
from tokeff.records.tallies import Tally

FULL = FIDELITIES["image"][0]


def picture(seed: int, side: int = 40) -> ImageSignal:
    g = torch.Generator().manual_seed(seed)
    coarse = torch.nn.functional.interpolate(torch.rand(1, 3, 5, 5, generator=g) * 255, (side, side), mode="bicubic")
    # Two-sided exponential noise: not the shape that histograms begin with.
    sign = torch.randint(0, 2, (3, side, side), generator=g) * 2 - 1
    noise = 3 * sign * torch.empty(3, side, side).exponential_(generator=g)
    return ImageSignal(
        header=ImageHeader(width=side, height=side, channels=3),
        pixels=(coarse[0] + noise).round().clamp(0, 255).to(torch.uint8),
    )


def tally_of(numbers: Sequence[int], *, exact: bool = False) -> Tally:
    items = [Item(modality="image", key=f"{n}", stored_bytes=1, open=io.BytesIO) for n in numbers]
    signals = [picture(n) for n in numbers]
    copies = [s if exact else replace(s, pixels=s.pixels // 16 * 16 + 8) for s in signals]
    found = reconstruction_columns(items, signals, copies, SourceBits())
    base = {name: [1] * len(items) for name in ("stored_bytes", "raw_bytes", "n_tokens")}
    return tally_of_columns(
        [item.key for item in items],
        {**base, **found.counts},
        reals=found.reals,
        histograms=found.histograms,
        real_sums=found.real_sums,
    )


@pytest.fixture(scope="module")
def corpus() -> Tally:
    return tally_of(range(16))


def test_many_small_items_take_fewer_bits_together(corpus: Tally) -> None:
    for each in FIDELITIES["image"]:
        for kind in ("source", "missing"):
            assert corpus_bits(corpus, each, kind, "image") <= own_bits(corpus, each, kind)
    assert corpus_bits(corpus, FULL, "missing", "image") < 0.98 * own_bits(corpus, FULL, "missing")
    assert corpus_bits(corpus, FULL, "missing", "image") < corpus_bits(corpus, FULL, "source", "image")


def test_any_order_and_sharding_gives_the_same(corpus: Tally) -> None:
    shards = [tally_of([9, 3]), tally_of([*range(3), *range(4, 9)]), tally_of(range(10, 16))]
    for parts in (shards, shards[::-1]):
        total = Tally.total(parts)
        for each in FIDELITIES["image"]:
            for kind in ("source", "missing"):
                expected = corpus_bits(corpus, each, kind, "image")
                assert corpus_bits(total, each, kind, "image") == pytest.approx(expected, rel=1e-6)


def test_what_fails_half_way_leaves_nothing_for_the_next_tokenizer() -> None:
    item, signal = Item(modality="image", key="0", stored_bytes=1, open=io.BytesIO), picture(0)
    sources = SourceBits(device="no such device")
    with pytest.raises(RuntimeError):
        reconstruction_columns([item], [signal], [signal], sources)
    sources.device = "cpu"
    again = reconstruction_columns([item], [signal], [signal], sources)
    assert again.real_sums == reconstruction_columns([item], [signal], [signal], SourceBits()).real_sums


def test_identity_is_exactly_nothing() -> None:
    tally = tally_of(range(3), exact=True)
    assert [corpus_bits(tally, each, "missing", "image") for each in FIDELITIES["image"]] == [0.0] * 6
    assert corpus_bits(tally, FULL, "source", "image") > 0


def test_one_item_takes_no_more_than_alone() -> None:
    tally = tally_of([5])
    assert corpus_bits(tally, FULL, "missing", "image") <= own_bits(tally, FULL, "missing")


def test_intervals_stand_around_the_pooled_figures(corpus: Tally) -> None:
    found = missing_intervals(corpus, "image", population=None, seed=0, absent={})
    n_bytes = corpus.count("n_coded_bytes")
    spread, kept = found["entropy_bits_per_byte"], found["retained_share"]
    assert spread["low"] < corpus_bits(corpus, FULL, "missing", "image") / n_bytes < spread["high"]
    middle = Fidelity(kept["depth_bits"], kept["scale"])
    missing, source = (corpus_bits(corpus, middle, kind, "image") for kind in ("missing", "source"))
    assert kept["low"] < 1 - missing / source < kept["high"]
