"""Subword tokenizers over vocabulary files, on the fastest engine whose ids equal the reference library's.

The name of the family is its most frequent kind; a tokenizer.json with WordPiece or Unigram, and a Unigram
SentencePiece model, work too. No BOS, EOS or padding; special tokens in a text are ordinary text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tokeff.errors import ArtefactInvalid
from tokeff.records.cards import Card
from tokeff.records.headers import Header
from tokeff.records.signals import TextSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.artefacts import find_artefact
from tokeff.tokenizers.protocols import LoadContext
from tokeff.tokenizers.text.agreement import first_difference, mismatch, probes
from tokeff.tokenizers.text.engines import Engine, ExactEngine
from tokeff.tokenizers.text.files import NAMES, read_vocabulary
from tokeff.tokenizers.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BpeTokenizer:
    """A vocabulary and the engine that serves it."""

    card: Card
    vocabulary: Vocabulary
    engine: Engine
    engine_note: str
    """Why the engine is the reference library and not a faster one; empty where a faster one serves."""

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """One stream of `vocab_size` ids: what the card says, special tokens included, else one more than the file's
        highest id. Rows that a model adds to round up its embedding are not counted."""
        return (self.card.vocab_size or self.vocabulary.size,)

    @property
    def unknown_ids(self) -> frozenset[int]:
        """Ids that stand for text the vocabulary cannot spell."""
        return self.vocabulary.unknown_ids

    @property
    def token_bytes(self) -> "NDArray[np.int64]":
        """[vocab_size] bytes of text that each id stands for; 0 for specials and unknown."""
        lengths = self.vocabulary.token_bytes
        return np.pad(lengths, (0, self.codebook_sizes[0] - len(lengths)))

    def encode(self, signals: Sequence[TextSignal]) -> list[Tokens]:
        """Ids uint32 [n_tokens] of each text. Raises ItemError(not_utf8) where a reference library finds that out."""
        return [Tokens.discrete([ids]) for ids in self.engine.encode([signal.data for signal in signals])]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[TextSignal]:
        """The texts that the ids spell: exact for byte-level vocabularies without a normalizer, even where the bytes
        are not UTF-8; else what the library gives, which need not be the original."""
        del headers
        return [TextSignal(data=self.vocabulary.decode(item.streams[0])) for item in tokens]

    def verify(self, signals: Sequence[TextSignal]) -> str:
        """The reference's name and version, after ids of the engine and of the reference were found equal on `signals`.

        Raises EngineMismatch with the text around the first difference and both ids.
        """
        reference = self.vocabulary.reference()
        texts = [signal.data for signal in signals]
        difference = first_difference(self.engine, reference, texts)
        if difference is not None:
            raise mismatch(difference, self.card.name, self.engine, reference, self.vocabulary.token_bytes)
        return reference.name


def load(card: Card, context: LoadContext) -> BpeTokenizer:
    """The tokenizer of a card. Raises ArtefactMissing, ArtefactInvalid, SpecError."""
    del context
    path = find_artefact(card, names=NAMES)
    pattern = card.parameters.get("pattern")
    vocabulary = read_vocabulary(path, None if pattern is None else str(pattern))
    if card.vocab_size is not None and card.vocab_size < vocabulary.size:
        raise ArtefactInvalid(
            "the file has more ids than the card declares",
            where=f"tokenizer {card.name}: {path}",
            got=vocabulary.size,
            expected=f"at most {card.vocab_size}",
        )
    declared = card.artefact is not None and card.artefact.sha256 is not None
    engine, note = _choose(vocabulary, probed=not declared)
    return BpeTokenizer(card, vocabulary, engine, note)


def _choose(vocabulary: Vocabulary, *, probed: bool) -> tuple[Engine, str]:
    """The engine, and why it is not the fast one. A file of unknown content is `probed`: both engines must agree on
    texts that are known to divide them. (Files that a shipped card declares by hash are, in the tests.)"""
    if vocabulary.fast is None:
        return vocabulary.reference(), vocabulary.no_fast
    engine = ExactEngine(vocabulary.fast, vocabulary.reference, vocabulary.divided)
    if probed:
        reference = vocabulary.reference()
        difference = first_difference(engine, reference, probes(vocabulary.specials))
        if difference is not None:
            return reference, f"{engine.name} differs from {reference.name} on {difference.text!r}"
    return engine, ""
