"""JSON lines: every line an object, some of whose fields are items. Keys: `file.jsonl#L12.text`, counted from 1.

A line that is not JSON, not an object, or lacks the field is one Failure (`not_json`, `not_an_object`, `no_column`),
and the next line is read. NaN and Infinity, which Python writes, are let pass. Leaves out JSON files of one value.
"""

import io
import json
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import orjson

from tokeff.errors import ItemError
from tokeff.readers.columns import listed
from tokeff.readers.fields import failure, value_items, walk_to
from tokeff.readers.options import ReadOptions
from tokeff.readers.units import MAX_UNIT_BYTES, numbered_lines
from tokeff.records.items import Failure, Item

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LOOKED_AT_LINES = 64
LOOKED_AT_BYTES = 2**20


def record_items(
    stream: BinaryIO,
    key: str,
    columns: tuple[str, ...],
    options: ReadOptions,
    *,
    first: int = 1,
    stop: int | None = None,
) -> Iterator[Item | Failure]:
    """The items of a stream of lines; `first` is the number of its first line, `stop` the bytes to read of it."""
    if options.modality not in (None, "text"):
        return  # JSON holds no bytes
    # The body of one text field, whose column is at the top, stands here unrolled: it is the path of nearly all lines.
    plain = columns[0] if len(columns) == 1 and options.unit == "file" and options.modality in (None, "text") else None
    open_bytes = io.BytesIO
    for number, line in numbered_lines(stream, MAX_UNIT_BYTES, first=first, stop=stop):
        if line is None:
            yield failure(f"{key}#L{number}", "too_large", f"the line is longer than {MAX_UNIT_BYTES} bytes")
            continue
        try:
            record = orjson.loads(line)
            if plain is not None and (data := record[plain].encode()):
                yield Item(
                    modality="text",
                    key=f"{key}#L{number}.{plain}",
                    stored_bytes=len(data),
                    open=partial(open_bytes, data),
                )
                continue
        except (ValueError, LookupError, AttributeError, TypeError):
            pass  # whatever it is, it is told below
        if line.strip(b" \t\r\n" + BYTE_ORDER_MARK):
            yield from _carefully(line, f"{key}#L{number}", columns, options)


def _carefully(line: bytes, key: str, columns: tuple[str, ...], options: ReadOptions) -> Iterator[Item | Failure]:
    try:
        record = parsed(line)
    except ItemError as error:
        yield failure(key, error.reason, str(error), "text", len(line))
        return
    for column in columns:
        try:
            value = walk_to(record, column)
        except KeyError:
            message = f"the record has no field {column!r}, but {listed(list(record))}"
            yield failure(f"{key}.{column}", "no_column", message, "text")
            continue
        yield from value_items(f"{key}.{column}", value, options)


def parsed(line: bytes) -> dict[str, Any]:
    """The object of a line. Raises ItemError `not_utf8`, `not_json` or `not_an_object`."""
    line = line.removeprefix(BYTE_ORDER_MARK)
    try:
        record = orjson.loads(line)
    except ValueError:
        try:
            record = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise ItemError("not_utf8", f"the line is not UTF-8: byte {error.start} cannot be there") from error
        except (ValueError, RecursionError) as error:
            raise ItemError("not_json", "the line is not JSON", got=error) from error
    if not isinstance(record, dict):
        raise ItemError("not_an_object", "the line is not an object", got=type(record).__name__)
    return record


def first_records(stream: BinaryIO) -> list[dict[str, Any]]:
    """The records among the first lines, to guess from; lines that are none are passed over."""
    records = []
    for _, line in islice(numbered_lines(_head(stream), LOOKED_AT_BYTES), LOOKED_AT_LINES):
        try:
            records.append(parsed(line or b""))
        except ItemError:
            continue
    return records


def is_json_lines(stream: BinaryIO) -> bool:
    """Whether a stream begins with two lines that are an object each. A JSON file of one value does not."""
    lines = (line for _, line in numbered_lines(_head(stream), LOOKED_AT_BYTES) if line is None or line.strip())
    n_objects = 0
    for line in islice(lines, 2):
        try:
            parsed(line or b"")
        except ItemError:
            break
        n_objects += 1
    return n_objects == 2


def _head(stream: BinaryIO) -> BinaryIO:
    """The beginning of a stream, up to where it is damaged: that is told where all of it is read."""
    head = io.BytesIO()
    try:
        while head.tell() < LOOKED_AT_BYTES and (line := stream.readline(LOOKED_AT_BYTES - head.tell())):
            head.write(line)
    except ItemError:
        pass
    head.seek(0)
    return head
