"""Layouts: what a rule makes of a picture's size. Integers only: no pixels, no torch, so that headers suffice.

A size is (height, width) in pixels. Leaves out the rules themselves (`rules`) and the pixels (`pixels`).
"""

from dataclasses import dataclass

from tokeff.errors import ItemError

Size = tuple[int, int]
"""(height, width)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at the whole picture: resized, laid on a black canvas, and the canvas cut into square patches."""

    resized: Size
    canvas: Size
    """A multiple of `patch` both ways."""
    offset: Size = (0, 0)
    """Where the resized picture's top left corner lies on the canvas; negative where it is cropped there."""
    patch: int

    @property
    def grid(self) -> Size:
        """(rows, columns) of patches."""
        return self.canvas[0] // self.patch, self.canvas[1] // self.patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The views that a rule takes of a picture, and the number of tokens that a language model gets for them."""

    n_tokens: int
    views: tuple[View, ...]
    """The finest first: it is the one that reconstruction starts from. Empty where only a count is published."""
    grid: Size | None = None
    """(rows, columns) of tokens, where they lie in one grid."""


def whole(size: Size, *, patch: int, merge: int = 1) -> Layout:
    """One view that fills its canvas; `merge` x `merge` patches become one token.

    >>> whole((28, 56), patch=14, merge=2).n_tokens
    2
    """
    rows, columns = size[0] // (patch * merge), size[1] // (patch * merge)
    canvas = (rows * patch * merge, columns * patch * merge)
    view = View(resized=size, canvas=canvas, patch=patch)
    return Layout(n_tokens=rows * columns, views=(view,), grid=(rows, columns))


def ceil_div(value: int, divisor: int) -> int:
    """The smallest whole number not below value / divisor."""
    return -(-value // divisor)


def too_elongated(height: int, width: int, rule: str, limit: str) -> ItemError:
    """The refusal of a picture that is too long and thin for a rule."""
    return ItemError(
        "aspect_ratio",
        f"the picture is too elongated for the rule {rule}",
        got=f"{width}x{height}",
        expected=limit,
    )
