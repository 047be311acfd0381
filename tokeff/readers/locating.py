"""Which pieces of a file may hold some of its items: the others need not be read to find them again.

Leaves out reading, and finding the file (`tokeff.engine.again`).
"""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise

from tokeff.readers.pieces import Part

NUMBER = re.compile(r"#[LR](\d+)")


def holding(cut: Iterator[Part], withins: Collection[str]) -> Iterator[Part]:
    """The pieces of one file, a part each, that may hold an item with one of these ends of a key (`#L12.text`).

    All of them where an end does not begin with the number of a line or row.
    """
    numbers = [NUMBER.match(within) for within in withins]
    pieces = [piece for part in cut for piece in part.pieces]
    for piece, behind in pairwise([*pieces, None]):
        if piece is None:
            continue
        stop = None if behind is None else behind.first
        if any(n is None or (piece.first <= int(n[1]) and (stop is None or int(n[1]) < stop)) for n in numbers):
            yield Part(key=piece.key, pieces=(piece,))
