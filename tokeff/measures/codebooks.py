"""How a learned codebook is used: codes that never occur, and where ids have digits, each digit alone.

Utilisation and perplexity of whole ids stand in the entropy figures already. Leaves out residual codebooks, whose
streams are measured one by one.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import TokeffError
from tokeff.maths.entropy import order0_bits


def codebook_figures(counts: NDArray[np.integer[Any]], n_codes: int, levels: Sequence[int]) -> dict[str, Any]:
    """Figures of one stream. `counts`: by id, [at most n_codes]; `levels`: values of each digit, the first least.

    Raises TokeffError where the digits do not make up the codebook.
    """
    figures: dict[str, Any] = {"n_dead_codes": n_codes - int(np.count_nonzero(counts))}
    if not levels:
        return figures
    if math.prod(levels) != n_codes:
        raise TokeffError(
            "its levels do not make up its codebook", got=list(levels), expected=f"a product of {n_codes}"
        )
    digits = np.pad(counts, (0, n_codes - len(counts))).reshape(tuple(reversed(levels)))
    return figures | {"levels": [_digit(digits, place, len(levels)) for place in range(len(levels))]}


def _digit(digits: NDArray[np.integer[Any]], place: int, n_digits: int) -> dict[str, Any]:
    axis = n_digits - 1 - place
    counts = digits.sum(axis=tuple(other for other in range(n_digits) if other != axis))
    bits = order0_bits(counts)
    return {
        "n_values": len(counts),
        "n_dead": len(counts) - int(np.count_nonzero(counts)),
        "order0_bits": bits,
        "perplexity": 2**bits,
        "shares": [round(float(share), 6) for share in counts / counts.sum()],
    }
