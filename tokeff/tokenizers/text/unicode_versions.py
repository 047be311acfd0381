"""Code points on which libraries disagree because each knows another version of Unicode.

Split patterns ask whether a character is a letter, a digit, a mark. gigatoken answers by Unicode 17, tiktoken by 16,
and older releases by 14 or 15; a character that came in between is a letter for one and nothing for the other. Texts
that hold one are left to the reference library. Code points that no version assigns are nothing to all of them.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Assigned in Unicode 15.0 to 18.0 (unassigned ones between two such ranges are included), or of another class since
# then (0295, 1171e). Made from the general categories of Unicode 14.0 and 18.0.
RANGES = """
295 558 58b-58c 5c8-5c9 88f 897 b53-b54 c5c cdc cf3 ece 1acf-1af0 1b4e-1b4f 1b7f 1c89-1c8a 208f 209d-209f 20c1-20c4
2427-2429 2b96 2e60-2e63 2ffc-2fff 31e4-31ef a7cb-a7cf a7d2 a7d4 a7da-a7f1 ab6c-ab6d fbc3-fbd2 fd90-fd91 fdc8-fdce
105c0-105f3 107bb-107bf 10940-10959 10d40-10d8f 10ec2-10eff 1123f-11241 11380-113e2 116d0-116e3 1171e 11b00-11bf9
11db0-11df1 11f00-11f5a 1246f 12475-1247f 12550-12686 1342f 13439-143fa 16100-16139 16d40-16d79 16ea0-16ed3
16ff2-16ff6 187f8-187ff 18cd6-18cff 18d09-191d2 1b123-1b132 1b155 1b168 1cc00-1cefd 1d127-1d128 1d1eb-1d1ff
1d250-1d2d3 1d6a6 1db00-1db1c 1df1f-1dfff 1e030-1e08f 1e4d0-1e6ff 1f1ae 1f6d8-1f6dc 1f774-1f77f 1f7d9-1f7db
1f7f1-1f7ff 1f8b2-1f8d8 1fa54-1fa57 1fa75-1fa77 1fa87-1fa8f 1faad-1faaf 1fabb-1fabf 1fac6-1facf 1fada-1fadf
1fae8-1faef 1faf7-1fafa 1fbcb-1fbef 1fbfa 2b739-2b73f 2b81e 2cea2-2cead 2ebf0-2ee5d 31350-3fc3f
"""
CHUNK_BYTES = 1 << 22


@cache
def contested_table() -> "NDArray[np.bool_]":
    """[0x110000] whether libraries may disagree about a code point."""
    table = np.zeros(0x110000, dtype=np.bool_)
    for text in RANGES.split():
        first, _, last = text.partition("-")
        table[int(first, 16) : int(last or first, 16) + 1] = True
    return table


def contested_rows(texts: Sequence[bytes]) -> list[int]:
    """Places of the UTF-8 `texts` that hold a contested code point.

    >>> contested_rows([b"plain", "é".encode(), chr(0x88F).encode()])
    [2]
    """
    places = [place for place, text in enumerate(texts) if not text.isascii()]
    if not _is_contested(b"".join(texts[place] for place in places)):  # nearly always, and one look serves all
        return []
    return [place for place in places if _is_contested(texts[place])]


def _is_contested(text: bytes) -> bool:
    return any(contested_table()[codes].any() for codes in _codes(text))


def _codes(text: bytes) -> "Iterator[NDArray[np.uint32]]":
    """Code points, a chunk at a time. Chunks overlap by three bytes, so that one cut in two is whole in the next."""
    for start in range(0, len(text), CHUNK_BYTES):
        # The cut ends of a chunk are not UTF-8: ignored here, read with the neighbour.
        characters = text[start : start + CHUNK_BYTES + 3].decode("utf-8", "ignore")
        yield np.frombuffer(characters.encode("utf-32-le"), dtype=np.uint32)
