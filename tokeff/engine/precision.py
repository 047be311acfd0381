"""Precision: how many more items to draw, so that every ratio of bytes to tokens is known as well as was asked.

The sample is a simple random one of items: intervals over items are then right however the corpus is sorted. It grows
by lots, so that what was drawn stays drawn. A tokenizer that counts from headers has exact ratios and asks for
nothing. Leaves out measuring.
"""

from collections.abc import Mapping, Sequence

from tokeff.engine.lots import HIGHEST
from tokeff.engine.options import Options
from tokeff.engine.sums import Sums, TokenizerSums
from tokeff.engine.survey import Survey, share
from tokeff.errors import InsufficientData
from tokeff.measures.measurement import measurement
from tokeff.records.cards import Card
from tokeff.records.items import Modality

FIRST_ITEMS = 200
"""Of each modality to begin with: enough for an interval that can be trusted."""
SPARE = 1.15
"""So much more than the last interval says is drawn, not to fall short by little again and again."""
MIN_GROWTH, MAX_GROWTH = 1.3, 8.0
UNKNOWN = float("inf")


def next_sample(
    found: Survey, cards: Sequence[Card], sums: Sums, drawn: Mapping[Modality, tuple[int, int]], options: Options
) -> dict[Modality, tuple[int, int]]:
    """Lots of the items to draw next, by modality; empty where every ratio is known well enough or all is read."""
    growth: dict[Modality, float] = {}
    for number, card in enumerate(cards):
        own = sums.tokenizers.get(number)
        if own is None or not own.facts["counts_from_header"]:
            reach = half_width(card, own, found, options.seed)
            growth[card.modality] = max(growth.get(card.modality, 0.0), (reach / (options.precision or 1)) ** 2)
    return {
        modality: (drawn[modality][1], share(found, modality, _more(found, modality, drawn, ratio)))
        for modality, ratio in growth.items()
        if ratio > 1 and drawn[modality][1] < HIGHEST
    }


def half_width(card: Card, own: TokenizerSums | None, found: Survey, seed: int) -> float:
    """Half the interval of bytes per token, as a share of it: the larger of both sides."""
    if own is None or not own.tally().n_items:
        return UNKNOWN
    sizes = tuple(own.facts["codebook_sizes"])
    try:
        measured = measurement(
            card, own.tally(), codebook_sizes=sizes, n_errors=own.n_errors, device="", dtype="", throughput={},
            population=found.population[card.modality].n_items, seed=seed,
        )  # fmt: skip
    except InsufficientData:
        return UNKNOWN
    each = measured.bytes_per_token
    if each.low is None or each.high is None:
        return UNKNOWN
    return max(each.high / each.value - 1, 1 - each.low / each.value)


def _more(found: Survey, modality: Modality, drawn: Mapping[Modality, tuple[int, int]], ratio: float) -> int:
    """How many items to have next. Half-widths shrink with the square root of their number."""
    now = found.population[modality].n_items * (drawn[modality][1] + 1) / (HIGHEST + 1)
    return round(now * min(max(ratio * SPARE, MIN_GROWTH), MAX_GROWTH))
