"""Lots: every item draws a number from its key, and who draws low is chosen.

So a random sample is the items below a threshold: the same whatever the order, the sharding and the number of workers,
a larger sample holds the smaller one, and shards drawn apart give the sample of the whole.
"""

import hashlib
import heapq
from collections.abc import Iterable

HIGHEST = 2**64 - 1


class Draw:
    """The lots of one seed."""

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()[:64]

    def lot(self, key: str) -> int:
        """An evenly distributed number from 0 to HIGHEST."""
        data = key.encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "big")


class Lowest:
    """The `n` lowest of any number of lots."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._heap: list[int] = []

    def add(self, lot: int) -> None:
        """Consider one more."""
        if len(self._heap) < self._n:
            heapq.heappush(self._heap, -lot)
        elif -lot > self._heap[0]:
            heapq.heapreplace(self._heap, -lot)

    def update(self, lots: Iterable[int]) -> None:
        """Consider several more."""
        for lot in lots:
            self.add(lot)

    def lots(self) -> list[int]:
        """In rising order."""
        return sorted(-each for each in self._heap)

    def threshold(self, n: int) -> int:
        """The n-th lowest lot: exactly n items are at most that; HIGHEST where there are fewer."""
        lots = self.lots()
        return lots[n - 1] if len(lots) >= n else HIGHEST
