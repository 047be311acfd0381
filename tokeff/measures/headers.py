"""Counts that follow from headers: exact over a whole corpus, at the speed of reading headers.

Leaves out everything that needs ids or signals: histograms, entropies, distortion.
"""

from collections.abc import Sequence
from typing import Any

from tokeff.measures.rows import tally_of_columns
from tokeff.records.headers import Header
from tokeff.records.items import Item
from tokeff.records.tallies import Tally
from tokeff.tokenizers.protocols import CountsFromHeader


def tally_headers(tokenizer: CountsFromHeader[Any], items: Sequence[Item], headers: Sequence[Header]) -> Tally:
    """One Tally of the counts of `items`: bytes, tokens and positions, nothing else. Raises what `count` raises."""
    counts = [tokenizer.count(header) for header in headers]
    columns = {
        "stored_bytes": [item.stored_bytes for item in items],
        "raw_bytes": [header.raw_bytes for header in headers],
        "n_tokens": [count.n_tokens for count in counts],
        "n_positions": [count.n_positions for count in counts],
    }
    return tally_of_columns([item.key for item in items], columns)
