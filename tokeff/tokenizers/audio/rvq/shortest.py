"""The shortest sound that a network can encode, found by trying: each class has its own arithmetic of paddings."""

from collections.abc import Callable

MOST_SAMPLES = 2**16


def shortest(encodes: Callable[[int], bool]) -> int | None:
    """The least length that `encodes`, by halving; None where even MOST_SAMPLES are too few.

    >>> shortest(lambda n_samples: n_samples >= 700)
    700
    """
    if not encodes(MOST_SAMPLES):
        return None
    low, high = 0, MOST_SAMPLES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if encodes(middle) else (middle, high)
    return high
