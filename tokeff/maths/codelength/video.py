"""Code lengths of clips, frame after frame in chunks: memory is that of one chunk and one frame, whatever the length.

Each frame sees the frame before it and the reconstruction of its own place. Coefficients are sent per tile of a frame;
histograms of residuals belong to the clip, and their length follows from their final counts.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from tokeff.errors import TokeffError
from tokeff.maths.codelength import checks, modes, planes
from tokeff.maths.codelength.histograms import code_length_bits
from tokeff.maths.codelength.images import tiles
from tokeff.maths.codelength.planes import sum_of
from tokeff.maths.codelength.pools import SHARED_SAMPLES, Pool

DEAR_SHARE = 1 / 16
"""Share of its raw bits from which on a frame is tried by colours too."""


class ClipCoder:
    """Adds up the code of one clip: `add` its chunks in order, then ask for `bits`."""

    def __init__(self, *, depth_bits: int = 8) -> None:
        self._shift, self._n_levels = checks.depth(depth_bits, 8), 2**depth_bits
        self._before: Tensor | None = None
        self._counts: dict[bool, list[Tensor]] = {}
        self._bits, self._exact, self._n_samples = 0.0, True, 0

    def add(self, chunk: Tensor, side: Tensor | None = None) -> None:
        """Take the next frames, uint8 [n, C, H, W], and their reconstruction if there is one."""
        frames, known = checks.pictures(chunk, "the frames"), list[Tensor]()
        if side is not None:
            known = [checks.pictures(side.to(frames.device), "the reconstructed frames")]
            checks.same_shape(frames, known[0], "frames")
        if self._before is None:
            self._code(frames[:1] >> self._shift, [], [s[:1] for s in known])
            frames, known, self._before = frames[1:], [s[1:] for s in known], frames[:1]
        if self._before.shape[1:] != frames.shape[1:]:
            got = f"{tuple(frames.shape[1:])} after {tuple(self._before.shape[1:])}"
            raise TokeffError("the frames of a clip change their size", got=got)
        if len(frames):
            past = torch.cat([self._before, frames[:-1]]) >> self._shift << self._shift
            self._code(frames >> self._shift, [past], known)
            self._before = frames[-1:]

    def bits(self) -> float:
        """Bits of the clip so far; 0 where every frame so far is given exactly."""
        if self._exact:
            return 0.0
        return self._bits + sum(_pooled_bits(counts, self._n_levels) for counts in self._counts.values())

    def leave_to(self, pool: Pool) -> None:
        """Add what histograms may share of the clip so far: of short clips, without the divisions of contexts."""
        if self._exact:
            return
        if self._n_samples >= SHARED_SAMPLES:
            pool.rest_bits.append(self.bits())
            return
        for counts in self._counts.values():
            pool.count(counts[0])
        pool.rest_bits.append(self._bits)

    def _code(self, frames: Tensor, past: list[Tensor], known: list[Tensor]) -> None:
        self._n_samples += frames[:, 0].numel()
        for part, rows, columns in tiles(frames.shape):
            tile = frames[part, :, rows, columns]
            self._bits += modes.MODE_BITS * len(tile)
            beside = [r[part, :, rows, columns] for r in past + known]
            given = [(tile == r >> self._shift).flatten(1).all(1) for r in beside]
            rest = ~sum_of(given).bool() if given else torch.ones(len(tile), dtype=torch.bool, device=tile.device)
            if rest.any():
                self._tile(tile[rest], [r[rest] for r in beside], first=not past)
            self._exact = self._exact and bool(known) and bool(given[-1].all())

    def _tile(self, tile: Tensor, references: Sequence[Tensor], *, first: bool) -> None:
        """Count the residuals of tiles for the clip, but for those that another way codes in fewer bits."""
        coded = modes.residuals(tile, references, self._n_levels, pooled=True)
        plain, raw = coded.estimated_bits(), modes.raw_bits(tile, self._n_levels)
        others = torch.full_like(plain, raw)
        # Colours are slow: they are for screens that change.
        dear = plain > DEAR_SHARE * raw
        if dear.any():
            beside = [reference[dear] for reference in references]
            others[dear] = modes.other_bits(tile[dear], beside, self._n_levels, least_flat=modes.KNOWN_SHARE)
        residual = plain <= others
        self._bits += float(others[~residual].sum() + coded.header_bits[residual].sum())
        if residual.any():
            counts = coded.counts(residual)
            # A first frame sees none before it, so that its histograms are its own.
            before = self._counts.get(first)
            self._counts[first] = counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]


def _pooled_bits(counts: list[Tensor], n_levels: int) -> float:
    """Bits of histograms [C, size] at each detail: the cheapest detail."""
    ways = [
        float(code_length_bits(each, planes.context_prior(n_levels, detail), n_levels).sum())
        for each, detail in zip(counts, planes.DETAILS, strict=False)
    ]
    return min(ways) + planes.DETAIL_BITS


def video_code_length(chunks: Iterable[Tensor], side: Iterable[Tensor] | None = None, *, depth_bits: int = 8) -> float:
    """Bits to rebuild a clip given as chunks of frames, uint8 [n, 3, H, W], once those of `side` are known.

    The chunks of `side` are cut as those of the clip. 0 where every frame of `side` is exact, and never more than
    without it: a reconstruction that does not help is not used. Errors: TokeffError where shapes or chunks differ,
    ItemError where a float reconstruction holds NaN.
    """
    alone, beside = ClipCoder(depth_bits=depth_bits), ClipCoder(depth_bits=depth_bits)
    for frames, known in _paired(chunks, side):
        alone.add(frames)
        if known is not None:
            beside.add(frames, known)
    return alone.bits() if side is None else min(alone.bits(), beside.bits())


def _paired(chunks: Iterable[Tensor], side: Iterable[Tensor] | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    if side is None:
        yield from ((chunk, None) for chunk in chunks)
        return
    try:
        yield from zip(chunks, side, strict=True)
    except ValueError as error:
        raise TokeffError("the clip and its reconstruction differ in chunks", fix="Cut both alike.") from error
