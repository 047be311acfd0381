"""Parquet: row groups of a file, read in batches, each checked by its pages' checksums where it has them.

A damaged row group loses what is in it behind the damage, told as one Failure; the others count. Batches are small
where a dictionary holds large values, so that a small file cannot fill the memory. A page is read whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from tokeff.readers.fields import failure
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Piece
from tokeff.readers.streams import open_stored
from tokeff.readers.tables import batch_items, tops
from tokeff.records.items import Failure, Item

MAX_BATCH_ROWS = 1024
MAX_BATCH_BYTES = 2**26
"""Of a batch, where dictionaries could make it larger than the file."""
READ_BYTES = 2**20
PAGE_HEADER_BYTES = 64
THRIFT_NEXT_INT32 = b"\x15"
"""In the compact protocol: the next field, a 32-bit integer."""


@contextmanager
def open_parquet(path: str, options: ReadOptions) -> Iterator[tuple[Any, BinaryIO]]:
    """The file with its footer read, and the stream below. Raises what Arrow raises (`damage`)."""
    import pyarrow.parquet as pq

    # Not mapped: where a mapped file is cut while it is read, the process dies.
    with open_stored(path, options.storage) as stream:
        settings = {"page_checksum_verification": True, "pre_buffer": False, "buffer_size": READ_BYTES}
        yield pq.ParquetFile(stream, **settings), stream


def damage() -> tuple[type[Exception], ...]:
    """What Arrow raises on files that are cut or damaged."""
    import pyarrow as pa

    return (pa.ArrowException, OSError, ValueError, EOFError, MemoryError, OverflowError, IndexError)


def parquet_items(piece: Piece, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of some row groups, in the order of rows. Raises what `open_parquet` raises."""
    with open_parquet(piece.path, options) as (file, stream):
        opened = _Opened(file, stream, piece.key, options)
        row = piece.first
        stop = file.metadata.num_row_groups if piece.stop is None else piece.stop
        for group in range(piece.start, stop):
            yield from opened.items(_Rows(group, row, file.metadata.row_group(group).num_rows), piece.columns)
            row += file.metadata.row_group(group).num_rows


@dataclass(frozen=True, slots=True)
class _Rows:
    """A row group: its place in the file, the number of its first row, and how many it has."""

    group: int
    first: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file that is being read."""

    file: Any
    stream: BinaryIO
    key: str
    options: ReadOptions

    def items(self, rows: _Rows, columns: tuple[str, ...], n_skipped: int = 0) -> Iterator[Item | Failure]:
        """The items of some columns of a row group, from some row on.

        Where one of several columns is damaged, the others are read on, one behind the other.
        """
        n_read = 0
        why: object = None
        batches: Any = None
        while n_read < rows.n_rows:
            try:
                batches = self._batches(rows.group, columns) if batches is None else batches
                batch = next(batches, None)
            except damage() as error:
                why, batch = error, None
            if batch is None or batch.num_rows == 0:
                break
            skipped = min(batch.num_rows, max(0, n_skipped - n_read))
            place = rows.first + n_read + skipped
            yield from batch_items(batch.slice(skipped), f"{self.key}#R", place, columns, self.options)
            n_read += batch.num_rows
        else:
            return
        n_read = max(n_read, n_skipped)
        if len(columns) > 1:
            for column in columns:
                yield from self.items(rows, (column,), n_read)
            return
        why = why or "it ends before its last row"
        message = f"{rows.n_rows - n_read} rows of row group {rows.group} are lost: {why}"
        yield failure(f"{self.key}#R{rows.first + n_read}.{columns[0]}", "corrupt", message)

    def _batches(self, group: int, columns: tuple[str, ...]) -> Any:
        names = tops(columns, self.file.schema_arrow.names)
        size = _batch_rows(self, group, names)
        return self.file.iter_batches(size, row_groups=[group], columns=names, use_threads=False)


def _batch_rows(opened: _Opened, group: int, names: list[str]) -> int:
    """Rows so few that a batch fits in memory, even if all its rows share the largest value of a dictionary."""
    metadata = opened.file.metadata.row_group(group)
    columns = (metadata.column(place) for place in range(metadata.num_columns))
    wanted = [column for column in columns if column.path_in_schema.split(".")[0] in names]
    shared = max((_largest_shared(opened.stream, column) for column in wanted), default=1)
    average = sum(int(column.total_uncompressed_size) for column in wanted) // max(1, metadata.num_rows)
    return max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // max(1, shared, int(average))))


def _largest_shared(stream: BinaryIO, column: Any) -> int:
    """Bytes of the largest value that rows may share: at most all of the page that holds the dictionary."""
    if column.physical_type != "BYTE_ARRAY":
        return 1
    if "DELTA_BYTE_ARRAY" in column.encodings:
        return max(1, int(column.total_uncompressed_size))
    if not column.has_dictionary_page:
        return 1
    stream.seek(column.dictionary_page_offset)
    return max(1, _page_bytes(stream.read(PAGE_HEADER_BYTES)) or column.total_uncompressed_size)


def _page_bytes(header: bytes) -> int | None:
    """The inflated size that a page's header says: the second field of a Thrift struct, behind the page's type."""
    if header[:1] != THRIFT_NEXT_INT32:
        return None
    place = 1
    while header[place : place + 1] >= b"\x80":
        place += 1
    place += 1
    if header[place : place + 1] != THRIFT_NEXT_INT32:
        return None
    size = 0
    for digit, byte in enumerate(header[place + 1 : place + 6]):
        size |= (byte & 127) << 7 * digit
        if byte < 128:
            return size >> 1
    return None
