"""Pixels of a view and back: resize, lay on a canvas, cut into patches, join. Batches of equal shape, uint8, no loops.

On the CPU torch resizes uint8 natively (each pass rounded, as Pillow does); on CUDA it computes in float32 and rounds
once. The two agree within a few grey levels, and each equals what transformers' processors do on that device.
"""

from typing import TYPE_CHECKING

from torch import Tensor, arange, uint8
from torch.nn.functional import interpolate

from tokeff.tokenizers.image.layouts import Size, View

if TYPE_CHECKING:
    from tokeff.tokenizers.image.rules import Resample

LARGEST_CUDA_REDUCTION = 32
"""Beyond about 47 times the antialiasing kernel's weights no longer fit in the shared memory of a CUDA block."""


def patches_of(pictures: Tensor, view: View, resample: "Resample") -> Tensor:
    """uint8 [n, channels, height, width] -> uint8 [n, rows, columns, 3, patch, patch]; grey is replicated."""
    canvas = _lay(resize(pictures, view.resized, resample), view)
    n, channels = canvas.shape[:2]
    rows, columns = view.grid
    blocks = canvas.view(n, channels, rows, view.patch, columns, view.patch).permute(0, 2, 4, 1, 3, 5)
    return blocks.expand(-1, -1, -1, 3, -1, -1).contiguous()


def pictures_of(patches: Tensor, view: View, size: Size, channels: int, resample: "Resample") -> Tensor:
    """uint8 [n, rows, columns, 3, patch, patch] -> uint8 [n, channels, height, width] of the original's `size`.

    What the view never saw (a cropped border) repeats the nearest pixel that it saw.
    """
    n = patches.shape[0]
    canvas = patches[:, :, :, :channels].permute(0, 3, 1, 4, 2, 5).reshape(n, channels, *view.canvas)
    return resize(_lift(canvas, view), size, resample).contiguous()


def resize(pictures: Tensor, size: Size, resample: "Resample") -> Tensor:
    """uint8 [n, channels, height, width] at another size, antialiased, rounded and clamped to 8 bits."""
    if pictures.shape[-2:] == size:
        return pictures
    on_cpu = pictures.device.type == "cpu"
    reduction = max(before / after for before, after in zip(pictures.shape[-2:], size, strict=True))
    if not on_cpu and reduction > LARGEST_CUDA_REDUCTION:
        return resize(pictures.cpu(), size, resample).to(pictures.device)
    # One pixel of three channels trips an assertion in torch 2.11's uint8 kernel.
    if on_cpu and size != (1, 1):
        return interpolate(pictures, size=size, mode=resample, antialias=True)
    resized = interpolate(pictures.float(), size=size, mode=resample, antialias=True)
    return resized.round_().clamp_(0, 255).to(uint8)


def _lay(pictures: Tensor, view: View) -> Tensor:
    """The resized pictures on the view's canvas: black where there is no picture, cut off where it sticks out."""
    if view.canvas == view.resized and view.offset == (0, 0):
        return pictures.contiguous()
    canvas = pictures.new_zeros((*pictures.shape[:2], *view.canvas))
    (top, bottom), (left, right) = _overlap(view)
    y, x = view.offset
    canvas[..., top:bottom, left:right] = pictures[..., top - y : bottom - y, left - x : right - x]
    return canvas


def _lift(canvas: Tensor, view: View) -> Tensor:
    """The resized pictures out of the canvas, cropped borders filled with their nearest pixels."""
    (top, bottom), (left, right) = _overlap(view)
    if (bottom - top, right - left) == view.resized:
        return canvas[..., top:bottom, left:right]
    for axis, first, last in ((-2, top, bottom), (-1, left, right)):
        places = arange(view.resized[axis], device=canvas.device) + view.offset[axis]
        canvas = canvas.index_select(axis, places.clamp_(first, last - 1))
    return canvas


def _overlap(view: View) -> tuple[Size, Size]:
    """First row and row after the last, and the same for columns, of the canvas that hold picture."""
    y, x = view.offset
    rows = max(y, 0), min(y + view.resized[0], view.canvas[0])
    return rows, (max(x, 0), min(x + view.resized[1], view.canvas[1]))
