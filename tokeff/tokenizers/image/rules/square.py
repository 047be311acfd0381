"""Fixed square inputs of plain ViTs: stretched (`square`), or cut from the middle (`crop`).

No class token and no registers are counted: a count holds what comes from the picture.
"""

from tokeff.tokenizers.image.layouts import Layout, View, too_elongated, whole

MAX_ASPECT_RATIO = 200
"""Beyond it, `crop` would blow a thin picture up to gigabytes before it cuts the middle out."""


def square(height: int, width: int, *, size: int, patch: int) -> Layout:
    """The picture stretched to size x size (ViT, SigLIP); pixels beyond the last whole patch are not seen."""
    return whole((size, size), patch=patch)


def crop(height: int, width: int, *, size: int, edge: int, patch: int) -> Layout:
    """The shorter side resized to `edge`, then the middle size x size cut out (CLIP, DINOv2).

    Raises ItemError beyond an aspect ratio of 200. The resized size is that of transformers' `shortest_edge`.
    """
    short, long = min(height, width), max(height, width)
    if long > MAX_ASPECT_RATIO * short:
        raise too_elongated(height, width, "crop", f"sides within 1:{MAX_ASPECT_RATIO}")
    new_long = int(edge * long / short)
    resized = (new_long, edge) if width <= height else (edge, new_long)
    top, left = ((side - size) // 2 for side in resized)
    rows = size // patch
    view = View(resized=resized, canvas=(rows * patch, rows * patch), offset=(-top, -left), patch=patch)
    return Layout(n_tokens=rows * rows, views=(view,), grid=(rows, rows))
