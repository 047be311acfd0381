"""Files as they lie: each is one item of the modality that its content says, or one item per line or paragraph.

A file that is compressed (.gz, .zst) is read inflated: a text as a stream, anything else whole and bounded. Leaves out
files that hold records of their own (JSON lines, tables, archives).
"""

from collections.abc import Iterator
from functools import partial

from tokeff.errors import ItemError
from tokeff.media.containers import HEAD_BYTES
from tokeff.media.sniff import named_modality, sniff, sniff_stream
from tokeff.readers.fields import UNKNOWN, failure
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Piece
from tokeff.readers.streams import compression_of, inner_name, open_inflated, open_stored, whole
from tokeff.readers.units import split
from tokeff.readers.walk import refusal
from tokeff.records.items import Failure, Item, Modality


def file_items(piece: Piece, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of one file, or its failure."""
    name = inner_name(piece.path)
    named, modality = named_modality(name), options.modality
    if piece.reason is not None:
        if modality in (None, named) or (named is None and piece.reason != "empty_file"):
            yield failure(piece.key, piece.reason, piece.message, named, piece.n_bytes)
        return
    try:
        kind = _modality(piece, name, options)
        if kind is None and modality is None:
            yield failure(piece.key, *UNKNOWN, None, piece.n_bytes)
        if kind is None or modality not in (None, kind):
            return
        if kind != "text" or options.unit == "file":
            is_compressed = compression_of(piece.path) is not None
            opened = partial(whole if is_compressed else open_stored, piece.path, options.storage)
            yield Item(modality=kind, key=piece.key, stored_bytes=piece.n_bytes, open=opened)
            return
        with open_inflated(piece.path, options.storage) as stream:
            if piece.start:
                stream.seek(piece.start)
            stop = None if piece.stop is None else piece.stop - piece.start
            yield from split(stream, piece.key, options.unit, first=piece.first or 1, stop=stop)
    except ItemError as error:
        yield failure(piece.key, error.reason, str(error), named, piece.n_bytes)
    except OSError as error:
        yield failure(piece.key, *refusal(error), named, piece.n_bytes)


def _modality(piece: Piece, name: str, options: ReadOptions) -> Modality | None:
    if compression_of(piece.path) is None:
        return sniff_stream(partial(open_stored, piece.path, options.storage), piece.path)
    with open_inflated(piece.path, options.storage) as stream:
        head = stream.read(HEAD_BYTES)
    if sniff(head, name) in ("text", None):
        return sniff(head, name)
    return sniff_stream(partial(whole, piece.path, options.storage), name)
