"""Which fields of records are read where nobody said: guessed from names, types and sizes, and told in a sentence.

One text: the first of the usual names, else the largest field of text. Beside pictures, recordings and clips, which are
all taken, a text is taken by its name alone (a caption or transcript; not a label or a file name).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TEXT_NAMES = (
    *("text", "raw_content", "content", "document", "body", "article", "markdown", "code", "completion"),
    *("caption", "captions", "transcription", "transcript", "sentence", "txt", "normalized_text"),
    *("question", "prompt", "messages.content", "conversations.value"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """Fields to read, and the sentence that says so; none where nothing looks like an item."""

    columns: tuple[str, ...]
    note: str
    by_size: bool = False
    """Whether one of several texts was taken because it is the largest."""


def guess(kind: str, text_bytes: Mapping[str, int], media: Sequence[str], others: Sequence[str]) -> Guess:
    """From the sizes of text columns, the names of media columns, and the names of the rest."""
    named = next((name for name in TEXT_NAMES if name in text_bytes), None)
    by_size = named is None and len(text_bytes) > 1 and not media
    if named is None and text_bytes and not media:
        named = max(sorted(text_bytes), key=lambda name: text_bytes[name])
    columns = (*media, *([named] if named is not None else []))
    left_out = [name for name in [*text_bytes, *others] if name not in columns]
    taken = " and ".join(map(repr, columns))
    beside = f", not {listed(left_out)}" if left_out else ""
    note = f"{kind}: items are read from {taken}{beside}; --column chooses others"
    return Guess(columns=columns, note=note, by_size=by_size)


def guess_of_records(records: Sequence[Mapping[str, Any]]) -> Guess:
    """From the first records of JSON lines."""
    text_bytes: dict[str, int] = {}
    others: dict[str, None] = {}
    for record in records:
        for name, value in record.items():
            path, size = _text_in(name, value)
            if size:
                text_bytes[path] = text_bytes.get(path, 0) + size
            else:
                others[path] = None
    if not records:
        return Guess(columns=("text",), note="")
    return guess("JSON lines", text_bytes, (), [name for name in others if name not in text_bytes])


def _text_in(name: str, value: Any) -> tuple[str, int]:
    """A path to text within a field, and how long it is; of a conversation, the turns."""
    match value:
        case str():
            return name, len(value)
        case [{"content": str()}, *_]:
            return f"{name}.content", sum(len(str(turn.get("content"))) for turn in value if isinstance(turn, dict))
        case [{"value": str()}, *_]:
            return f"{name}.value", sum(len(str(turn.get("value"))) for turn in value if isinstance(turn, dict))
        case [str(), *_]:
            return name, sum(len(one) for one in value if isinstance(one, str))
        case _:
            return name, 0


def guess_of_schema(kind: str, schema: Any, sizes: Mapping[str, int]) -> Guess:
    """From an Arrow schema and the bytes of its top-level columns."""
    text_bytes: dict[str, int] = {}
    media: list[str] = []
    others: list[str] = []
    for field in schema:
        path = _path_to_text(field.name, field.type)
        if path is not None:
            text_bytes[path] = sizes.get(field.name, 0)
        elif _holds_media(field.type):
            media.append(field.name)
        else:
            others.append(field.name)
    return guess(kind, text_bytes, media, others)


def _path_to_text(name: str, kind: Any) -> str | None:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if _is_string(kind):
        return name
    if not _is_list(kind):
        return None
    if _is_string(kind.value_type):
        return name
    if types.is_struct(kind.value_type):
        for inner in ("content", "value"):
            if (place := kind.value_type.get_field_index(inner)) >= 0 and _is_string(kind.value_type.field(place).type):
                return f"{name}.{inner}"
    return None


def _holds_media(kind: Any) -> bool:
    """Bytes, or a struct that holds them beside a path, or a list of these."""
    from pyarrow import types

    if _is_list(kind):
        kind = kind.value_type
    if types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _is_binary(kind.field(place).type)
    return _is_binary(kind)


def _is_string(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind))


def listed(names: Sequence[str]) -> str:
    """A few names, in quotes."""
    return ", ".join(map(repr, names[:6])) + (" and others" if len(names) > 6 else "") if names else "none"
