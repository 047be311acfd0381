"""Bytes of files and URLs, inflated where they are compressed.

    open_stored     as they lie; seekable
    open_inflated   .gz and .zst on the fly, from the beginning to the end; also what is not compressed
    whole           the same as one seekable stream, bounded: a bomb is refused before it is in memory

What is cut or damaged raises ItemError (`truncated`, `corrupt`) where reading comes to it: all before it was given.
Leaves out other compressions and zip archives.
"""

import gzip
import io
import re
import zlib
from typing import Any, BinaryIO, Literal

from tokeff.errors import ItemError
from tokeff.readers.units import MAX_UNIT_BYTES

Compression = Literal["gz", "zst"]
COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst", ".zstd": "zst", ".tgz": "gz"}
BUFFER_BYTES = 2**18
ZST_BYTES = 2**12
"""Read at once: Arrow drops what it has of a read when it comes upon damage."""
URL = re.compile(r"[a-z][a-z0-9+.-]*(::[a-z0-9+.-]+)*://", re.IGNORECASE)
"""Also of chains of file systems, such as simplecache::s3://."""
Storage = tuple[tuple[str, str], ...]


def is_url(path: str) -> bool:
    """Whether a path is that of some other file system."""
    return URL.match(path) is not None


def name_of(path: str) -> str:
    """A path or URL in small letters, without the query of a web address: its ending says what the file is."""
    return (path.partition("?")[0] if path[:4].lower() == "http" and is_url(path) else path).lower()


def compression_of(path: str) -> Compression | None:
    """What the ending of a name says."""
    name = name_of(path)
    return next((kind for ending, kind in COMPRESSIONS.items() if name.endswith(ending)), None)


def inner_name(path: str) -> str:
    """The name without the ending of a compression; a .tgz is a name of its own."""
    name = name_of(path)
    return next((name.removesuffix(f".{kind}") for kind in ("gz", "zst", "zstd") if name.endswith(f".{kind}")), name)


def open_stored(path: str, storage: Storage = ()) -> BinaryIO:
    """The bytes as they lie, seekable. Named, so that an item can be pickled. Raises OSError."""
    if is_url(path):
        from tokeff.readers.remote import open_url

        return open_url(path, storage)
    return open(path, "rb")  # noqa: PTH123 - no Path for every file of a corpus


def open_inflated(path: str, storage: Storage = ()) -> BinaryIO:
    """The content, buffered, to be read once from front to back. Raises OSError; ItemError where it is damaged."""
    stream = open_stored(path, storage)
    kind = compression_of(path)
    return stream if kind is None else io.BufferedReader(Inflated(stream, kind), BUFFER_BYTES)


def whole(path: str, storage: Storage = (), max_bytes: int = MAX_UNIT_BYTES) -> BinaryIO:
    """All of the content of a compressed file, in memory. Raises ItemError `too_large`, `truncated` or `corrupt`."""
    with open_inflated(path, storage) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        fix = "Inflate it, or give --unit line: then every line is an item."
        raise ItemError("too_large", f"inflated, it is longer than {max_bytes} bytes", fix=fix)
    return io.BytesIO(data)


class Inflated(io.RawIOBase):
    """The inflated content of a stream; what libraries raise on damage becomes an ItemError."""

    def __init__(self, stream: BinaryIO, kind: Compression) -> None:
        self._stream, self._kind = stream, kind
        self._content: Any
        if kind == "gz":
            self._content = gzip.GzipFile(fileobj=stream)
        else:
            import pyarrow

            self._content = pyarrow.CompressedInputStream(stream, "zstd")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill some of the buffer."""
        try:
            if self._kind == "gz":
                data: bytes = self._content.read1(len(buffer))
            else:
                data = self._content.read(min(len(buffer), ZST_BYTES))
        except EOFError as error:
            raise cut(self._kind) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise corrupt(self._kind, error) from error
        except OSError as error:
            if error.errno is not None:
                raise
            # Arrow has one exception for all; a system's refusal would have a number.
            raise (cut(self._kind) if "Truncated" in str(error) else corrupt(self._kind, error)) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream below too."""
        if not self.closed:
            self._content.close()
            self._stream.close()
        super().close()


def cut(kind: str) -> ItemError:
    """It ends before its end."""
    return ItemError("truncated", f"the {kind} stream is cut: what was behind is lost", fix="Fetch the file again.")


def corrupt(kind: str, error: Exception) -> ItemError:
    """It is damaged from some place on."""
    message = f"the {kind} stream is damaged: what is behind is lost, and what was just before may be wrong"
    return ItemError("corrupt", message, got=error)
