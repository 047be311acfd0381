"""Which items get a closer look: costly measures run on a seeded share of the items, sized by bytes.

The share follows from how much the corpus holds, and an item belongs to it by a hash of its key, so that any order and
any sharding choose the same items. Leaves out `--sample`, which chooses what is measured at all.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from tokeff.records.items import Item, Modality
from tokeff.records.runs import Population


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsample:
    """A share of the items of each modality; 1 where there is none named."""

    seed: int
    purpose: str
    """Different purposes choose different items."""
    shares: Mapping[Modality, float]

    @classmethod
    def of_budget(
        cls,
        population: Mapping[Modality, Population],
        budget_bytes: Mapping[Modality, int],
        *,
        seed: int,
        purpose: str,
    ) -> "Subsample":
        """Shares that hold about `budget_bytes` stored bytes of each modality."""
        shares = {
            modality: min(1.0, budget_bytes[modality] / max(1, held.stored_bytes))
            for modality, held in population.items()
            if modality in budget_bytes
        }
        return cls(seed=seed, purpose=purpose, shares=shares)

    def includes(self, item: Item) -> bool:
        """Whether the item gets the closer look."""
        share = self.shares.get(item.modality, 1.0)
        if share >= 1:
            return True
        text = f"{self.purpose}\0{self.seed}\0{item.key}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") < share * 2**64


class Everything:
    """Contains every key."""

    def __contains__(self, key: object) -> bool:
        """Always."""
        return True
