"""Pixels for a model and back: fitted to a layout, scaled as the model wants them, and all of it undone.

Resizing and cutting are those of the family `patch`. Batches of equal shape, no loops over pictures.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, arange, tensor, uint8

from tokeff.tokenizers.image.layouts import Size, View
from tokeff.tokenizers.image.pixels import patches_of, pictures_of
from tokeff.tokenizers.image.vq.fitting import Fit

RESAMPLE: Literal["bicubic"] = "bicubic"
"""What all three processors use on tensors (transformers takes it for Chameleon's Lanczos, too)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """8-bit pixels to what a model sees: (pixel x factor - mean) / deviation, by channel."""

    factor: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def apply(self, pixels: Tensor) -> Tensor:
        """uint8 [n, 3, height, width] -> float32."""
        return (pixels.float() * self.factor - _column(self.mean, pixels)) / _column(self.deviation, pixels)

    def undo(self, pixels: Tensor) -> Tensor:
        """The inverse, rounded and clamped to uint8."""
        plain = (pixels.float() * _column(self.deviation, pixels) + _column(self.mean, pixels)) / self.factor
        return plain.round_().clamp_(0, 255).to(uint8)

    @property
    def background(self) -> tuple[int, ...]:
        """The colour that Janus' processor lays around a picture: the mean, cut to 8 bits."""
        return tuple(int(mean * 255) for mean in self.mean)


def canvas_of(pictures: Tensor, view: View, fit: Fit, scale: Scale) -> Tensor:
    """uint8 [n, channels, height, width] -> uint8 [n, 3, *canvas]; grey is replicated."""
    if fit.way == "pad":
        return _extended(pictures, view.canvas).expand(-1, 3, -1, -1)
    rows, columns = view.grid
    patches = patches_of(pictures, view, RESAMPLE)
    canvas = patches.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), 3, rows * view.patch, columns * view.patch)
    if fit.way == "letterbox":
        (top, left), (height, width) = view.offset, view.resized
        colour = tensor(scale.background, dtype=uint8, device=canvas.device).view(1, 3, 1, 1)
        plain = colour.expand_as(canvas).contiguous()
        plain[..., top : top + height, left : left + width] = canvas[..., top : top + height, left : left + width]
        return plain
    return canvas


def pictures_from(canvas: Tensor, view: View, size: Size, channels: int, fit: Fit) -> Tensor:
    """uint8 [n, 3, *canvas] -> uint8 [n, channels, *size]; a grey picture is the mean of the three channels."""
    if fit.way == "pad":
        pictures = canvas[..., : size[0], : size[1]]
    else:
        rows, columns = view.grid
        split = canvas.view(len(canvas), 3, rows, view.patch, columns, view.patch)
        pictures = pictures_of(split.permute(0, 2, 4, 1, 3, 5), view, size, 3, RESAMPLE)
    return pictures if channels == 3 else pictures.float().mean(1, keepdim=True).round_().to(uint8)


def _extended(pictures: Tensor, canvas: Size) -> Tensor:
    """The last rows and columns repeated."""
    for axis, side in zip((-2, -1), canvas, strict=True):
        length = pictures.shape[axis]
        if side != length:
            pictures = pictures.index_select(axis, arange(side, device=pictures.device).clamp_(max=length - 1))
    return pictures


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return tensor(values, device=like.device).view(1, -1, 1, 1)
