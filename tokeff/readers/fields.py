"""From a field of a record, or a member of an archive, to items: one, or one per line or paragraph of a text.

A text is what the column's type says; bytes are what they look like. Leaves out finding the fields.
"""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from tokeff.media.sniff import sniff_stream
from tokeff.readers.options import ReadOptions
from tokeff.readers.units import split
from tokeff.records.items import Failure, Item, Modality


def failure(key: str, reason: str, message: str, modality: Modality | None = None, n_bytes: int = 0) -> Failure:
    """What could not be found out; before any reading or decoding."""
    return Failure(
        key=key, modality=modality, stage="find", reason=reason, message=message, stored_bytes=n_bytes or None
    )


def text_items(key: str, data: bytes, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of a text. Nothing where another modality is wanted."""
    if options.modality not in (None, "text"):
        return
    if not data:
        yield failure(key, "empty_field", "the text has no bytes", "text")
    elif options.unit == "file":
        yield Item(modality="text", key=key, stored_bytes=len(data), open=partial(io.BytesIO, data))
    else:
        yield from split(io.BytesIO(data), key, options.unit)


def payload_items(key: str, data: bytes, name: str, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of bytes that may be of any modality; `name` helps where the content leaves it open."""
    if not data:
        yield failure(key, "empty_field", "it has no bytes")
        return
    open_data = partial(io.BytesIO, data)
    kind = sniff_stream(open_data, name)
    if kind == "text":
        yield from text_items(key, data, options)
    elif kind is not None and options.modality in (None, kind):
        yield Item(modality=kind, key=key, stored_bytes=len(data), open=open_data)
    elif kind is None and options.modality is None:
        yield failure(key, *UNKNOWN, None, len(data))


UNKNOWN = ("unknown_type", "neither its content nor its name is that of a text, image, audio or video that can be read")


def value_items(key: str, value: Any, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of a Python value: str, bytes, {bytes, path}, or a list of them."""
    match value:
        case str():
            yield from _encoded(key, value, options)
        case bytes():
            yield from payload_items(key, value, "", options)
        case {"bytes": bytes(data)}:
            yield from payload_items(key, data, str(value.get("path") or ""), options)
        case {"bytes": None, "path": str(path)}:
            message = f"the row names a file ({path}) and does not hold it"
            yield failure(key, "no_bytes", message)
        case list() | tuple():
            for place, one in enumerate(value):
                yield from value_items(f"{key}.{place}", one, options)
        case None:
            yield failure(key, "no_value", "the field is null")
        case _:
            message = f"the field is of the type {type(value).__name__}; expected a text, bytes, or a list of them"
            yield failure(key, "wrong_type", message)


def _encoded(key: str, text: str, options: ReadOptions) -> Iterator[Item | Failure]:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        message = f"the text is not Unicode: half of a surrogate pair stands alone at character {error.start}"
        yield failure(key, "not_unicode", message, "text")
        return
    yield from text_items(key, data, options)


def walk_to(record: Any, path: str) -> Any:
    """The value at a name, or at a path of names with dots between them, through lists too. Raises KeyError."""
    if isinstance(record, dict):
        if path in record:
            return record[path]
        first, dot, rest = path.partition(".")
        if not dot:
            raise KeyError(path)
        return walk_to(record[first], rest)
    if isinstance(record, list):
        return [walk_to(one, path) for one in record]
    raise KeyError(path)
