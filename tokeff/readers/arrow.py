"""Arrow files and streams, as `save_to_disk` of the datasets library writes them.

Every batch is checked before it is read: its offsets could point anywhere. Behind a damaged batch of a stream nothing
is found again; of a file, the other batches are. Leaves out Feather version 1.
"""

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
        row, lost = 0, None
        for batch in _of_file(reader) if is_file else _of_stream(reader):
            if isinstance(batch, Exception):
                lost = batch
                behind = "a batch is lost" if is_file else "this batch and all behind it are lost"
                yield failure(f"{piece.key}#R{row}", "corrupt", f"{behind}: {batch}")
            elif (wrong := _wrong(batch, names)) is not None:
                yield failure(f"{piece.key}#R{row}", "corrupt", f"{batch.num_rows} rows of a batch are lost: {wrong}")
                row += batch.num_rows
            else:
                yield from batch_items(batch, piece.key, row, piece.columns, options)
                row += batch.num_rows
        if lost is None and not is_file and _without_end(stream):
            message = "the stream has no end mark: it may be cut between two batches"
            yield failure(f"{piece.key}#R{row}", "truncated", message)


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


def _without_end(stream: BinaryIO) -> bool:
    stream.seek(-len(END_OF_STREAM), 2)
    return stream.read() != END_OF_STREAM
