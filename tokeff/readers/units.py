"""Lines and paragraphs of a text file as items of their own, read as a stream.

A line ends with LF or CR LF; a paragraph with a blank line or the end of the file. Blank ones (white space alone) are
no items, but lines are counted with them, so that `file#L12` is line 12 of an editor. Leaves out decoding: a line
that is not UTF-8 is found when it is decoded, and fails alone.
"""

import io
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO, Literal

from tokeff.records.items import Failure, Item

MAX_UNIT_BYTES = 2**28
"""A longer line or paragraph is passed over and reported; it is in memory whole."""


def split(
    stream: BinaryIO,
    key: str,
    unit: Literal["line", "paragraph"],
    max_bytes: int = MAX_UNIT_BYTES,
    *,
    first: int = 1,
    stop: int | None = None,
) -> Iterator[Item | Failure]:
    """The items of a text, keyed `key#L1` or `key#P1`; `stored_bytes` are those of the payload, without line ends.

    first, stop: number of the first line and bytes to read, of a stretch of whole lines.
    """
    pieces = _lines(stream, max_bytes, first, stop) if unit == "line" else _paragraphs(stream, max_bytes)
    sign = unit[0].upper()
    for number, data in pieces:
        name = f"{key}#{sign}{number}"
        if data is None:
            message = f"the {unit} is longer than {max_bytes} bytes"
            yield Failure(key=name, modality="text", stage="find", reason="too_large", message=message)
        else:
            yield Item(modality="text", key=name, stored_bytes=len(data), open=partial(io.BytesIO, data))


def _lines(stream: BinaryIO, max_bytes: int, first: int, stop: int | None) -> Iterator[tuple[int, bytes | None]]:
    """(number, content or None if too long) of each line that is not blank."""
    for number, line in numbered_lines(stream, max_bytes, first=first, stop=stop):
        if line is None:
            yield number, None
        elif line.strip():
            yield number, _without_end(line)


def _paragraphs(stream: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """(number from 1, content or None if too long) of each paragraph."""
    number, n_bytes = 0, 0
    lines: list[bytes] = []
    for _, line in chain(numbered_lines(stream, max_bytes), [(0, b"")]):  # a blank line behind ends the last
        if line is None or line.strip():
            n_bytes += max_bytes + 3 if line is None else len(line)
            if line is not None and n_bytes <= max_bytes + 2:
                lines.append(line)
            else:
                lines.clear()
        elif n_bytes:
            number += 1
            paragraph = _without_end(b"".join(lines))
            yield number, paragraph if 0 < len(paragraph) <= max_bytes else None
            lines, n_bytes = [], 0


def numbered_lines(
    stream: BinaryIO, max_bytes: int, *, first: int = 1, stop: int | None = None
) -> Iterator[tuple[int, bytes | None]]:
    """(number, line with its end or None if too long) of every line, until so many bytes are read."""
    number, left = first, sys.maxsize if stop is None else stop
    while left > 0 and (line := stream.readline(max_bytes + 2)):
        left -= len(line)
        if len(line) <= max_bytes or len(_without_end(line)) <= max_bytes:
            yield number, line
        else:
            while line and not line.endswith(b"\n"):
                line = stream.readline(max_bytes)
                left -= len(line)
            yield number, None
        number += 1


def _without_end(text: bytes) -> bytes:
    return text.removesuffix(b"\n").removesuffix(b"\r")
