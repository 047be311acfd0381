"""A line or a cloud of points as plain text, for terminals and logs. Leaves out colour and several series."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 64, 14
MARGIN = 10


def plot(
    x: Sequence[float],
    y: Sequence[float],
    *,
    x_name: str,
    y_name: str,
    log_x: bool = False,
    zero: bool = False,
) -> list[str]:
    """Lines of text, at most 80 columns. `zero` draws y = 0. x and y must have equal, positive lengths.

    >>> for line in plot([1, 2, 3], [1, 2, 3], x_name="x", y_name="y")[:2]: print(line)
    y
             3 |                                                               o
    """
    across = [math.log(value) for value in x] if log_x else [float(value) for value in x]
    heights = [*y, 0.0] if zero else list(y)
    low, high = _widened(min(heights), max(heights))
    left, right = _widened(min(across), max(across))
    rows = [[" "] * WIDTH for _ in range(HEIGHT)]
    if zero:
        rows[_place(0.0, high, low, HEIGHT)] = list("-" * WIDTH)
    for here, value in zip(across, y, strict=True):
        row, column = _place(value, high, low, HEIGHT), _place(here, left, right, WIDTH)
        rows[row][column] = "O" if rows[row][column] in {"o", "O"} else "o"
    labels = {0: high, HEIGHT - 1: low}
    lines = [y_name]
    for k, cells in enumerate(rows):
        label = f"{labels[k]:.4g}" if k in labels else ""
        lines.append(f"{label:>{MARGIN}} |{''.join(cells)}".rstrip())
    lines.append(" " * MARGIN + " +" + "-" * WIDTH)
    ends = (f"{min(x):.3g}", f"{max(x):.3g}")
    middle = x_name + (" (logarithmic)" if log_x else "")
    lines.append(" " * (MARGIN + 2) + ends[0] + middle.center(WIDTH - len(ends[0]) - len(ends[1])) + ends[1])
    return lines


def _widened(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _place(value: float, first: float, last: float, n: int) -> int:
    return min(n - 1, max(0, round((value - first) / (last - first) * (n - 1))))
