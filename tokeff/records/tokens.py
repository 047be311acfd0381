"""Tokens: what an encoder emits for one item, and how many there are.

Counts hold no BOS, EOS or padding. Leaves out what the tokens are worth (`tokeff.measures`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of tokens. `n_positions` is what a model with a depth transformer over streams sees."""

    n_tokens: int
    n_positions: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tokens:
    """The tokens of one item.

    Discrete tokens have one integer array per stream (a BPE text has one stream, an RVQ codec one per
    codebook; streams may differ in length). Continuous tokens have no streams, only a count.
    """

    streams: "tuple[NDArray[np.integer[Any]], ...]"
    counts: Counts
    grid: tuple[int, ...] | None = None
    """How the positions of a stream lie, row-major: (rows, columns) or (time, rows, columns)."""
    payload: Any = None
    """What the family's own `decode` needs beside the ids, e.g. the patches themselves."""

    @classmethod
    def discrete(
        cls,
        streams: "Sequence[NDArray[np.integer[Any]]]",
        *,
        grid: tuple[int, ...] | None = None,
        payload: Any = None,
    ) -> "Tokens":
        """Tokens with ids: as many tokens as ids, as many positions as the longest stream has."""
        lengths = [len(stream) for stream in streams]
        counts = Counts(n_tokens=sum(lengths), n_positions=max(lengths, default=0))
        return cls(streams=tuple(streams), counts=counts, grid=grid, payload=payload)

    @classmethod
    def continuous(cls, n_tokens: int, *, grid: tuple[int, ...] | None = None, payload: Any = None) -> "Tokens":
        """Tokens that are vectors: no ids, no vocabulary."""
        return cls(streams=(), counts=Counts(n_tokens=n_tokens, n_positions=n_tokens), grid=grid, payload=payload)
