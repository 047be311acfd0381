"""Files as they lie: each is one item of the modality that its content says, or one item per line or paragraph.

Leaves out files that hold records of their own (tables, archives).
"""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from tokeff.media.sniff import named_modality, sniff_stream
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Piece
from tokeff.readers.units import split
from tokeff.readers.walk import refusal
from tokeff.records.items import Failure, Item


def file_items(piece: Piece, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of one file, or its failure."""
    modality, unit = options.modality, options.unit
    named = named_modality(piece.path)

    def failure(reason: str, message: str) -> Failure:
        n_bytes = piece.n_bytes or None
        return Failure(
            key=piece.key, modality=named, stage="find", reason=reason, message=message, stored_bytes=n_bytes
        )

    if piece.reason is not None:
        if modality in (None, named) or (named is None and piece.reason != "empty_file"):
            yield failure(piece.reason, piece.message)
        return
    open_file = partial(open_path, piece.path)
    try:
        kind = sniff_stream(open_file, piece.path)
        if kind is None and modality is None:
            yield failure(
                "unknown_type",
                "neither its content nor its name is that of a text, image, audio or video that can be read",
            )
        if kind is None or modality not in (None, kind):
            return
        if kind != "text" or unit == "file":
            yield Item(modality=kind, key=piece.key, stored_bytes=piece.n_bytes, open=open_file)
            return
        with open_file() as stream:
            yield from split(stream, piece.key, unit)
    except OSError as error:
        yield failure(*refusal(error))


def open_path(path: str) -> BinaryIO:
    """The bytes of a file. Named, so that an item can be pickled."""
    return open(path, "rb")  # noqa: PTH123 - no Path for every file of a corpus
