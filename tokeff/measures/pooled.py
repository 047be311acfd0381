"""Code lengths of a corpus: histograms of residuals belong to the Tally, and its length comes out at the end.

Beside a column such as `missing_bits_d8_s1`, each item's own code length, a Tally holds under the same name the counts
of the residuals of all its items, and as `missing_rest_bits_d8_s1` the bits that are not under histograms. Items that
share histograms learn them once. Leaves out how items are coded (`reconstruction`) and the ratios (`figures`).
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from tokeff.maths.codelength import Pool, shared_bits
from tokeff.measures.fidelities import Fidelity
from tokeff.records.items import Modality
from tokeff.records.tallies import Tally, fixed, from_fixed


class Pools(defaultdict[Fidelity, Pool]):
    """What items of one modality leave to the histograms that they share, by fidelity."""

    def __init__(self) -> None:
        super().__init__(Pool)

    def histograms(self, kind: str) -> dict[str, NDArray[np.int64]]:
        """Histograms of a Tally."""
        return {each.column(kind): pool.counts.numpy() for each, pool in self.items() if len(pool.counts)}

    def rest(self, kind: str) -> dict[str, int]:
        """Real sums of a Tally, fixed-point: any order of the items gives the same."""
        return {each.column(f"{kind}_rest"): sum(map(fixed, pool.rest_bits)) for each, pool in self.items()}


def corpus_bits(tally: Tally, at: Fidelity, kind: str, modality: Modality) -> float:
    """Bits of all items: as codes of their own, or under shared histograms, whichever is less.

    Never more than those of the originals alone. Which way it was, one bit for a corpus, is left out.
    """
    bits = own_bits(tally, at, kind)
    rest = tally.reals.get(at.column(f"{kind}_rest"))
    if rest is not None:
        bits = min(bits, from_fixed(rest) + _counted(tally.histograms, at, kind, modality))
    return bits if kind == "source" else min(bits, corpus_bits(tally, at, "source", modality))


def own_bits(tally: Tally, at: Fidelity, kind: str) -> float:
    """Bits of all items as codes of their own."""
    return tally.real(at.column(kind))


def _counted(histograms: Mapping[str, NDArray[np.int64]], at: Fidelity, kind: str, modality: Modality) -> float:
    counts = histograms.get(at.column(kind))
    if counts is None:
        return 0.0
    return shared_bits(torch.from_numpy(counts), "sound" if modality == "audio" else "planes", at.depth_bits)
