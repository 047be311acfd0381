"""NaFlex: the aspect ratio is kept, and the number of patches stays at or below a budget (SigLIP 2, arXiv 2502.14786).

Equals transformers' `get_image_size_for_max_num_patches`, whose binary search over floats decides the last patch;
so it is repeated here step by step. Padding up to the budget is not counted.
"""

import math

from tokeff.tokenizers.image.layouts import Layout, whole

TOLERANCE = 1e-5
LARGEST_SCALE = 100.0


def naflex(height: int, width: int, *, patch: int, max_patches: int) -> Layout:
    """The largest scale whose patches fit in the budget; each side is rounded up to whole patches."""

    def patches(side: int, scale: float) -> int:
        return max(1, math.ceil(side * scale / patch))

    low, high = TOLERANCE / 10, LARGEST_SCALE
    while high - low >= TOLERANCE:
        scale = (low + high) / 2
        if patches(height, scale) * patches(width, scale) <= max_patches:
            low = scale
        else:
            high = scale
    return whole((patches(height, low) * patch, patches(width, low) * patch), patch=patch)
