"""An item's header or signal, whatever its modality. Nothing but ItemError comes out, whatever the libraries raise.

Leaves out finding items (`tokeff.readers`) and the formats themselves (`text`, `image`, `audio`, `video`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tokeff.errors import ItemError
from tokeff.records.headers import Header
from tokeff.records.items import Item
from tokeff.records.signals import Signal


def read_header(item: Item) -> Header:
    """Sizes, rates and counts, without decoding where the format allows. Raises ItemError."""
    with _translated(item), item.open() as stream:
        match item.modality:
            case "text":
                from tokeff.media import text

                return text.read_header(stream)
            case "image":
                from tokeff.media import image

                return image.read_header(stream)
            case "audio":
                from tokeff.media import audio

                return audio.read_header(stream)
            case "video":
                from tokeff.media import video

                return video.read_header(stream)


def decode(item: Item) -> Signal:
    """The decoded content; a clip's frames and a long recording's samples when they are asked for. Raises ItemError."""
    with _translated(item):
        if item.modality == "video":
            from tokeff.media import video

            return video.decode(item.open)
        if item.modality == "audio":
            from tokeff.media import audio

            return audio.decode_later(item.open)
        with item.open() as stream:
            return _decode_whole(item, stream)


def _decode_whole(item: Item, stream: BinaryIO) -> Signal:
    if item.modality == "image":
        from tokeff.media import image

        return image.decode(stream)
    from tokeff.media import text

    return text.decode(stream)


@contextmanager
def _translated(item: Item) -> Iterator[None]:
    try:
        yield
    except ItemError as error:
        if error.where is not None:
            raise
        raise ItemError(
            error.reason, error.what, where=item.key, got=error.got, expected=error.expected, fix=error.fix
        ) from error
    except MemoryError as error:
        fix = "Cut it, or give the run more memory."
        raise ItemError("too_large", "not enough memory to decode it", where=item.key, fix=fix) from error
    except OSError as error:
        raise ItemError("unreadable", "the file cannot be read", where=item.key, got=_named(error)) from error
    except Exception as error:
        raise ItemError("corrupt", "a library gave up on it", where=item.key, got=_named(error)) from error


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
