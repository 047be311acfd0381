"""An item found again by its key, without reading what lies before it where that can be passed over.

Leaves out URLs: what they need to be opened is not kept with a run.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tokeff.errors import TokeffError
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts
from tokeff.readers.pieces import Part, Piece
from tokeff.readers.roots import Root, roots_of
from tokeff.records.items import Item

NUMBER = re.compile(r"#[LR](\d+)")


def locate(key: str, paths: Sequence[str | Path], options: ReadOptions) -> Item | None:
    """The item of a corpus that has this key; None where it is no longer there."""
    try:
        roots = [root for root in roots_of(paths) if root.url is None]
        place = next(_places(key, roots), None)
        if place is None:
            return None
        path, within = place
        wanted = f"{path.name}{within}"
        for piece in _near(parts([path], options), within):
            for found in items(Part(key="", pieces=(piece,)), options):
                if found.key == wanted and isinstance(found, Item):
                    return replace(found, key=key)
    except TokeffError:
        pass
    return None


def _places(key: str, roots: Sequence[Root]) -> Iterator[tuple[Path, str]]:
    """The file that holds an item, and the rest of the key, which is within the file."""
    ends = sorted({len(key), *(match.start() for match in re.finditer("[#/]", key))}, reverse=True)
    for end in ends:
        name = key[:end]
        for root in roots:
            if name == root.label or name.startswith(f"{root.label}/"):
                path = Path(f"{root.path}{name.removeprefix(root.label)}")
                if path.is_file():
                    yield path, key[end:]


def _near(cut: Iterator[Part], within: str) -> Iterator[Piece]:
    """Of the pieces of a file, those that may hold the line or row."""
    number = NUMBER.match(within)
    pieces = [piece for part in cut for piece in part.pieces]
    if number is None or len(pieces) == 1:
        yield from pieces
        return
    for piece, behind in pairwise([*pieces, None]):
        if piece is not None and piece.first <= int(number[1]) and (behind is None or int(number[1]) < behind.first):
            yield piece
