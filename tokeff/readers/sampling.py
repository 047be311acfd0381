"""Random samples and fingerprints of a corpus in one pass, both independent of the order in which items arrive.

Each item has a hash of the seed and its key; the sample is the items with the smallest ones. So shards of a corpus can
be sampled apart: the sample of their samples is the sample of the whole. Leaves out how many to take.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence

from tokeff.records.items import MODALITIES, Item, Modality

MODULUS = 2**256


class Sample:
    """A uniformly random subset of `n` items per modality (all of them where there are fewer)."""

    def __init__(self, n: int, seed: int) -> None:
        if n < 1:
            raise ValueError(f"a sample has at least 1 item, got {n}")
        self.n, self.seed = n, seed
        self._kept: dict[Modality, dict[str, Item]] = {}
        self._heaps: dict[Modality, list[tuple[int, str]]] = {}

    def add(self, item: Item) -> None:
        """Consider one more item. A key that was seen already changes nothing."""
        kept = self._kept.setdefault(item.modality, {})
        heap = self._heaps.setdefault(item.modality, [])
        entry = (-_hash(self.seed, item.key), item.key)  # the largest hash is on top of the heap
        if item.key in kept or (len(heap) == self.n and entry < heap[0]):
            return
        kept[item.key] = item
        if len(heap) < self.n:
            heapq.heappush(heap, entry)
        else:
            del kept[heapq.heapreplace(heap, entry)[1]]

    def items(self) -> list[Item]:
        """The sample, by modality and key."""
        return [kept[key] for m in MODALITIES if (kept := self._kept.get(m)) for key in sorted(kept)]


class Fingerprint:
    """A sum over items of sha256(modality, key, size): the same for the same items in any order."""

    def __init__(self) -> None:
        self._n_items = 0
        self._sum = 0

    def add(self, item: Item) -> None:
        """One more item."""
        text = f"{item.modality}\0{item.key}\0{item.stored_bytes}"
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) % MODULUS
        self._n_items += 1

    def to_json(self) -> list[str]:
        """The sums so far, to be merged elsewhere."""
        return [str(self._n_items), f"{self._sum:x}"]

    def merge(self, sums: Sequence[str]) -> None:
        """Add what another fingerprint's `to_json` gave."""
        self._n_items += int(sums[0])
        self._sum = (self._sum + int(sums[1], 16)) % MODULUS

    def digest(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(f"{self._n_items}\0{self._sum}".encode()).hexdigest()


def sample(items: Iterable[Item], n: int, seed: int) -> list[Item]:
    """`n` random items per modality, by modality and key."""
    drawn = Sample(n, seed)
    for item in items:
        drawn.add(item)
    return drawn.items()


def fingerprint(items: Iterable[Item]) -> str:
    """The fingerprint of keys and sizes."""
    sums = Fingerprint()
    for item in items:
        sums.add(item)
    return sums.digest()


def _hash(seed: int, key: str) -> int:
    keyed = hashlib.blake2b(key.encode(), digest_size=16, key=str(seed).encode()[:64])
    return int.from_bytes(keyed.digest(), "big")
