"""Rows of Arrow record batches as items; common to Parquet and Arrow files. Keys: `file.parquet#R12.text`, from 0.

Text columns come as bytes, unchecked: a value that is not UTF-8 fails alone when it is decoded. Leaves out reading the
batches.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from tokeff.readers.fields import failure, payload_items, text_items, value_items, walk_to
from tokeff.readers.options import ReadOptions
from tokeff.records.items import Failure, Item


def tops(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The top-level columns that hold the given ones, each once; those that are not there are left out."""
    found = (name if name in names else name.partition(".")[0] for name in columns)
    return [name for name in dict.fromkeys(found) if name in names]


def batch_items(
    batch: Any, rows: str, first: int, columns: Sequence[str], options: ReadOptions
) -> Iterator[Item | Failure]:
    """The items of a record batch, row by row; a row's key is `rows` and its number, the first one's is `first`."""
    names = batch.schema.names
    readers = [_reader(batch, names, column, options) for column in columns]
    for row in range(batch.num_rows):
        for column, read in zip(columns, readers, strict=True):
            yield from read(row, f"{rows}{first + row}.{column}")


def _reader(batch: Any, names: Sequence[str], column: str, options: ReadOptions) -> Any:
    """A function of row and key that yields the items of one cell."""
    from pyarrow import types

    top = next(iter(tops([column], names)), None)
    if top is None:
        message = f"the table has no column {column!r}"
        return lambda row, key: [failure(key, "no_column", message)]
    array = batch.column(names.index(top))
    if top == column and is_text(array.type):
        return _text_reader(bytes_of(array), options)
    if top == column and types.is_struct(array.type) and array.type.get_field_index("bytes") >= 0:
        return _media_reader(array, options)
    if top == column and is_binary(array.type):
        return _payload_reader(bytes_of(array), options)
    return _any_reader(array, column.removeprefix(top).removeprefix("."), options)


def _text_reader(values: Sequence[bytes | None], options: ReadOptions) -> Any:
    def read(row: int, key: str) -> Iterator[Item | Failure]:
        value = values[row]
        return _null(key, options) if value is None else text_items(key, value, options)

    return read


def _null(key: str, options: ReadOptions) -> Iterator[Failure]:
    if options.modality in (None, "text"):
        yield failure(key, "no_value", "the field is null", "text")


def _payload_reader(values: Sequence[bytes | None], options: ReadOptions) -> Any:
    def read(row: int, key: str) -> Iterator[Item | Failure]:
        value = values[row]
        return value_items(key, None, options) if value is None else payload_items(key, value, "", options)

    return read


def _media_reader(array: Any, options: ReadOptions) -> Any:
    """A struct of bytes and path, as the datasets library writes pictures, recordings and clips."""
    fields = dict(zip([field.name for field in array.type], array.flatten(), strict=True))
    payloads = bytes_of(fields["bytes"])
    paths = fields["path"].to_pylist() if "path" in fields else [None] * len(payloads)

    def read(row: int, key: str) -> Iterator[Item | Failure]:
        data, path = payloads[row], paths[row]
        if data is None:
            return value_items(key, None if path is None else {"bytes": None, "path": str(path)}, options)
        return payload_items(key, data, str(path or ""), options)

    return read


def _any_reader(array: Any, path: str, options: ReadOptions) -> Any:
    def read(row: int, key: str) -> Iterator[Item | Failure]:
        try:
            value = array[row].as_py()
            value = walk_to(value, path) if path and value is not None else value
        except KeyError:
            return iter([failure(key, "no_column", f"the value has no field {path!r}")])
        except UnicodeDecodeError as error:
            return iter([failure(key, "not_utf8", f"the text is not UTF-8: byte {error.start} cannot be there")])
        return value_items(key, value, options)

    return read


def bytes_of(array: Any) -> list[bytes | None]:
    """The values of an array of strings or binaries, strings unchecked; without expanding a dictionary."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        values = bytes_of(array.dictionary)
        return [None if place is None else values[place] for place in array.indices.to_pylist()]
    if is_text(array.type):
        array = array.cast(pa.large_string() if pa.types.is_string_view(array.type) else array.type)
        array = array.view(pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary())
    array = array.cast(pa.large_binary())
    _, starts, data = array.buffers()
    if data is None:
        return [None if null else b"" for null in array.is_null().to_pylist()]
    places = np.frombuffer(starts, dtype=np.int64)[array.offset : array.offset + len(array) + 1].tolist()
    held = memoryview(data)
    found: list[bytes | None] = [held[start:stop].tobytes() for start, stop in pairwise(places)]
    if array.null_count:
        found = [None if null else value for value, null in zip(found, array.is_null().to_pylist(), strict=True)]
    return found


def is_text(kind: Any) -> bool:
    """Whether a type is that of strings, perhaps in a dictionary."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: Any) -> bool:
    """Whether a type is that of bytes, perhaps in a dictionary."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )
