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
from tokeff.readers.cutting import Cut, pieces_of
from tokeff.readers.hub import PREFIX, dataset_pieces
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Part, Piece
from tokeff.readers.reading import piece_items
from tokeff.readers.remote import walk_url
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
    roots = roots_of([paths] if isinstance(paths, str) else paths)
    return _gathered(_cuts(roots, options))


def items(part: Part, options: ReadOptions) -> Iterator[Item | Failure]:
    """Items and failures of a part, in a fixed order."""
    for piece in part.pieces:
        yield from piece_items(piece, options)


def _gathered(cuts: Iterator[Cut]) -> Iterator[Part]:
    gathered: list[Cut] = []
    n_bytes = 0
    for cut in cuts:
        if gathered and (n_bytes + cut.piece.n_bytes > PART_BYTES or len(gathered) == PART_PIECES):
            yield _part(gathered)
            gathered, n_bytes = [], 0
        gathered.append(cut)
        n_bytes += cut.piece.n_bytes
    if gathered:
        yield _part(gathered)


def _cuts(roots: list[Root], options: ReadOptions) -> Iterator[Cut]:
    for root in roots:
        if root.url is not None and root.url.startswith(PREFIX):
            for piece, note in dataset_pieces(root.url, options):
                yield Cut(piece, note)
    files = [root for root in roots if root.url is None or not root.url.startswith(PREFIX)]
    for found in _found(files, options):
        yield from pieces_of(_piece(found), options)


def _part(cuts: Sequence[Cut]) -> Part:
    first = cuts[0].piece
    key = f"{first.key}@{first.start}" if first.start else first.key
    return Part(
        key=f"{key}+{len(cuts) - 1}" if len(cuts) > 1 else key,
        pieces=tuple(cut.piece for cut in cuts),
        notes=tuple(dict.fromkeys(cut.note for cut in cuts if cut.note)),
    )


def _found(roots: list[Root], options: ReadOptions) -> Iterator[Found]:
    seen: set[str] | None = set() if _overlap(roots) else None
    for root in roots:
        is_empty = True
        for found in walk(root) if root.url is None else walk_url(root, options.storage):
            is_empty = False
            if seen is not None:
                place = _real_place(found.path) if root.url is None else found.path
                if place in seen:
                    continue
                seen.add(place)
            yield found
        if is_empty and root.pattern is not None:
            fix = "Quote the pattern where the shell should not expand it; ** stands for any number of folders."
            raise NotFound("no file matches this pattern", where=f"{root.url or root.path}/{root.pattern}", fix=fix)


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
