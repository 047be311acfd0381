"""The rule that Anthropic publishes for Claude: 28-pixel patches under an edge limit and a token budget.

Source: "How Claude resizes and pads images" of the vision guide, and its reference implementation (the cards carry
the day). Only declared: nobody outside can check it. An older guide gave width x height / 750.
"""

from tokeff.tokenizers.image.layouts import Layout, Size, View, ceil_div


def budgeted_patches(height: int, width: int, *, patch: int, max_side: int, max_patches: int) -> Layout:
    """The largest size of the same shape that fits both limits, padded at the bottom and right to whole patches.

    >>> budgeted_patches(1080, 1920, patch=28, max_side=1568, max_patches=1568).views[0].resized
    (819, 1456)
    """
    long, short = max(height, width), min(height, width)
    long, short = _largest(long, short, patch, max_side, max_patches)
    size = (long, short) if height > width else (short, long)
    rows, columns = ceil_div(size[0], patch), ceil_div(size[1], patch)
    view = View(resized=size, canvas=(rows * patch, columns * patch), patch=patch)
    return Layout(n_tokens=rows * columns, views=(view,), grid=(rows, columns))


def _largest(long: int, short: int, patch: int, max_side: int, max_patches: int) -> Size:
    """Bisection over the longer side; the shorter is rounded half to even."""

    def fits(size: Size) -> bool:
        rows, columns = ceil_div(size[0], patch), ceil_div(size[1], patch)
        return max(rows, columns) * patch <= max_side and rows * columns <= max_patches

    def shrunk(side: int) -> Size:
        return side, max(round(side / (long / short)), 1)

    if fits((long, short)):
        return long, short
    low, high = 1, long
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(shrunk(middle)) else (low, middle)
    return shrunk(low)
