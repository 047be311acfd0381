"""Shards: the corpus cut into units of work, by content and size alone, so that any run of it has the same ones.

A shard is a part of the readers, or a share of one where the corpus is small: enough shards to occupy workers, and
none so large that much is lost with it. Leaves out reading them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tokeff.readers.pieces import Part, Piece

MIN_SHARD_BYTES = 2**20
N_SHARDS = 64
"""About so many at least, of MIN_SHARD_BYTES at least; in large corpora a shard is a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One unit of work."""

    number: int
    part: Part

    def key(self, *terms: object) -> str:
        """Of a result: what was read, and on what terms."""
        text = json.dumps([self.part.fingerprint, *terms], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def to_line(self) -> str:
        """A line of the plan."""
        return json.dumps(self.part.to_json())

    @classmethod
    def from_line(cls, number: int, line: str) -> "Shard":
        """The shard back."""
        return cls(number=number, part=Part.from_json(json.loads(line)))


def divided(part: Part, total_bytes: int) -> Iterator[Part]:
    """A part of a corpus of `total_bytes` as one or several: pieces stay whole and in order."""
    limit = max(MIN_SHARD_BYTES, total_bytes // N_SHARDS)
    held: list[Piece] = []
    n_bytes = 0
    for piece in part.pieces:
        if held and n_bytes + piece.n_bytes > limit:
            yield _share(part, held)
            held, n_bytes = [], 0
        held.append(piece)
        n_bytes += piece.n_bytes
    if held:
        yield _share(part, held)


def _share(part: Part, pieces: list[Piece]) -> Part:
    first = pieces[0]
    return replace(part, key=f"{first.key}@{first.start}+{len(pieces) - 1}", pieces=tuple(pieces))
