"""Rules that OpenAI publishes for its hosted models: 512-pixel tiles, and 32-pixel patches under a cap.

Source: the guide "Images and vision", section "Calculating costs" (the cards carry the day). Only declared: nobody
outside can check them. What the guide leaves open is decided as follows: sizes before tiling are whole pixels, rounded
down; a picture is never enlarged; a product with a multiplier is rounded up.
"""

import math
from fractions import Fraction

from tokeff.tokenizers.image.layouts import Layout, View, ceil_div, too_elongated


def tiles(
    height: int, width: int, *, tile: int, max_side: int, short_side: int, base_tokens: int, tile_tokens: int
) -> Layout:
    """High detail: fit in max_side squared, shrink the shorter side to `short_side`, count tiles.

    >>> tiles(4096, 2048, tile=512, max_side=2048, short_side=768, base_tokens=85, tile_tokens=170).n_tokens
    1105
    """
    size = _shrink(height, width, max(height, width), max_side)
    size = _shrink(*size, min(size), short_side)
    rows, columns = ceil_div(size[0], tile), ceil_div(size[1], tile)
    view = View(resized=size, canvas=(rows * tile, columns * tile), patch=tile)
    return Layout(n_tokens=base_tokens + tile_tokens * rows * columns, views=(view,))


def _shrink(height: int, width: int, side: int, limit: int) -> tuple[int, int]:
    """Both sides in proportion, so that `side`, one of them, is at most `limit`."""
    if side <= limit:
        return height, width
    return max(1, height * limit // side), max(1, width * limit // side)


def patches(height: int, width: int, *, patch: int, max_patches: int, multiplier: float) -> Layout:
    """Patches that cover the picture, shrunk to a whole number of patches along one side where they are too many.

    With r = sqrt(patch^2 cap / (width height)) the guide scales by r min(floor(a)/a, floor(b)/b), where a and b are
    the shrunk sides in patches. Then floor(a) = isqrt(cap width / height), and the other side follows in integers.

    >>> patches(2400, 1800, patch=32, max_patches=1536, multiplier=1.0).n_tokens
    1452
    """
    size = (height, width)
    if ceil_div(height, patch) * ceil_div(width, patch) > max_patches:
        rows, columns = math.isqrt(max_patches * height // width), math.isqrt(max_patches * width // height)
        if rows == 0 or columns == 0:
            raise too_elongated(height, width, "gpt-patches", f"sides within 1:{max_patches}")
        if columns * height <= rows * width:
            size = (ceil_div(columns * patch * height, width), columns * patch)
        else:
            size = (rows * patch, ceil_div(rows * patch * width, height))
    rows, columns = ceil_div(size[0], patch), ceil_div(size[1], patch)
    view = View(resized=size, canvas=(rows * patch, columns * patch), patch=patch)
    factor = Fraction(str(multiplier))
    grid = (rows, columns) if factor == 1 else None
    return Layout(n_tokens=math.ceil(rows * columns * factor), views=(view,), grid=grid)
