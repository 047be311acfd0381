"""Histograms that the items of a corpus share: counts that add up, and the code length that comes out at the end.

An item that is a code of its own pays for learning its histograms: recordings of a second 4 %, pictures of 64 x 64
pixels 2 %. Coded one behind the other under the same histograms, the items of a corpus pay once. A `Pool` holds the
counts of their residuals and the bits of all the rest: modes, coefficients, colours, and pictures and clips that are
large enough to divide contexts of their own. Its length is again that of a sequential adaptive code, in any order of
the items. Leaves out the length of an item alone (`images`, `audio`, `video`).
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from tokeff.maths.codelength import histograms, planes, sound

Kind = Literal["planes", "sound"]

SHARED_SAMPLES = planes.DETAILED_SAMPLES[-1]
"""Planes of tiles, and whole clips, with fewer samples share; larger ones divide contexts of their own instead."""


@dataclass(slots=True, kw_only=True)
class Pool:
    """What items of one kind and depth leave to histograms that they share."""

    counts: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    """int64, context * n_symbols + symbol; of planes one such block per channel."""
    rest_bits: list[float] = field(default_factory=list)
    """Per item, but of items that are given exactly, which cost nothing."""

    def count(self, counts: Tensor) -> None:
        """Add counts int64 [channels, contexts * n_symbols]."""
        more = counts.flatten().cpu()
        if len(more) > len(self.counts):
            self.counts = torch.nn.functional.pad(self.counts, (0, len(more) - len(self.counts)))
        self.counts[: len(more)] += more

    def code_length_bits(self, kind: Kind, depth_bits: int) -> float:
        """Bits of all items, one behind the other."""
        return sum(self.rest_bits) + shared_bits(self.counts, kind, depth_bits)


def shared_bits(counts: Tensor, kind: Kind, depth_bits: int) -> float:
    """Bits (as of a sequential adaptive code) of pooled `counts`, of which each channel has its own histograms."""
    if not len(counts):
        return 0.0
    n_symbols = 2**depth_bits if kind == "planes" else sound.N_SYMBOLS
    weights = planes.context_prior(n_symbols, 1) if kind == "planes" else sound.prior()
    return float(histograms.code_length_bits(counts.view(-1, len(weights)), weights, n_symbols).sum())
