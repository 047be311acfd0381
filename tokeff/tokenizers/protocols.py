"""The tokenizer contract: small protocols, so that a family says exactly what it can do.

Signals go in as they are; what a tokenizer does to them (resizing, resampling, colour) is its own affair and
stated in its card. `encode` takes any list of signals: a family that batches groups equal shapes itself
(`by_shape`), since padding a batch with zeros changes ids. Leaves out measuring.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from tokeff.records.cards import Card
from tokeff.records.headers import Header
from tokeff.records.tokens import Counts, Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

S_contra = TypeVar("S_contra", contravariant=True)
S = TypeVar("S")
H_contra = TypeVar("H_contra", bound=Header, contravariant=True)


@runtime_checkable
class Tokenizer(Protocol[S_contra]):
    """Turns signals into tokens."""

    @property
    def card(self) -> Card:
        """What is declared of it."""
        ...

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """Number of ids of each stream; () where tokens are continuous."""
        ...

    def encode(self, signals: Sequence[S_contra]) -> list[Tokens]:
        """The tokens of each signal, in order. Raises ItemError where a signal cannot be encoded."""
        ...


@runtime_checkable
class Reconstructs(Protocol[S]):
    """Turns tokens back into signals of the original's shape."""

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[S]:
        """The reconstruction of each item; `headers` are those of the originals (their sizes are known to a reader)."""
        ...


@runtime_checkable
class CountsFromHeader(Protocol[H_contra]):
    """Knows the number of tokens from size, duration or frame count alone."""

    def count(self, header: H_contra) -> Counts:
        """Equals the counts of what `encode` yields."""
        ...


@runtime_checkable
class Verifies(Protocol[S_contra]):
    """Can check its fast engine against the reference library."""

    def verify(self, signals: Sequence[S_contra]) -> str:
        """Encode with both; the reference's name and version. Raises EngineMismatch, showing both ids."""
        ...


@runtime_checkable
class TextVocabulary(Protocol):
    """Facts of a text vocabulary that the gates need."""

    @property
    def unknown_ids(self) -> frozenset[int]:
        """Ids that stand for text the vocabulary cannot spell."""
        ...

    @property
    def token_bytes(self) -> "NDArray[np.int64]":
        """[vocab_size] bytes of text that each id stands for; 0 for specials and unknown."""
        ...


@runtime_checkable
class HasCodebook(Protocol):
    """Its one stream has learned codes whose use is worth looking at."""

    @property
    def levels(self) -> tuple[int, ...]:
        """Where an id is a number of several digits (FSQ): values of each, the first counting least; () elsewhere."""
        ...


@runtime_checkable
class ComputesIn(Protocol):
    """Its ids depend on the type of its arithmetic."""

    @property
    def dtype(self) -> str:
        """`float32` or `bfloat16`."""
        ...


@runtime_checkable
class StatesInput(Protocol):
    """Does something to a signal before it is encoded that a reader of its figures must know."""

    @property
    def input_policy(self) -> Mapping[str, str]:
        """Sentences by subject, e.g. what is done to other sample rates and to several channels."""
        ...


class LoadContext(Protocol):
    """What a family may ask for while it loads."""

    @property
    def device(self) -> str:
        """`cpu` or `cuda`, resolved."""
        ...

    def open(self, spec: str) -> "Tokenizer[object]":
        """Another tokenizer, by specification (a frame sampler asks for its image tokenizer)."""
        ...


Loader = Callable[[Card, LoadContext], "Tokenizer[object]"]


def by_shape(signals: Sequence[S], shape: Callable[[S], Hashable]) -> Iterable[list[int]]:
    """Places of `signals`, grouped by equal shape, first seen first.

    >>> list(by_shape(["a", "bb", "c"], len))
    [[0, 2], [1]]
    """
    groups: dict[Hashable, list[int]] = {}
    for place, signal in enumerate(signals):
        groups.setdefault(shape(signal), []).append(place)
    return groups.values()
