"""Which items a page shows: a seeded few of each modality, found again where the run found them.

Leaves out decoding and showing them.
"""

import hashlib
import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokeff.engine.again import again
from tokeff.engine.loading import row_batches
from tokeff.records.items import MODALITIES, Item, Modality

N_SHOWN: Mapping[Modality, int] = {"text": 2, "image": 2, "audio": 1, "video": 1}
MAX_RAW_BYTES: Mapping[Modality, int] = {"text": 2**24, "image": 2**26, "audio": 2**26, "video": 2**28}
"""Larger items are not shown: they would be tokenized once more for a picture."""
COLUMNS = ("key", "modality", "tokenizer", "raw_bytes", "stored_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An item to show; `item` is None where it is no longer there as it was, and `why` says so."""

    key: str
    modality: Modality
    item: Item | None
    why: str = ""


def choose(run: Path, arguments: Mapping[str, Any]) -> list[Chosen]:
    """The items with the smallest hash of seed and key, by modality."""
    kept = _smallest(run, arguments["seed"])
    chosen = []
    for modality in (m for m in MODALITIES if m in kept):
        wanted = [(key, stored_bytes) for _, key, stored_bytes in sorted(kept[modality], reverse=True)]
        there = again(arguments, [key for key, _ in wanted], modality)
        chosen += [_chosen(key, modality, stored_bytes, there.get(key)) for key, stored_bytes in wanted]
    return chosen


def _chosen(key: str, modality: Modality, stored_bytes: int, item: Item | None) -> Chosen:
    if item is None:
        return Chosen(key=key, modality=modality, item=None, why="It is no longer where the run found it.")
    if item.stored_bytes != stored_bytes:
        return Chosen(key=key, modality=modality, item=None, why="It has changed since the run.")
    return Chosen(key=key, modality=modality, item=item)


def _smallest(run: Path, seed: int) -> dict[Modality, list[tuple[int, str, int]]]:
    """(-hash, key, stored bytes) of the chosen rows."""
    first: dict[Modality, str] = {}
    kept: dict[Modality, list[tuple[int, str, int]]] = {}
    for batch in row_batches(run, COLUMNS):
        for modality, key, stored_bytes in _rows(batch, first):
            heap = kept.setdefault(modality, [])
            entry = (-_hash(seed, key), key, stored_bytes)
            if len(heap) < N_SHOWN[modality]:
                heapq.heappush(heap, entry)
            elif entry > heap[0]:
                heapq.heapreplace(heap, entry)
    return kept


def _rows(batch: Any, first: dict[Modality, str]) -> Iterator[tuple[Modality, str, int]]:
    """Rows small enough to show, of the first tokenizer of each modality: each item once."""
    columns = [batch.column(place).to_pylist() for place in range(batch.num_columns)]
    names = batch.schema.names
    named = [columns[names.index(name)] for name in COLUMNS]
    for key, modality, tokenizer, raw_bytes, stored_bytes in zip(*named, strict=True):
        if first.setdefault(modality, tokenizer) == tokenizer and 0 < raw_bytes <= MAX_RAW_BYTES[modality]:
            yield modality, key, stored_bytes


def _hash(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"page\0{seed}\0{key}".encode(), digest_size=8).digest(), "big")
