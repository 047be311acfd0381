"""A family of its own: words, hashed into buckets. All that a plugin needs is a loader and a `Family`."""

import zlib
from collections.abc import Sequence

import numpy as np

from tokeff.records.cards import Card
from tokeff.records.signals import TextSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.families import Family, Parameter
from tokeff.tokenizers.protocols import LoadContext


class Words:
    """One token per word: crc32 of the word, modulo the number of buckets."""

    def __init__(self, card: Card, context: LoadContext) -> None:
        """Take the number of buckets from the card."""
        self.card = card
        self.codebook_sizes = (int(FAMILY.complete(card.parameters)["buckets"]),)  # type: ignore[arg-type]

    def encode(self, signals: Sequence[TextSignal]) -> list[Tokens]:
        """Words as ids."""
        hashed = [[zlib.crc32(word) % self.codebook_sizes[0] for word in signal.data.split()] for signal in signals]
        return [Tokens.discrete([np.array(ids, dtype=np.int64)]) for ids in hashed]


FAMILY = Family(
    name="words",
    modality="text",
    summary="whitespace-separated words, hashed into buckets",
    load=Words,
    parameters={"buckets": Parameter(type=int, default=65536, help="number of ids")},
)
