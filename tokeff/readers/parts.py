"""A corpus cut into parts, and the items of a part: the two halves of `corpus.find`, for workers in other processes.

    parts(paths, options)   what there is, cut by number and size; lazily, in a fixed order, hardly reading anything
    items(part, options)    what a part holds: the same items in the same order, whoever reads it

Everything that cannot be read is in a part too, and comes out of `items` as a Failure; so the items and failures of all
parts are the corpus. Small files share a part; large ones are cut where their format allows.
"""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from tokeff.errors import NotFound
from tokeff.readers.files import file_items
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Part, Piece
from tokeff.readers.roots import Root, roots_of
from tokeff.readers.walk import Found, walk
from tokeff.records.items import Failure, Item

PART_BYTES = 2**26
PART_PIECES = 1000
"""A part is closed when it holds so many bytes or pieces."""


def parts(paths: Sequence[str | Path], options: ReadOptions) -> Iterator[Part]:
    """The parts of a corpus, in a fixed order.

    Raises NotFound, at once, for a path that is not there, and at the end for a glob that matches nothing.
    """
    return _gathered(_pieces(roots_of([paths] if isinstance(paths, str) else paths)))


def items(part: Part, options: ReadOptions) -> Iterator[Item | Failure]:
    """Items and failures of a part, in a fixed order."""
    for piece in part.pieces:
        yield from file_items(piece, options)


def _gathered(pieces: Iterator[Piece]) -> Iterator[Part]:
    gathered: list[Piece] = []
    n_bytes = 0
    for piece in pieces:
        if gathered and (n_bytes + piece.n_bytes > PART_BYTES or len(gathered) == PART_PIECES):
            yield _part(gathered)
            gathered, n_bytes = [], 0
        gathered.append(piece)
        n_bytes += piece.n_bytes
    if gathered:
        yield _part(gathered)


def _part(pieces: Sequence[Piece]) -> Part:
    first = pieces[0]
    key = first.key if first.start == 0 else f"{first.key}@{first.start}"
    return Part(key=key if len(pieces) == 1 else f"{key}+{len(pieces) - 1}", pieces=tuple(pieces))


def _pieces(roots: list[Root]) -> Iterator[Piece]:
    seen: set[str] | None = set() if _overlap(roots) else None
    for root in roots:
        is_empty = True
        for found in walk(root):
            is_empty = False
            if seen is not None:
                place = _real_place(found.path)
                if place in seen:
                    continue
                seen.add(place)
            yield _piece(found)
        if is_empty and root.pattern is not None:
            fix = "Quote the pattern where the shell should not expand it; ** stands for any number of folders."
            raise NotFound("no file matches this pattern", where=f"{root.path}/{root.pattern}", fix=fix)


def _piece(found: Found) -> Piece:
    return Piece(
        path=found.path,
        key=_readable(found.key),
        n_bytes=found.n_bytes,
        mark=found.mark,
        reason=found.reason,
        message=found.message,
    )


def _overlap(roots: list[Root]) -> bool:
    """Whether one root may reach what another one reaches: only then need the places seen be remembered."""
    real = [Path(os.path.realpath(root.path)) for root in roots]
    places = set(real)
    return len(places) < len(real) or any(parent in places for path in real for parent in path.parents)


def _real_place(path: str) -> str:
    folder, name = os.path.split(path)
    return f"{_real_folder(folder)}/{name}"


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _readable(key: str) -> str:
    """The key as valid Unicode: bytes of a file name that are not UTF-8 are written as `\\xff`."""
    return os.fsencode(key).decode("utf-8", "backslashreplace")
