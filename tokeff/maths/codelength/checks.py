"""Refusals at the door of the coder, and signals as the integers that it codes."""

import torch
from torch import Tensor

from tokeff.errors import ItemError, TokeffError


def same_shape(x: Tensor, side: Tensor, what: str) -> None:
    """Refuse a reconstruction whose shape differs from the signal's."""
    if x.shape != side.shape:
        raise TokeffError(
            f"the {what} and its reconstruction differ in shape",
            got=f"{tuple(side.shape)} beside {tuple(x.shape)}",
            expected="equal shapes",
            fix="Align and trim the reconstruction first.",
        )


def picture_shape(x: Tensor, what: str) -> None:
    """Refuse what are not pictures [B, C, H, W] with 1 or 3 channels and at least one pixel."""
    if x.ndim != 4 or x.shape[1] not in (1, 3) or min(x.shape[2:]) < 1:
        raise TokeffError(f"{what} have the wrong shape", got=tuple(x.shape), expected="[B, 1 or 3, H, W]")


def pictures(x: Tensor, what: str) -> Tensor:
    """Pictures as uint8 [B, C, H, W] with 1 or 3 channels and at least one pixel; a float picture is rounded."""
    picture_shape(x, what)
    return levels(x, 0, 255, what).to(torch.uint8)


def levels(x: Tensor, low: int, high: int, what: str) -> Tensor:
    """Integers of `x` within [low, high]; floats are rounded and clipped, NaN and infinities refused."""
    if x.is_floating_point():
        if not bool(torch.isfinite(x).all()):
            raise ItemError("not_finite", f"{what} hold NaN or infinity", expected="finite samples")
        return torch.round(x.double()).clamp(low, high).long()
    if x.dtype in (torch.bool, torch.complex64, torch.complex128):
        raise TokeffError(f"{what} have the wrong type", got=x.dtype, expected="integers or floats")
    if x.numel() and (int(x.min()) < low or int(x.max()) > high):
        got = f"{int(x.min())}..{int(x.max())}"
        raise TokeffError(f"{what} leave their range", got=got, expected=f"{low}..{high}")
    return x


def depth(depth_bits: int, most: int) -> int:
    """How many low bits go when samples of `most` bits are kept at `depth_bits`."""
    if not 1 <= depth_bits <= most:
        raise TokeffError("the depth is out of range", got=depth_bits, expected=f"1..{most} bits")
    return most - depth_bits
