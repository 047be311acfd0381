"""Sums over two sounds that come in blocks: energies, and what SI-SDR needs, in one pass.

`maths.distortion` has the same figures for whole sounds; equality with them is tested. Leaves out spectra.
"""

import torch
from torch import Tensor

from tokeff.maths.distortion import Figure

NOTHING = 1e-13
"""Of the difference's energy: what is left below it is rounding, and the copy a multiple of the original."""


class WaveformSums:
    """Blocks [channels, n] of an original and its copy, in order."""

    def __init__(self) -> None:
        self.signal_energy = self.error_energy = 0.0
        self._n = 0
        self._first: tuple[Tensor, Tensor] | None = None
        self._sums: Tensor | None = None

    def add(self, original: Tensor, copy: Tensor) -> None:
        """One more block of each."""
        s, t = original.double(), copy.double()
        self.signal_energy += float(s.square().sum())
        self.error_energy += float((s - t).square().sum())
        # Sums about the first sample: what is constant has a variance of exactly nothing.
        if self._first is None:
            self._first = (s[:, :1].clone(), t[:, :1].clone())
        s, t = s - self._first[0], t - self._first[1]
        d = t - s
        sums = torch.stack([each.sum(dim=-1) for each in (s, d, s * s, s * d, d * d)])
        self._sums = sums if self._sums is None else self._sums + sums
        self._n += original.shape[-1]

    def si_sdr_db(self) -> Figure:
        """As `maths.distortion.si_sdr_db`: mean over channels; None where one is silent, lost, or came back exactly."""
        if self._sums is None:
            return Figure(None, "silent")
        s, d, ss, sd, dd = self._sums
        energy, product, rest = ss - s * s / self._n, sd - s * d / self._n, dd - d * d / self._n
        if not bool((energy > 0).all()):
            return Figure(None, "silent")
        kept = (1 + product / energy).square() * energy
        lost = rest - product.square() / energy
        if not bool((kept > 0).all()):
            return Figure(None, "nothing_kept")
        if not bool((lost > NOTHING * rest).all()):
            return Figure(None, "lossless")
        return Figure(float(10 * torch.log10(kept / lost).mean()))
