"""Pairs of neighbouring tokens, counted for the order-1 entropies: which neighbour, and in which group of the hold-out.

    previous    the code before it in the same stream (in pictures: to the left, in the same row)
    up          the code above it in the same frame
    coarser     the code of the stream before it at the same position (of the same time, where that stream is slower)

Where there is no such neighbour the context is a sign of its own. Items fall in halves by a hash of their key; within
an item, blocks of positions alternate between the parts of its half. Leaves out the entropy (`maths.conditional`).
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.maths.conditional import N_PARTS, PairCounts
from tokeff.records.tokens import Tokens

BLOCK_POSITIONS = 64
CONTEXTS = ("previous", "up", "coarser")

Ints = NDArray[np.int64]


def count_pairs(keys: Sequence[str], tokens: Sequence[Tokens], codebook_sizes: Sequence[int]) -> dict[str, PairCounts]:
    """Tables by `context.stream`, e.g. `previous.0`, over the items `keys`."""
    tables: dict[str, PairCounts] = {}
    hashes = [_hash(key) for key in keys]
    for stream, size in enumerate(codebook_sizes):
        present = [(h, each) for h, each in zip(hashes, tokens, strict=True) if stream < len(each.streams)]
        codes = [each.streams[stream].astype(np.int64, copy=False) for _, each in present]
        if not sum(map(len, codes)):
            continue
        symbols = np.concatenate(codes)
        groups = _groups(np.array([h % (2 * N_PARTS) for h, _ in present]), np.array([len(own) for own in codes]))
        for name, contexts, n_contexts in _contexts(stream, codebook_sizes, [each for _, each in present], codes):
            table = PairCounts.of(groups, contexts, symbols, n_contexts=n_contexts, n_symbols=size)
            tables[f"{name}.{stream}"] = table
    return tables


def _contexts(
    stream: int, sizes: Sequence[int], tokens: Sequence[Tokens], codes: Sequence[Ints]
) -> list[tuple[str, Ints, int]]:
    """(name, context of every symbol, number of contexts) of the neighbours that exist here."""
    size = sizes[stream]
    pairs = list(zip(tokens, codes, strict=True))
    rows = [_row(each, own) for each, own in pairs]
    found = [("previous", _previous(codes, rows, size), size + 1)]
    if any(rows):
        up = [_up(own, each.grid, size) for each, own in pairs]
        found.append(("up", np.concatenate(up), size + 1))
    if stream and all(len(own) >= len(each.streams[stream - 1]) > 0 for each, own in pairs):
        coarser = np.concatenate([_at_positions(each.streams[stream - 1], len(own)) for each, own in pairs])
        found.append(("coarser", coarser.astype(np.int64, copy=False), sizes[stream - 1]))
    return found


def _at_positions(coarse: NDArray[np.integer[Any]], n_positions: int) -> NDArray[np.integer[Any]]:
    """Of each position of a finer stream, the code of a coarser one, whose codes span equally many, at that time."""
    span = -(-n_positions // len(coarse))
    return coarse if span == 1 else coarse.repeat(span)[:n_positions]


def _row(tokens: Tokens, codes: Ints) -> int | None:
    """Positions of a row of the grid; None where the stream is not laid out in rows."""
    grid = tokens.grid
    return grid[-1] if grid and len(grid) > 1 and int(np.prod(grid)) == len(codes) else None


def _previous(codes: Sequence[Ints], rows: Sequence[int | None], outside: int) -> Ints:
    """The code before each, item after item; `outside` at the beginning of an item and of each of its rows."""
    before: Ints = np.concatenate([np.array([outside], np.int64), *codes])[:-1]
    starts = np.cumsum([0, *map(len, codes)])
    before[starts[:-1][np.diff(starts) > 0]] = outside
    for start, stop, row in zip(starts[:-1], starts[1:], rows, strict=True):
        if row:
            before[start:stop:row] = outside
    return before


def _up(codes: Ints, grid: tuple[int, ...] | None, outside: int) -> Ints:
    """The code above each in its frame; `outside` in the first row and where there is no grid."""
    above = np.full(len(codes), outside, np.int64)
    if grid and len(grid) > 1 and int(np.prod(grid)) == len(codes):
        rows = codes.reshape(-1, *grid[-2:])
        above.reshape(rows.shape)[:, 1:] = rows[:, :-1]
    return above


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def _groups(hashes: Ints, n_positions: Ints) -> Ints:
    """Half by the item, part by the block of positions (the first block's part by the item too), item after item."""
    place = np.arange(n_positions.sum()) - np.repeat(np.cumsum(n_positions) - n_positions, n_positions)
    half, offset = (np.repeat(each, n_positions) for each in (hashes & 1, (hashes >> 1) % N_PARTS))
    groups: Ints = half * N_PARTS + (place // BLOCK_POSITIONS + offset) % N_PARTS
    return groups
