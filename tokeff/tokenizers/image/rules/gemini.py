"""The rough rule that Google publishes for Gemini 2: tiles, counted by the picture's shape.

Source: "Token calculation" of the image understanding guide (the card carries the day). It gives the number of tiles
("roughly"), not how the picture is cropped and scaled into them: so there are counts and no views.
"""

from tokeff.tokenizers.image.layouts import Layout, ceil_div, too_elongated


def rough_tiles(height: int, width: int, *, small_side: int, tile_tokens: int) -> Layout:
    """One tile up to `small_side` both ways; else tiles of two thirds of the shorter side cover the picture.

    >>> rough_tiles(540, 960, small_side=384, tile_tokens=258).n_tokens // 258
    6
    """
    if max(height, width) <= small_side:
        return Layout(n_tokens=tile_tokens, views=())
    unit = min(height, width) * 2 // 3
    if unit == 0:
        raise too_elongated(height, width, "gemini", "a shorter side of at least 2 pixels")
    return Layout(n_tokens=tile_tokens * ceil_div(height, unit) * ceil_div(width, unit), views=())
