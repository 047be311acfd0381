"""Engines: the libraries that turn texts into ids, behind one call. None adds BOS, EOS or padding.

A literal special token in a text (`<s>`, `<|endoftext|>`) is ordinary text to all of them: a corpus that speaks of
tokenizers must not be measured as if it were made of control tokens. Leaves out which engine serves which file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tokeff.errors import ItemError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.uint32]


class Engine(Protocol):
    """Turns texts into ids."""

    @property
    def name(self) -> str:
        """Library and version."""
        ...

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids uint32 [n_tokens] of each UTF-8 text."""
        ...


def named(library: str) -> str:
    """`library version`, as results record it."""
    return f"{library} {version(library)}"


def as_str(text: bytes) -> str:
    """A text as str. Raises ItemError(not_utf8)."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ItemError("not_utf8", "the text is not UTF-8", got=str(error)) from error


@dataclass(frozen=True, slots=True)
class GigatokenEngine:
    """gigatoken over a tokenizer that knows no special tokens. `first_id` is added to each id (Tekken's specials)."""

    tokenizer: Any
    """gigatoken.Tokenizer."""
    first_id: int = 0

    @property
    def name(self) -> str:
        """Library and version."""
        return named("gigatoken")

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids of each text: views of one array, no Python object per token."""
        if not texts:
            return []
        rows = self.tokenizer.encode_batch(list(texts))
        offsets = np.asarray(rows.layout.offsets).tolist()
        ids = np.asarray(rows.layout.content.data)
        if self.first_id:
            ids = ids + np.uint32(self.first_id)
        return [ids[start:end] for start, end in pairwise(offsets)]


@dataclass(frozen=True, slots=True)
class TiktokenEngine:
    """tiktoken. `encode_ordinary` knows no special tokens."""

    encoding: Any
    """tiktoken.Encoding."""

    @property
    def name(self) -> str:
        """Library and version."""
        return named("tiktoken")

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids of each text, one by one: tiktoken's batch call is slower than a loop on short texts."""
        return [self.encoding.encode_to_numpy(as_str(text), disallowed_special=()) for text in texts]


@dataclass(frozen=True, slots=True)
class TokenizersEngine:
    """Hugging Face tokenizers, with `encode_special_tokens`: its name for taking them as ordinary text."""

    tokenizer: Any
    """tokenizers.Tokenizer."""

    @property
    def name(self) -> str:
        """Library and version."""
        return named("tokenizers")

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids of each text."""
        encodings = self.tokenizer.encode_batch_fast([as_str(text) for text in texts], add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.uint32) for encoding in encodings]


@dataclass(frozen=True, slots=True)
class SentencePieceEngine:
    """SentencePiece: control pieces are never read from a text."""

    processor: Any
    """sentencepiece.SentencePieceProcessor."""

    @property
    def name(self) -> str:
        """Library and version."""
        return named("sentencepiece")

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids of each text."""
        rows = self.processor.encode([as_str(text) for text in texts], out_type=int, add_bos=False, add_eos=False)
        return [np.array(row, dtype=np.uint32) for row in rows]


@dataclass(frozen=True, slots=True)
class TekkenEngine:
    """mistral-common."""

    tokenizer: Any
    """mistral_common.tokens.tokenizers.tekken.Tekkenizer."""

    @property
    def name(self) -> str:
        """Library and version."""
        return named("mistral-common")

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids of each text."""
        rows = (self.tokenizer.encode(as_str(text), bos=False, eos=False) for text in texts)
        return [np.array(row, dtype=np.uint32) for row in rows]


@dataclass(frozen=True, slots=True)
class ExactEngine:
    """A fast engine, with the reference for the texts on which the two may differ."""

    fast: Engine
    reference: Callable[[], Engine]
    """Opened when the first such text comes."""
    divided: Callable[[Sequence[bytes]], list[int]]
    """Places of such texts."""

    @property
    def name(self) -> str:
        """The fast one's."""
        return self.fast.name

    def encode(self, texts: Sequence[bytes]) -> "list[Ids]":
        """Ids of each text, equal to the reference's."""
        rows = self.fast.encode(texts)
        divided = self.divided(texts)
        if divided:
            for place, ids in zip(divided, self.reference().encode([texts[i] for i in divided]), strict=True):
                rows[place] = ids
        return rows
