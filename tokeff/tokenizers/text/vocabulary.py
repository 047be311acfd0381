"""A vocabulary: what a file of any kind comes to, once read. Leaves out reading (one module per kind of file)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tokeff.tokenizers.text.engines import Engine
from tokeff.tokenizers.text.unicode_versions import contested_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Ids, what they stand for, and the engines that find them in a text."""

    kind: str
    size: int
    """One more than the highest id, special tokens of the file included."""
    token_bytes: "NDArray[np.int64]"
    """[size] bytes of text that each id stands for; 0 for specials and unknown."""
    unknown_ids: frozenset[int]
    reference: Callable[[], Engine]
    """Opens the library whose ids are right by definition; it may be slow to open, so only where it is needed."""
    fast: Engine | None
    no_fast: str = ""
    """Why there is no fast engine for this file."""
    divided: Callable[[Sequence[bytes]], list[int]] = contested_rows
    """Places of the texts on which the fast engine may differ from the reference, which then serves them."""
    decode: "Callable[[NDArray[np.integer[Any]]], bytes]"
    specials: tuple[str, ...] = ()
    """Added tokens of the file, special or not: the literals on which engines tend to differ, for probing."""


@dataclass(frozen=True, slots=True, eq=False)
class ByteTable:
    """The bytes of every id, end to end, so that decoding is one gather."""

    joined: "NDArray[np.uint8]"
    starts: "NDArray[np.int64]"
    lengths: "NDArray[np.int64]"

    @classmethod
    def of(cls, pieces: Mapping[int, bytes], size: int) -> "ByteTable":
        """The table of id -> bytes; ids that are absent stand for nothing."""
        rows = [pieces.get(i, b"") for i in range(size)]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        joined = np.frombuffer(b"".join(rows), dtype=np.uint8)
        return cls(joined=joined, starts=np.cumsum(lengths) - lengths, lengths=lengths)

    def decode(self, ids: "NDArray[np.integer[Any]]") -> bytes:
        """The bytes that `ids` [n_tokens] spell."""
        lengths = self.lengths[ids]
        ends = np.cumsum(lengths)
        shifts = np.repeat(self.starts[ids] - (ends - lengths), lengths)
        spelled: NDArray[np.uint8] = self.joined[shifts + np.arange(len(shifts))]
        return spelled.tobytes()
