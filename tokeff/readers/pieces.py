"""What a part of a corpus consists of: files, or stretches of large ones, described so that any process can read them.

Leaves out cutting a corpus into parts (`parts`) and reading them (`reading`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from tokeff.readers.options import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file, or a stretch of one; with `reason`, a place that cannot be read: it gives one Failure."""

    path: str
    """Absolute, or a URL."""
    key: str
    n_bytes: int = 0
    """Bytes of the file, or of the stretch."""
    mark: str = ""
    """Changes when the file does: size and time of its last change, or an ETag."""
    format: Format = "file"
    columns: tuple[str, ...] = ()
    """What is read of each record."""
    start: int = 0
    stop: int | None = None
    """Of the stretch: bytes of lines, row groups of a table. `stop` None: to the end."""
    first: int = 0
    """Number of the first line or row of the stretch."""
    reason: str | None = None
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields that are not at their default."""
        values = ((each, getattr(self, each.name)) for each in fields(self))
        return {
            each.name: list(value) if each.name == "columns" else value
            for each, value in values
            if each.default is MISSING or value != each.default
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Piece":
        """The piece back."""
        return cls(**{**kept, "columns": tuple(kept.get("columns", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of a corpus that one worker reads at a time. Its items' keys do not depend on how the corpus was cut."""

    key: str
    """Unique among the parts of a corpus, and the same whenever the same corpus is cut."""
    pieces: tuple[Piece, ...]
    notes: tuple[str, ...] = ()
    """What was guessed about how to read it, in words; the same words for files alike."""

    @property
    def stored_bytes(self) -> int:
        """Bytes that lie there, compressed or not."""
        return sum(piece.n_bytes for piece in self.pieces)

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change when the files do (by size and mark, not by reading them)."""
        text = json.dumps([piece.to_json() for piece in self.pieces], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """For a ledger."""
        kept = {"key": self.key, "pieces": [piece.to_json() for piece in self.pieces]}
        return {**kept, "notes": list(self.notes)} if self.notes else kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Part":
        """The part back."""
        pieces = tuple(Piece.from_json(piece) for piece in kept["pieces"])
        return cls(key=kept["key"], pieces=pieces, notes=tuple(kept.get("notes", ())))
