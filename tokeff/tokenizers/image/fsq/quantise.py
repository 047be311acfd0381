"""Finite scalar quantisation: each dimension of a latent rounded to one of its levels, all digits together one id.

The bound is a sigmoid steep enough that normally distributed latents use all levels equally (the idea of iFSQ,
arXiv 2601.17124), and its range is cut into equal parts, so that the outer levels are no rarer than the inner ones.
Leaves out the networks on either side.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

STEEPNESS = 1.6
"""sigmoid(1.6 z) is near the normal distribution function: sigma 1 becomes uniform on (0, 1)."""


def digits_of(latents: Tensor, levels: Sequence[int]) -> Tensor:
    """float [n, dimensions, rows, columns] -> int64 digits of the same shape, digit d below levels[d]."""
    sizes = _column(levels, latents)
    return torch.minimum((torch.sigmoid(STEEPNESS * latents) * sizes).floor(), sizes - 1).long()


def values_of(digits: Tensor, levels: Sequence[int]) -> Tensor:
    """Digits -> the middle of each level's part of (-1, 1), float32 of the same shape."""
    return (2 * digits.float() + 1) / _column(levels, digits).float() - 1


def straight_through(latents: Tensor, levels: Sequence[int]) -> Tensor:
    """`values_of(digits_of(latents))` whose gradient is that of the bound alone."""
    bounded = 2 * torch.sigmoid(STEEPNESS * latents) - 1
    return bounded + (values_of(digits_of(latents.detach(), levels), levels) - bounded).detach()


def ids_of(digits: Tensor, levels: Sequence[int]) -> Tensor:
    """int64 [n, dimensions, ...] -> ids [n, ...]: digits of a number whose first digit counts least."""
    ids = torch.zeros_like(digits[:, 0])
    for digit, size in zip(reversed(digits.unbind(1)), reversed(levels), strict=True):
        ids = ids * size + digit
    return ids


def digits_of_ids(ids: Tensor, levels: Sequence[int]) -> Tensor:
    """The inverse of `ids_of`."""
    digits: list[Tensor] = []
    for size in levels:
        digits.append(ids % size)
        ids = torch.div(ids, size, rounding_mode="floor")
    return torch.stack(digits, dim=1)


def _column(levels: Sequence[int], like: Tensor) -> Tensor:
    return torch.tensor(tuple(levels), dtype=like.dtype, device=like.device).view(1, -1, 1, 1)
