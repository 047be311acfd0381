"""From a Tally to a Measurement: the one place where sums are divided.

Leaves out how sums come about (`batch`, `headers`) and what single figures are (`figures`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tokeff.errors import InsufficientData
from tokeff.maths.conditional import PairCounts
from tokeff.maths.intervals import Moments, RatioInterval, delta_interval, ratio_interval
from tokeff.measures.codebooks import codebook_figures
from tokeff.measures.figures import (
    density_figures,
    distortion_figures,
    entropy_figures,
    text_figures,
)
from tokeff.measures.missing import rebuilt_figures
from tokeff.measures.rows import product_name
from tokeff.records.cards import Card
from tokeff.records.measurements import Estimate, Figures, Measurement
from tokeff.records.tallies import Tally

CONFIDENCE = 0.95


def measurement(
    card: Card,
    tally: Tally,
    *,
    codebook_sizes: tuple[int, ...],
    n_errors: int,
    device: str,
    dtype: str,
    throughput: Figures,
    population: int | None = None,
    census: Tally | None = None,
    seed: int = 0,
    pairs: Mapping[str, PairCounts] | None = None,
    levels: tuple[int, ...] | None = None,
    reconstruction: Figures | None = None,
    absent: Mapping[str, str] | None = None,
) -> Measurement:
    """What `tally` says of the tokenizer `card`.

    population: how many items the corpus has, when `tally` is a random sample of it: intervals are then about this
    corpus (finite population correction); without it they are about what the corpus was drawn from. census: counts
    from headers over the whole corpus, which then stand for bytes and tokens. pairs: the sums of what
    `count_pairs` gave for the items of `tally`, for the order-1 entropies. levels: of a tokenizer
    that has a codebook. reconstruction: figures of a coder.
    absent: reasons that only the caller knows, e.g. {"reconstruction": "no_decoder"}. Raises InsufficientData where
    there is nothing to divide.
    """
    counts, reasons = census or tally, dict[str, str]()
    _refuse_nothing(card, counts)
    estimates = {name: _estimate(name, counts, population, seed, reasons) for name in ("raw_bytes", "stored_bytes")}
    tokens_per_byte = counts.count("n_tokens") / counts.count("raw_bytes")
    entropy, bits_per_token = entropy_figures(tally, codebook_sizes, pairs, reasons)
    if levels is not None and entropy:
        entropy["codebook"] = codebook_figures(tally.histograms["stream0"], codebook_sizes[0], levels)
    if bits_per_token is None:
        reasons["rate_bits_per_byte"] = reasons["entropy"]
    rebuilt = reconstruction
    if rebuilt is None:
        rebuilt = rebuilt_figures(tally, card.modality, absent=reasons, population=population, seed=seed)
    return Measurement(
        **_of_what(card, counts, tally, codebook_sizes),
        device=device,
        dtype=dtype,
        n_errors=n_errors,
        coverage="sample" if population is not None and population > tally.n_items + n_errors else "census",
        counted="header" if census else "encoded",
        bytes_per_token=estimates["raw_bytes"],
        stored_bytes_per_token=estimates["stored_bytes"],
        tokens_per_byte=tokens_per_byte,
        rate_bits_per_byte=None if bits_per_token is None else bits_per_token * tokens_per_byte,
        entropy=entropy,
        density=density_figures(tally, card.modality, bits_per_token),
        text=text_figures(tally, reasons) if "n_characters" in tally.counts else {},
        reconstruction=rebuilt,
        distortion=distortion_figures(tally, card.modality, reasons),
        throughput=throughput,
        absent={**reasons, **(absent or {})},
    )


def _of_what(card: Card, counts: Tally, tally: Tally, codebook_sizes: tuple[int, ...]) -> dict[str, Any]:
    """The fields that say which tokenizer it was and how much went through it."""
    return {
        "modality": card.modality,
        "tokenizer": card.name,
        "family": card.family,
        "card_sha256": card.sha256,
        "n_items": counts.n_items,
        "n_measured": tally.n_items if tally.n_items != counts.n_items else None,
        **{name: counts.count(name) for name in ("stored_bytes", "raw_bytes", "n_tokens", "n_positions")},
        "vocab_size": card.vocab_size or sum(codebook_sizes) or None,
        "codebook_sizes": tuple(codebook_sizes),
    }


def _refuse_nothing(card: Card, counts: Tally) -> None:
    for name in ("raw_bytes", "stored_bytes", "n_tokens"):
        if not counts.count(name):
            raise InsufficientData(
                "nothing was measured that a ratio could be made of",
                where=card.name,
                got=f"{counts.n_items} items with {name} = 0",
                fix="See errors.jsonl for the items that failed, or give a corpus with content.",
            )


def _estimate(name: str, counts: Tally, population: int | None, seed: int, reasons: dict[str, str]) -> Estimate:
    """Bytes of one kind per token, with its interval."""
    found = _interval(name, counts, population, seed)
    if found.reason:
        figure = "ci." + name.removeprefix("raw_") + "_per_token"
        reasons |= {f"{figure}.low": found.reason, f"{figure}.high": found.reason}
    return Estimate(value=found.value, low=found.low, high=found.high, confidence=CONFIDENCE)


def _interval(name: str, counts: Tally, population: int | None, seed: int) -> RatioInterval:
    if counts.rows is not None:
        # In the order of keys: a seeded resample must not depend on the order in which shards came.
        rows = [counts.rows[key] for key in sorted(counts.rows)]
        x, y = (np.fromiter((row[column] for row in rows), np.float64, len(rows)) for column in (name, "n_tokens"))
        return ratio_interval(x, y, confidence=CONFIDENCE, population=population, seed=seed)
    moments = Moments(
        n=counts.n_items,
        x=counts.count(name),
        y=counts.count("n_tokens"),
        xx=counts.count(product_name(name, name)),
        xy=counts.count(product_name(name, "n_tokens")),
        yy=counts.count(product_name("n_tokens", "n_tokens")),
    )
    return delta_interval(moments, confidence=CONFIDENCE, population=population)
