"""Codebooks by k-means: those of levels first, then those of bands where codes will go, then what each code is worth.

Leaves out the network behind them (`training`).
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from tokeff.tokenizers.audio.codec.config import FRAMES_PER_POSITION
from tokeff.tokenizers.audio.codec.levels import UNITS_PER_DB, levels_of, scales_of
from tokeff.tokenizers.audio.codec.model import RvqCodec
from tokeff.tokenizers.audio.codec.search import nearest
from tokeff.tokenizers.audio.codec.sharing import NEVER, places

ROUNDS = 8
ROWS_PER_CODE = 40
LARGEST = 10.0
"""In sizes of a band: rarer peaks do not pull codes towards them."""
EFFICIENCY = 0.85
"""Of the 6.02 dB per bit and coefficient that a code could take off at best: a guess, until it is measured."""
SMALLEST = 1e-9


@torch.no_grad()
def fit_codebooks(codec: RvqCodec, coefficients: Tensor, generator: torch.Generator) -> None:
    """Fill the codebooks and gains of `codec` from float coefficients [n, frames, hop]; `generator` is of the CPU."""
    config, n_frames = codec.config, coefficients.shape[1]
    exact = levels_of(coefficients, config.widths)
    flat = exact.reshape(len(exact) * n_frames // FRAMES_PER_POSITION, -1)
    codec.level_codebooks.copy_(_residual(flat, len(codec.level_codebooks), config.n_codes, generator, whole=True)[0])
    levels = codec.levels(codec.level_ids(coefficients, config.level_stages))
    codec.gains.copy_(_gains(codec, _guesses(codec)))
    found = places(levels, codec.gains, config.n_codebooks - config.level_stages, config.block_positions)
    n_stages = codec.stages_at(found, n_frames)
    values = coefficients / scales_of(levels.to(coefficients.dtype), config.widths)
    powers = []
    for band, part in enumerate(values.split_with_sizes(config.widths, dim=2)):
        rows = _rows(n_stages[:, :, band].flatten(), levels[:, :, band].flatten(), config.n_codes, generator)
        chosen = part.flatten(0, 1)[rows].clamp(-LARGEST, LARGEST)
        book, left = _residual(chosen, config.stages[band], config.n_codes, generator)
        codec.codebook(band).copy_(book)
        powers.append(left)
    codec.gains.copy_(_gains(codec, powers))
    codec.noise.copy_(torch.randn(codec.noise.shape, generator=generator).half())


def _residual(
    values: Tensor, stages: int, n_codes: int, generator: torch.Generator, *, whole: bool = False
) -> tuple[Tensor, list[float]]:
    """Codebooks [stages, n_codes, width] fitted one after the other, and the mean power left."""
    left, books = values, []
    powers = [float(left.square().mean())]
    for _ in range(stages):
        book = kmeans(left, n_codes, generator)
        book = book.round() if whole else book.half().to(book.dtype)
        books.append(book)
        left = left - book[nearest(left, book)]
        powers.append(float(left.square().mean()))
    return torch.stack(books), powers


def kmeans(values: Tensor, n_codes: int, generator: torch.Generator) -> Tensor:
    """[n, width] -> [n_codes, width] that are each the mean of the values nearest to it; unused ones begin anew."""
    if len(values) > ROWS_PER_CODE * n_codes:
        values = values[_draw(len(values), ROWS_PER_CODE * n_codes, generator).to(values.device)]
    codes = values[_draw(len(values), n_codes, generator).to(values.device)].clone()
    if len(values) < n_codes:  # the same value several times: moved apart, lest all but the first stay unused
        codes += 1e-3 * torch.randn(codes.shape, generator=generator).to(codes)
    for _ in range(ROUNDS):
        near = nearest(values, codes)
        counts = torch.bincount(near, minlength=n_codes).to(values.dtype)
        sums = torch.zeros_like(codes).index_add_(0, near, values)
        used = counts > 0
        fresh = values[_draw(len(values), n_codes, generator).to(values.device)]
        codes = torch.where(used[:, None], sums / counts.clamp(min=1)[:, None], fresh)
    return codes


def _draw(n: int, wanted: int, generator: torch.Generator) -> Tensor:
    """`wanted` places below n, each at most once where that is possible."""
    if n < wanted:
        return torch.randint(n, (wanted,), generator=generator)
    return torch.randperm(n, generator=generator)[:wanted]


def _rows(n_stages: Tensor, levels: Tensor, n_codes: int, generator: torch.Generator) -> Tensor:
    """Of all frames, those in which a band gets codes; the loudest besides where they are few."""
    rows = (n_stages > 0).nonzero()[:, 0]
    enough = min(len(levels), 2 * n_codes)
    if len(rows) < enough:
        return levels.topk(enough).indices
    if len(rows) <= ROWS_PER_CODE * n_codes:
        return rows
    return rows[_draw(len(rows), ROWS_PER_CODE * n_codes, generator).to(rows.device)]


def _guesses(codec: RvqCodec) -> list[list[float]]:
    """Power left after each number of codes, were they as good as most are."""
    bits = math.log2(codec.config.n_codes)
    return [
        [10 ** (-0.602 * EFFICIENCY * bits / width * stage) for stage in range(stages + 1)]
        for width, stages in codec.config.bands
    ]


def _gains(codec: RvqCodec, powers: list[list[float]]) -> Tensor:
    """What each code takes off a band of level 0, in units of levels; a later one never more than an earlier one."""
    gains = torch.full_like(codec.gains, NEVER)
    for band, (width, left) in enumerate(zip(codec.config.widths, powers, strict=True)):
        taken = [width * max(before - after, SMALLEST) for before, after in pairwise(left)]
        worth = torch.tensor([round(10 * UNITS_PER_DB * math.log10(each)) for each in taken])
        gains[band, : len(worth)] = worth.cummin(0).values.to(gains)
    return gains
