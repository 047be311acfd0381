"""From a file that was found to the pieces in which it is read: its format, what of it is read, where it is cut.

Formats are told by names; only tables, JSON lines and archives are opened here, for what their heads say. Plain JSON
lines and texts whose lines are items are cut at line ends, which takes counting the lines once; tables are cut between
row groups, very large archives between members. Compressed files are not cut. Leaves out reading.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

from tokeff.errors import ItemError
from tokeff.media.sniff import sniff_stream
from tokeff.readers.archives import guess_of_archive, member_stretches
from tokeff.readers.arrow import open_arrow
from tokeff.readers.columns import Guess, guess_of_records, guess_of_schema, listed
from tokeff.readers.jsonl import first_records, is_json_lines
from tokeff.readers.options import Format, ReadOptions
from tokeff.readers.parquet import damage, open_parquet
from tokeff.readers.pieces import Piece
from tokeff.readers.streams import compression_of, inner_name, is_url, name_of, open_inflated, open_stored
from tokeff.readers.tables import tops
from tokeff.readers.walk import refusal

PIECE_BYTES = 2**26
"""A file that can be cut is cut at about so many bytes."""
REMOTE_PIECE_BYTES = 2**30
"""Of a remote file of lines: to cut it, it is read."""
LARGE_ARCHIVE_BYTES = 2**30
"""Of a plain local archive: to cut it, the headers of all its members are read."""
CHUNK_BYTES = 2**22
FORMAT_OF_ENDING: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".tar": "tar",
    ".tgz": "tar",
}
COMPRESSIBLE = ("jsonl", "tar")


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece, and the sentence that says what was guessed for it."""

    piece: Piece
    note: str = ""


def pieces_of(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    """A whole file, cut and told what it is. What cannot be opened is one piece with the reason."""
    if piece.reason is not None:
        yield Cut(piece)
        return
    try:
        kind = _format(piece, options)
        yield from _by_format(piece if kind == piece.format else replace(piece, format=kind), options)
    except ItemError as error:
        yield Cut(replace(piece, reason=error.reason, message=str(error)))
    except OSError as error:
        reason, message = refusal(error)
        yield Cut(replace(piece, reason=reason, message=message))


def _format(piece: Piece, options: ReadOptions) -> Format:
    if options.format is not None:
        return options.format
    name = name_of(piece.path)
    inner = inner_name(name)
    known = next((kind for ending, kind in FORMAT_OF_ENDING.items() if inner.endswith(ending)), None)
    if known is not None and (inner == name or known in COMPRESSIBLE):
        return known
    if inner.endswith(".json"):
        with open_inflated(piece.path, options.storage) as stream:
            return "jsonl" if is_json_lines(stream) else "file"
    return "file"


def _by_format(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    match piece.format:
        case "jsonl":
            return _json_lines(piece, options)
        case "parquet":
            return _tables(piece, options)
        case "arrow":
            return _arrow(piece, options)
        case "tar":
            return _archive(piece, options)
        case _:
            return _file(piece, options)


def _asked(options: ReadOptions) -> tuple[str, ...]:
    """The columns that were asked for, each once."""
    return tuple(dict.fromkeys(options.columns))


def _archive(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    guess = Guess(columns=tuple(column.lower().removeprefix(".") for column in _asked(options)), note="")
    if not options.columns:
        guess = guess_of_archive(piece.path, options)
    piece = replace(piece, columns=guess.columns)
    if piece.n_bytes <= LARGE_ARCHIVE_BYTES or is_url(piece.path) or compression_of(piece.path) is not None:
        yield Cut(piece, guess.note)
        return
    for start, stop in member_stretches(piece.path, piece.columns, PIECE_BYTES):
        n_bytes = (piece.n_bytes if stop is None else stop) - start
        yield Cut(replace(piece, n_bytes=n_bytes, start=start, stop=stop), guess.note)


def _json_lines(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    guess = Guess(columns=_asked(options), note="")
    if not options.columns:
        with open_inflated(piece.path, options.storage) as stream:
            guess = guess_of_records(first_records(stream))
    piece = replace(piece, columns=guess.columns)
    if not guess.columns:
        yield Cut(_without_columns(piece, "no field of its first lines is a text"))
        return
    for each in _stretches(piece, options):
        yield Cut(each, guess.note)


def _without_columns(piece: Piece, why: str) -> Piece:
    message = f"{why}: --column names what is to be read, --format file takes the file as it lies"
    return replace(piece, reason="no_column", message=message)


def _file(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    may_be_cut = options.unit == "line" and options.modality in (None, "text") and piece.n_bytes > _limit(piece)
    if may_be_cut and compression_of(piece.path) is None:
        kind = sniff_stream(partial(open_stored, piece.path, options.storage), piece.path)
        if kind == "text":
            yield from map(Cut, _stretches(piece, options))
            return
    yield Cut(piece)


def _limit(piece: Piece) -> int:
    return REMOTE_PIECE_BYTES if is_url(piece.path) else PIECE_BYTES


def _stretches(piece: Piece, options: ReadOptions) -> Iterator[Piece]:
    """Stretches of whole lines, with the number of their first line."""
    if piece.n_bytes <= _limit(piece) or compression_of(piece.path) is not None:
        yield replace(piece, first=1)
        return
    with open_stored(piece.path, options.storage) as stream:
        for start, stop, first in line_stretches(stream, _limit(piece)):
            yield replace(piece, n_bytes=stop - start, start=start, stop=stop, first=first)


def line_stretches(stream: BinaryIO, n_bytes: int) -> Iterator[tuple[int, int, int]]:
    """(start, stop, number of the first line) of stretches of about so many bytes that end with a line."""
    start, first, place, n_lines = 0, 1, 0, 0
    while chunk := stream.read(CHUNK_BYTES):
        if place + len(chunk) - start >= n_bytes and (end := chunk.rfind(b"\n") + 1):
            n_lines += chunk.count(b"\n")
            yield start, place + end, first
            start, first = place + end, n_lines + 1
        else:
            n_lines += chunk.count(b"\n")
        place += len(chunk)
    if place > start:
        yield start, place, first


def _tables(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    try:
        with open_parquet(piece.path, options) as (file, _):
            groups = [_Group.of(file.metadata.row_group(place)) for place in range(file.metadata.num_row_groups)]
            guess = _guess_of_table("Parquet", file.schema_arrow, groups, options)
    except damage() as error:
        _raise_refusal(error)
        reason = "truncated" if "footer" in str(error) or "magic" in str(error) else "corrupt"
        message = f"the file's footer cannot be read, and without it nothing: {error}"
        yield Cut(replace(piece, reason=reason, message=message))
        return
    piece = replace(piece, columns=guess.columns)
    if not guess.columns:
        yield Cut(_without_columns(piece, _no_column(file.schema_arrow, options)))
        return
    for each in _ranges(piece, groups):
        yield Cut(each, guess.note)


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group: its bytes as they lie, by top-level column too, and its rows."""

    n_bytes: int
    n_rows: int
    columns: dict[str, int]

    @classmethod
    def of(cls, metadata: Any) -> "_Group":
        columns: dict[str, int] = {}
        n_bytes = 0
        for place in range(metadata.num_columns):
            column = metadata.column(place)
            name = column.path_in_schema.split(".")[0]
            columns[name] = columns.get(name, 0) + column.total_uncompressed_size
            n_bytes += column.total_compressed_size
        return cls(max(0, n_bytes), metadata.num_rows, columns)


def _guess_of_table(kind: str, schema: Any, groups: list[_Group], options: ReadOptions) -> Guess:
    if not options.columns:
        return guess_of_schema(kind, schema, groups[0].columns if groups else {})
    there = tuple(column for column in _asked(options) if tops([column], schema.names))
    absent = [repr(column) for column in options.columns if column not in there]
    return Guess(columns=there, note=f"{kind}: a table without the column {', '.join(absent)}" if absent else "")


def _ranges(piece: Piece, groups: list[_Group]) -> Iterator[Piece]:
    """Row groups together until they are large enough."""
    start, first, n_bytes, n_rows = 0, 0, 0, 0
    for place, group in enumerate(groups):
        if place > start and n_bytes + group.n_bytes > PIECE_BYTES:
            yield replace(piece, n_bytes=n_bytes, start=start, stop=place, first=first)
            start, first, n_bytes = place, n_rows, 0
        n_bytes += group.n_bytes
        n_rows += group.n_rows
    yield replace(piece, n_bytes=n_bytes, start=start, stop=len(groups), first=first)


def _arrow(piece: Piece, options: ReadOptions) -> Iterator[Cut]:
    try:
        with open_stored(piece.path, options.storage) as stream:
            is_file, reader = open_arrow(stream)
            guess = _guess_of_table("Arrow", reader.schema, [], options)
            if guess.by_size:
                guess = guess_of_schema("Arrow", reader.schema, _sizes(reader, is_file))
    except damage() as error:
        _raise_refusal(error)
        yield Cut(
            replace(piece, reason="corrupt", message=f"the schema cannot be read, and without it nothing: {error}")
        )
        return
    piece = replace(piece, columns=guess.columns)
    yield Cut(piece if guess.columns else _without_columns(piece, _no_column(reader.schema, options)), guess.note)


def _sizes(reader: Any, is_file: bool) -> dict[str, int]:
    """Bytes of the columns in the first batch; none where it cannot be read, which is told later."""
    try:
        batch = reader.get_batch(0) if is_file else reader.read_next_batch()
        return {name: int(column.nbytes) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    except StopIteration:
        return {}
    except damage():
        return {}


def _no_column(schema: Any, options: ReadOptions) -> str:
    asked = f"no column is named {' or '.join(map(repr, options.columns))}"
    return f"{asked if options.columns else 'no column is text or bytes'}, of {listed(schema.names)}"


def _raise_refusal(error: Exception) -> None:
    """Let pass what the system refused: Arrow's own errors have no number."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error
