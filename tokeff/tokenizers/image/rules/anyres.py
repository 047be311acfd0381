"""AnyRes tiling of LLaVA-NeXT: the best of a few canvases of tiles, beside an overview.

Counts are those of transformers' `LlavaNextProcessor`: the overview's patches, the canvas' patches without the rows
or columns that are only padding, and one learned newline token for each remaining row. No class token.
"""

import math
from collections.abc import Sequence

from tokeff.tokenizers.image.layouts import Layout, Size, View


def anyres(height: int, width: int, *, size: int, patch: int, canvases: Sequence[str]) -> Layout:
    """`canvases` are "rows x columns" of tiles, e.g. "1x2"; each tile has size x size pixels."""
    targets = [(int(rows) * size, int(columns) * size) for rows, columns in (name.split("x") for name in canvases)]
    canvas = _best_canvas(height, width, targets)
    resized = _fit(height, width, canvas)
    offset = ((canvas[0] - resized[0]) // 2, (canvas[1] - resized[1]) // 2)
    rows, columns = _unpadded(height, width, (canvas[0] // patch, canvas[1] // patch))
    return Layout(
        n_tokens=(size // patch) ** 2 + rows * columns + rows,
        views=(
            View(resized=resized, canvas=canvas, offset=offset, patch=patch),
            View(resized=(size, size), canvas=(size, size), patch=patch),
        ),
    )


def _best_canvas(height: int, width: int, targets: Sequence[Size]) -> Size:
    """Most of the picture's own pixels kept, then least canvas wasted: `select_best_resolution` of transformers."""

    def merit(canvas: Size) -> tuple[int, int]:
        scale = min(canvas[1] / width, canvas[0] / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        return kept, kept - canvas[0] * canvas[1]

    return max(targets, key=merit)


def _fit(height: int, width: int, canvas: Size) -> Size:
    """The picture's size on the canvas, aspect ratio kept: `get_patch_output_size` of transformers."""
    scale_width, scale_height = canvas[1] / width, canvas[0] / height
    if scale_width < scale_height:
        return min(math.ceil(height * scale_width), canvas[0]), canvas[1]
    return canvas[0], min(math.ceil(width * scale_height), canvas[1])


def _unpadded(height: int, width: int, grid: Size) -> Size:
    """Rows and columns of the canvas' patches that hold picture: `_get_unpadded_features` of transformers."""
    rows, columns = grid
    if width / height > columns / rows:
        kept = int(round(height * (columns / width), 7))
        return rows - (rows - kept) // 2 * 2, columns
    kept = int(round(width * (rows / height), 7))
    return rows, columns - (columns - kept) // 2 * 2
