"""The items of a piece, whatever its format.

What stops a file altogether is one Failure here. Leaves out the formats themselves.
"""

from collections.abc import Callable, Iterator

from tokeff.errors import ItemError
from tokeff.readers.archives import archive_items
from tokeff.readers.arrow import arrow_items
from tokeff.readers.fields import failure
from tokeff.readers.files import file_items
from tokeff.readers.hub import dataset_items
from tokeff.readers.jsonl import record_items
from tokeff.readers.options import Format, ReadOptions
from tokeff.readers.parquet import damage, parquet_items
from tokeff.readers.pieces import Piece
from tokeff.readers.streams import open_inflated
from tokeff.readers.tracks import with_sound
from tokeff.readers.walk import refusal
from tokeff.records.items import Failure, Item

Found = Iterator[Item | Failure]


def piece_items(piece: Piece, options: ReadOptions) -> Found:
    """Items and failures, in a fixed order."""
    is_file = piece.reason is not None or piece.format == "file"
    found = file_items(piece, options) if is_file else _guarded(piece, options)
    return with_sound(found) if options.audio_track else found


def _guarded(piece: Piece, options: ReadOptions) -> Found:
    found = READERS[piece.format](piece, options)
    damaged: tuple[type[Exception], ...] = (*damage(), RuntimeError)
    n_items = 0
    while True:
        try:
            one = next(found)
        except StopIteration:
            return
        except ItemError as error:
            reason, message = error.reason, str(error)
        except OSError as error:
            reason, message = refusal(error)
        except damaged as error:
            reason, message = "corrupt", f"{type(error).__name__}: {error}"
        else:
            n_items += 1
            yield one
            continue
        yield failure(piece.key, reason, f"{message} (behind {n_items} items)", None, piece.n_bytes)
        return


def _json_lines(piece: Piece, options: ReadOptions) -> Found:
    with open_inflated(piece.path, options.storage) as stream:
        if piece.start:
            stream.seek(piece.start)
        stop = None if piece.stop is None else piece.stop - piece.start
        yield from record_items(stream, piece.key, piece.columns, options, first=piece.first, stop=stop)


READERS: dict[Format, Callable[[Piece, ReadOptions], Found]] = {
    "jsonl": _json_lines,
    "parquet": parquet_items,
    "arrow": arrow_items,
    "tar": archive_items,
    "dataset": dataset_items,
}
