"""Ways to code a tile of a picture or frame, and the cheapest of them. Leaves out cutting pictures into tiles."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tokeff.maths.codelength import colours, planes
from tokeff.maths.codelength.taps import Layout

MODE_BITS = 3.0
"""Bits that name the way: raw, residuals, colours, colours beside either reference, or exact (see images)."""

FLAT_SHARE, KNOWN_SHARE = 0.7, 0.9
"""Colours are tried where this share of pixels repeats a neighbour, and beside a reference where this share repeats it."""


def cheapest_bits(x: Tensor, references: Sequence[Tensor], n_levels: int) -> Tensor:
    """Bits [B] (float64) of uint8 levels x [B, C, H, W] beside references (uint8, same shape), the choice included."""
    bits = residual_bits(x, references, n_levels).clamp(max=x[0].numel() * math.log2(n_levels))
    ways = [(None, flat_share(x) >= FLAT_SHARE)]
    ways += [(i, _mean((x == reference).all(1)) >= KNOWN_SHARE) for i, reference in enumerate(references)]
    for beside, tried in ways:
        if tried.any():
            chosen = [reference[tried] for reference in references]
            found = colour_bits(x[tried], chosen, None if beside is None else chosen[beside], n_levels)
            bits[tried] = torch.minimum(bits[tried], found)
    return bits + MODE_BITS


def centred(x: Tensor, references: Sequence[Tensor], n_levels: int) -> tuple[Tensor, Tensor]:
    """Planes and references as the planes coder takes them: integers around zero, in float32."""
    signal = x.float() - n_levels // 2
    return signal, torch.cat([r.float() - 128 for r in references], 1) if references else signal[:, :0]


def residual_bits(x: Tensor, references: Sequence[Tensor], n_levels: int) -> Tensor:
    """Bits [B] by prediction and residuals, channel after channel."""
    signal, beside = centred(x, references, n_levels)
    return planes.code_length_bits(signal, beside, Layout(channels=x.shape[1], references=beside.shape[1]), n_levels)


def colour_bits(x: Tensor, references: Sequence[Tensor], beside: Tensor | None, n_levels: int) -> Tensor:
    """Bits [B] by colours under contexts, with residuals for the colours that escape, pixel after pixel."""
    named = colours.keys(x)
    contexts = colours.contexts(named, None if beside is None else colours.keys(beside))
    bits, escaped, _ = colours.code_length_bits(named, contexts)
    signal, reference = centred(x, references, n_levels)
    layout = Layout(channels=x.shape[1], references=reference.shape[1], interleaved=True)
    return bits + planes.code_length_bits(signal, reference, layout, n_levels, escaped)


def flat_share(x: Tensor) -> Tensor:
    """Share [B] (float64) of the pixels of x [B, C, H, W] that repeat the one to the left or above."""
    same = torch.zeros_like(x[:, 0], dtype=torch.bool)
    same[:, :, 1:] |= (x[:, :, :, 1:] == x[:, :, :, :-1]).all(1)
    same[:, 1:] |= (x[:, :, 1:] == x[:, :, :-1]).all(1)
    return _mean(same)


def _mean(places: Tensor) -> Tensor:
    return places.flatten(1).double().mean(1)
