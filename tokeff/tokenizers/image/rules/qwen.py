"""Smart resize of Qwen2-VL (arXiv 2409.12191), Qwen2.5-VL and Qwen3-VL: near the original size, within pixel bounds.

Equals transformers' `smart_resize`, float by float: sides are rounded half to even, as Python does.
"""

import math

from tokeff.tokenizers.image.layouts import Layout, too_elongated, whole

MAX_ASPECT_RATIO = 200


def smart_resize(height: int, width: int, *, patch: int, merge: int, min_pixels: int, max_pixels: int) -> Layout:
    """Sides rounded to multiples of patch x merge, scaled where their area is out of bounds.

    Raises ItemError beyond an aspect ratio of 200, where the published processor refuses too.

    >>> smart_resize(480, 640, patch=14, merge=2, min_pixels=3136, max_pixels=1003520).n_tokens
    391
    """
    if max(height, width) / min(height, width) > MAX_ASPECT_RATIO:
        raise too_elongated(height, width, "qwen-vl", f"sides within 1:{MAX_ASPECT_RATIO}")
    unit = patch * merge
    size = (round(height / unit) * unit, round(width / unit) * unit)
    if size[0] * size[1] > max_pixels:
        shrink = math.sqrt((height * width) / max_pixels)
        size = (_floor(height / shrink, unit), _floor(width / shrink, unit))
    elif size[0] * size[1] < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        size = (math.ceil(height * grow / unit) * unit, math.ceil(width * grow / unit) * unit)
    return whole(size, patch=patch, merge=merge)


def _floor(side: float, unit: int) -> int:
    return max(unit, math.floor(side / unit) * unit)
