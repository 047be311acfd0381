"""Pictures for training: held in memory as 8-bit tensors, a few set apart, crops drawn at random from the rest.

Leaves out finding and decoding files.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.errors import InsufficientData
from tokeff.records.signals import ImageSignal

HELD_OUT_SHARE = 1 / 16
MAX_HELD_OUT = 16
DEFAULT_MAX_BYTES = 2**32
"""Pictures are held in memory; beyond 4 GiB of pixels no more are taken."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """A training set: uint8 [3, height, width] each."""

    train: tuple[Tensor, ...]
    held_out: tuple[Tensor, ...]
    n_too_small: int
    n_left_out: int
    """Pictures beyond the memory allowed."""
    fingerprint: str
    """sha256 over the pixels of all pictures used, in order."""

    def crops(self, n: int, side: int, generator: torch.Generator) -> Tensor:
        """uint8 [n, 3, side, side] from places drawn evenly over all pixels, mirrored and transposed at random."""
        areas = torch.tensor([float(picture[0].numel()) for picture in self.train])
        chosen = torch.multinomial(areas, n, replacement=True, generator=generator).tolist()
        draws = torch.rand(n, 4, generator=generator).tolist()
        return torch.stack([_crop(self.train[i], side, draw) for i, draw in zip(chosen, draws, strict=True)])


def gather(
    signals: Iterable[ImageSignal], *, least_side: int, seed: int, max_bytes: int = DEFAULT_MAX_BYTES
) -> Pictures:
    """The pictures of `signals`, grey ones as RGB. Raises InsufficientData where fewer than two are large enough."""
    kept: list[Tensor] = []
    n_too_small = n_left_out = n_bytes = 0
    digest = hashlib.sha256()
    for signal in signals:
        if min(signal.pixels.shape[1:]) < least_side:
            n_too_small += 1
        elif n_bytes + 3 * signal.pixels[0].numel() > max_bytes:
            n_left_out += 1
        else:
            kept.append(signal.pixels.expand(3, -1, -1).contiguous())
            n_bytes += kept[-1].numel()
            digest.update(repr(tuple(kept[-1].shape)).encode() + kept[-1].numpy().tobytes())
    if len(kept) < 2:
        raise InsufficientData(
            "too few pictures to train on: one part is for fitting and one for testing",
            got=f"{len(kept)} usable, {n_too_small} with a side below {least_side} pixels",
            expected="at least 2",
            fix="Name a folder with more pictures, or choose a smaller --crop.",
        )
    held_out, train = _split(kept, seed)
    return Pictures(
        train=train,
        held_out=held_out,
        n_too_small=n_too_small,
        n_left_out=n_left_out,
        fingerprint=digest.hexdigest(),
    )


def _split(pictures: Sequence[Tensor], seed: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed)).tolist()
    n_held = min(MAX_HELD_OUT, max(1, round(len(pictures) * HELD_OUT_SHARE)))
    return tuple(pictures[i] for i in order[:n_held]), tuple(pictures[i] for i in order[n_held:])


def _crop(picture: Tensor, side: int, draw: Sequence[float]) -> Tensor:
    """`draw`: place down, place across, mirror, transpose; each in [0, 1)."""
    top, left = (int(u * (length - side + 1)) for u, length in zip(draw, picture.shape[1:], strict=False))
    crop = picture[:, top : top + side, left : left + side]
    crop = crop.flip(2) if draw[2] < 0.5 else crop
    return crop.transpose(1, 2) if draw[3] < 0.5 else crop
