"""UTF-8 bytes as tokens: the identity baseline, against which every text tokenizer compresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tokeff.records.cards import Card
from tokeff.records.headers import Header, TextHeader
from tokeff.records.signals import TextSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.protocols import LoadContext

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BYTES = 256


@dataclass(frozen=True, slots=True)
class Utf8Tokenizer:
    """One token per byte; the id is the byte."""

    card: Card

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """256 byte values; UTF-8 never uses 13 of them."""
        return (N_BYTES,)

    @property
    def unknown_ids(self) -> frozenset[int]:
        """None: every byte has its id."""
        return frozenset()

    @property
    def token_bytes(self) -> "NDArray[np.int64]":
        """[256] ones."""
        return np.ones(N_BYTES, dtype=np.int64)

    def encode(self, signals: Sequence[TextSignal]) -> list[Tokens]:
        """Ids uint8 [n_bytes] of each text."""
        return [Tokens.discrete([np.frombuffer(signal.data, dtype=np.uint8)]) for signal in signals]

    def count(self, header: TextHeader) -> Counts:
        """As many tokens as bytes."""
        return Counts(n_tokens=header.n_bytes, n_positions=header.n_bytes)

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[TextSignal]:
        """The texts themselves."""
        del headers
        return [TextSignal(data=item.streams[0].astype(np.uint8).tobytes()) for item in tokens]


def load(card: Card, context: LoadContext) -> Utf8Tokenizer:
    """The tokenizer of a card."""
    del context
    return Utf8Tokenizer(card)
