"""Dynamic tiling of InternVL (arXiv 2404.16821): the grid of tiles nearest to the picture's shape, and a thumbnail.

Equals transformers' `get_optimal_tiled_canvas`. The two tokens around a picture are not counted.
"""

from functools import lru_cache

from tokeff.tokenizers.image.layouts import Layout, Size, View


def dynamic_tiles(
    height: int, width: int, *, size: int, patch: int, merge: int, min_tiles: int, max_tiles: int
) -> Layout:
    """The picture stretched over tiles of size x size; more than one tile gets a thumbnail of the same size beside."""
    rows, columns = _best_grid(height, width, size, _grids(min_tiles, max_tiles))
    canvas = (rows * size, columns * size)
    views = [View(resized=canvas, canvas=canvas, patch=patch)]
    if rows * columns > 1:
        views.append(View(resized=(size, size), canvas=(size, size), patch=patch))
    side = size // (patch * merge)
    n_tiles = rows * columns + len(views) - 1
    return Layout(n_tokens=n_tiles * side * side, views=tuple(views), grid=(side, side) if n_tiles == 1 else None)


@lru_cache(maxsize=16)
def _grids(min_tiles: int, max_tiles: int) -> tuple[Size, ...]:
    """(rows, columns) by area, and narrow before wide where areas are equal."""
    sides = range(1, max_tiles + 1)
    grids = [(rows, columns) for columns in sides for rows in sides if min_tiles <= rows * columns <= max_tiles]
    return tuple(sorted(grids, key=lambda grid: grid[0] * grid[1]))


def _best_grid(height: int, width: int, size: int, grids: tuple[Size, ...]) -> Size:
    """The nearest aspect ratio; of equals the larger, as long as the tiles are less than twice the picture's area."""
    best, least = (1, 1), float("inf")
    for rows, columns in grids:
        difference = abs(width / height - columns / rows)
        if difference < least or (difference == least and height * width > 0.5 * size * size * rows * columns):
            best, least = (rows, columns), difference
    return best
