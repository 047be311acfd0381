"""Text: bytes that are valid UTF-8, as they lie (a byte order mark and line ends are kept).

Leaves out every other encoding: they are refused, with the way to convert them.
"""

import os
from typing import BinaryIO

from tokeff.errors import ItemError
from tokeff.records.headers import TextHeader
from tokeff.records.signals import TextSignal

MAX_TEXT_BYTES = 2**30
"""One text is in memory whole, several times over in the engines."""
BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def read_header(stream: BinaryIO) -> TextHeader:
    """The size. Says nothing of validity, which only `decode` sees. Raises ItemError `empty_file`."""
    n_bytes = stream.seek(0, os.SEEK_END)
    if n_bytes == 0:
        raise ItemError("empty_file", "the text has no bytes")
    return TextHeader(n_bytes=n_bytes)


def decode(stream: BinaryIO) -> TextSignal:
    """The bytes, checked. Raises ItemError: `empty_file`, `too_large`, `not_utf8`."""
    header = read_header(stream)
    if header.n_bytes > MAX_TEXT_BYTES:
        raise ItemError(
            "too_large",
            "the text is too large for one item",
            got=f"{header.n_bytes} bytes",
            expected=f"at most {MAX_TEXT_BYTES}",
            fix="Give --unit line (or paragraph): then every line is an item.",
        )
    stream.seek(0)
    data = stream.read()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error) from error
    return TextSignal(data=data)


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> ItemError:
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    seems = f" (its byte order mark says {encoding})" if encoding else ""
    return ItemError(
        "not_utf8",
        f"the text is not UTF-8{seems}: byte {error.start} cannot be there",
        got="0x" + data[error.start : error.start + 4].hex(),
        expected="UTF-8",
        fix=f"Convert it: iconv -f {encoding or 'ITS-ENCODING'} -t UTF-8.",
    )
