"""How a picture's size is fitted to a model: layouts of one view, whose patches are the model's tokens. Integers only.

    pad         as it is, the last rows and columns repeated up to a whole number of tokens; undone exactly
    crop        the shorter side resized, the middle square cut out: Chameleon's own way; the border is lost
    letterbox   the longer side resized, laid in the middle of a square of one colour: Janus' own way
    smart       sides rounded to whole tokens, area kept within bounds: Emu3's own way

Raw bytes stay those of the original, whatever is done here. Leaves out the pixels (`pixels`).
"""

from dataclasses import dataclass
from typing import Literal

from tokeff.errors import ItemError
from tokeff.tokenizers.image.layouts import Layout, Size, View, ceil_div, too_elongated
from tokeff.tokenizers.image.rules.qwen import smart_resize
from tokeff.tokenizers.image.rules.square import MAX_ASPECT_RATIO, crop

Way = Literal["pad", "crop", "letterbox", "smart"]
JANUS_LEAST_SIDE = 14
"""Janus' processor shrinks no side below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One way with its numbers."""

    way: Way
    stride: int
    """Pixels along each side of a token."""
    block: int
    """Sides must be multiples of it: the stride, or more where one position of the network makes several tokens."""
    size: int = 0
    """crop and letterbox: side of the square, in pixels."""
    edge: int = 0
    """crop: length to which the shorter side is resized, in pixels."""
    min_pixels: int = 0
    max_pixels: int = 0

    def __call__(self, height: int, width: int) -> Layout:
        """The layout of a picture. Raises ItemError(`too_small` or `aspect_ratio`) where it cannot be fitted."""
        if self.way == "pad":
            return self._pad(height, width)
        if self.way == "crop":
            return crop(height, width, size=self.size, edge=self.edge, patch=self.stride)
        if self.way == "letterbox":
            return self._letterbox(height, width)
        return smart_resize(
            height, width, patch=self.stride, merge=1, min_pixels=self.min_pixels, max_pixels=self.max_pixels
        )

    def _pad(self, height: int, width: int) -> Layout:
        if min(height, width) < self.stride:
            raise ItemError(
                "too_small",
                "the picture is smaller than one token",
                got=f"{width}x{height}",
                expected=f"sides of at least {self.stride} pixels",
                fix="Leave such pictures out, or choose a tokenizer that resizes.",
            )
        canvas = (ceil_div(height, self.block) * self.block, ceil_div(width, self.block) * self.block)
        return self._one(View(resized=(height, width), canvas=canvas, patch=self.stride))

    def _letterbox(self, height: int, width: int) -> Layout:
        if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
            raise too_elongated(height, width, "letterbox", f"sides within 1:{MAX_ASPECT_RATIO}")
        shrink = self.size / max(height, width)
        resized = (
            max(round(height * shrink), JANUS_LEAST_SIDE),
            max(round(width * shrink), JANUS_LEAST_SIDE),
        )
        offset = ((self.size - resized[0]) // 2, (self.size - resized[1]) // 2)
        return self._one(View(resized=resized, canvas=(self.size, self.size), offset=offset, patch=self.stride))

    def _one(self, view: View) -> Layout:
        rows, columns = view.grid
        return Layout(n_tokens=rows * columns, views=(view,), grid=(rows, columns))

    @property
    def sentence(self) -> str:
        """What a reader of figures must know."""
        return {
            "pad": f"unresized; last rows and columns repeated to multiples of {self.block}, cut off again",
            "crop": f"shorter side resized to {self.edge}, middle {self.size} x {self.size} kept",
            "letterbox": f"longer side resized to {self.size}, centred on a plain square",
            "smart": f"sides rounded to multiples of {self.stride}, {self.min_pixels} to {self.max_pixels} pixels",
        }[self.way]


def size_of(layout: Layout) -> Size:
    """(height, width) of what the model sees."""
    return layout.views[0].canvas
