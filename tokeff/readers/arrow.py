"""Arrow files and streams, as `save_to_disk` of the datasets library writes them.

Every batch is checked before it is read: its offsets could point anywhere. Behind a damaged batch of a stream nothing
is found again; of a file, the other batches are. Leaves out Feather version 1.
"""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from tokeff.readers.fields import failure
from tokeff.readers.options import ReadOptions
from tokeff.readers.parquet import damage
from tokeff.readers.pieces import Piece
from tokeff.readers.streams import open_stored
from tokeff.readers.tables import batch_items, tops
from tokeff.records.items import Failure, Item

FILE_MAGIC = b"ARROW1"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def arrow_items(piece: Piece, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of a file, in the order of rows. Raises what Arrow raises where not even the schema can be read."""
    with open_stored(piece.path, options.storage) as stream:
        is_file, reader = open_arrow(stream)
        names = tops(piece.columns, reader.schema.names)
        rows = f"{piece.key}#R"
        row, is_whole = 0, True
        for place, batch in enumerate(_of_file(reader) if is_file else _of_stream(reader)):
            if isinstance(batch, Exception):
                behind = "a batch is lost" if is_file else "this batch and all behind it are lost"
                yield failure(f"{piece.key}#B{place}", "corrupt", f"{behind}: {batch}")
                # Nobody knows how many rows it had: those behind are numbered within their batches.
                is_whole = False
                continue
            if not is_whole:
                rows, row = f"{piece.key}#B{place}R", 0
            if (wrong := _wrong(batch, names)) is not None:
                yield failure(f"{rows}{row}", "corrupt", f"{batch.num_rows} rows of a batch are lost: {wrong}")
            else:
                yield from batch_items(batch, rows, row, piece.columns, options)
            row += batch.num_rows
        if is_whole and not is_file and (problem := _bad_end(stream)) is not None:
            yield failure(f"{rows}{row}", *problem)


def open_arrow(stream: BinaryIO) -> tuple[bool, Any]:
    """Whether it is a file with a footer, and Arrow's reader. Raises what Arrow raises."""
    import pyarrow as pa

    is_file = stream.read(len(FILE_MAGIC)) == FILE_MAGIC
    stream.seek(0)
    return is_file, pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)


def _of_stream(reader: Any) -> Iterator[Any]:
    while True:
        try:
            yield reader.read_next_batch()
        except StopIteration:
            return
        except damage() as error:
            yield error
            return


def _of_file(reader: Any) -> Iterator[Any]:
    for place in range(reader.num_record_batches):
        try:
            yield reader.get_batch(place)
        except damage() as error:
            yield error


def _wrong(batch: Any, names: list[str]) -> str | None:
    """What is wrong with the layout of the columns that will be read. Text that is not UTF-8 is no matter of layout."""
    import pyarrow as pa

    for name in names:
        array = batch.column(batch.schema.names.index(name))
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                return str(error)
    return None


def _bad_end(stream: BinaryIO) -> tuple[str, str] | None:
    """Reason and message where a stream that was read does not end as it should."""
    place, n_bytes = stream.tell(), stream.seek(0, os.SEEK_END)
    if place < n_bytes:
        return "corrupt", f"an end mark stands at byte {place}: {n_bytes - place} bytes behind it are lost"
    stream.seek(max(0, n_bytes - len(END_OF_STREAM)))
    if stream.read() != END_OF_STREAM:
        return "truncated", "the stream has no end mark: it may be cut between two batches"
    return None
