"""Files behind URLs, through fsspec: walked and opened as local ones are.

    s3://bucket/folder   gs://...   hf://datasets/...   memory://...   https://host/file   simplecache::s3://...

Folders are listed level by level, sorted by name; hidden entries are passed over. A web address is one file: pages are
not searched for links. Options of the file system come from the environment, as its library has it, or as names and
values; a name may have dots (`client_kwargs.endpoint_url`). Leaves out what is in the files.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from tokeff.errors import ExtraMissing, NotFound, TokeffError
from tokeff.readers.roots import Root, matcher
from tokeff.readers.streams import BUFFER_BYTES, Storage
from tokeff.readers.walk import Found, contents

BLOCK_BYTES = 2**22
EXTRAS = {"s3fs": "s3", "gcsfs": "gs", "huggingface_hub": "hf", "aiohttp": "http"}
MARKS = (
    *("ETag", "etag", "md5Hash", "crc32c", "blob_id", "oid"),
    *("mtime", "LastModified", "last_modified", "updated", "created"),
)
"""Of what a file system says of a file: whatever changes with its content, the best first."""
FIX = "Check the address and the credentials; --storage-option NAME=VALUE tells the file system more."
HELD_BYTES = 2**28
"""So much of a file is held in memory where its server gives no parts of it."""


def walk_url(root: Root, storage: Storage) -> Iterator[Found]:
    """The files under a URL. Raises NotFound where there is nothing, TokeffError where the storage refuses."""
    url = str(root.url)
    files, place = file_system(url, storage)
    with _translated(url):
        try:
            top = files.info(place)
        except FileNotFoundError as error:
            raise NotFound("there is no file or folder here", where=url, got=error.__cause__, fix=FIX) from error
    matches, depth = matcher(root.pattern) if root.pattern else (lambda below: True, None)
    pending = [(top, url.rstrip("/"), root.label, "")]
    while pending:
        entry, address, key, below = pending.pop()
        if entry["type"] != "directory":
            if not below or matches(below):
                yield _found(files, entry, address, key)
        elif not below or matches(below) or depth is None or below.count("/") + 1 < depth:
            inner = f"{below}/" if below else ""
            listed = _listed(files, entry["name"], address)
            pending += [(listed[own], f"{address}/{own}", f"{key}/{own}", inner + own) for own in reversed(listed)]


def _listed(files: Any, folder: str, address: str) -> dict[str, Any]:
    """The entries of a folder by name, sorted."""
    with _translated(address):
        entries = {PurePosixPath(entry["name"]).name: entry for entry in files.ls(folder, detail=True)}
    # Object stores may list the folder itself.
    held = {name: entry for name, entry in entries.items() if entry["name"].strip("/") != folder.strip("/")}
    return {name: held[name] for name in contents(held)}


def _found(files: Any, entry: dict[str, Any], address: str, key: str) -> Found:
    size = entry.get("size")
    if size is None:
        # A server that does not say how much there is.
        try:
            with _opened(files, entry["name"]) as stream:
                size = stream.seek(0, io.SEEK_END)
        except OSError as error:
            return Found(path=address, key=key, reason="unreadable", message=str(error))
    if size == 0:
        return Found(path=address, key=key, reason="empty_file", message="the file has no bytes")
    mark = next((str(entry[name]) for name in MARKS if entry.get(name)), "")
    return Found(path=address, key=key, n_bytes=int(size), mark=mark)


def open_url(url: str, storage: Storage) -> BinaryIO:
    """The bytes behind a URL, seekable. Raises OSError, whatever the library raises; TokeffError for a bad URL."""
    files, place = file_system(url, storage)
    return _opened(files, place)


def _opened(files: Any, place: str) -> BinaryIO:
    with _as_os_errors():
        stream = files.open(place, "rb", block_size=BLOCK_BYTES)
        if stream.seekable():
            return io.BufferedReader(_Remote(stream), BUFFER_BYTES)
        data = stream.read(HELD_BYTES + 1)
        if len(data) > HELD_BYTES:
            raise OSError(f"the server gives no parts of it, and it is longer than {HELD_BYTES} bytes: download it")
        return io.BytesIO(data)


class _Remote(io.RawIOBase):
    """A remote file; what its library raises becomes an OSError."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning."""
        return int(self._stream.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere."""
        return int(self._stream.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        """Fill some of the buffer."""
        with _as_os_errors():
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the remote file too."""
        if not self.closed:
            self._stream.close()
        super().close()


def file_system(url: str, storage: Storage) -> tuple[Any, str]:
    """The file system of a URL and the place in it. Raises ExtraMissing, TokeffError."""
    import fsspec

    # Listings are used once: remembering them would take memory with the corpus' size.
    settings = {"use_listings_cache": False, **settings_of(storage)}
    try:
        files, place = fsspec.core.url_to_fs(url, **settings)
    except ImportError as error:
        library = next((name for name in EXTRAS if name in str(error)), str(error.name or error))
        raise ExtraMissing.of(library, EXTRAS.get(library, "s3"), where=url) from error
    except ValueError as error:
        raise TokeffError("no file system for this address", where=url, got=error) from error
    except Exception as error:
        raise TokeffError("the storage refuses", where=url, got=f"{type(error).__name__}: {error}", fix=FIX) from error
    return files, place


def settings_of(storage: Storage) -> dict[str, Any]:
    """Options as fsspec takes them: names with dots are nested, values are JSON where they look it.

    >>> settings_of((("client_kwargs.endpoint_url", "http://127.0.0.1:5000"), ("anon", "true")))
    {'client_kwargs': {'endpoint_url': 'http://127.0.0.1:5000'}, 'anon': True}
    """
    settings: dict[str, Any] = {}
    for name, value in storage:
        *above, last = name.split(".")
        place = settings
        for part in above:
            place = place.setdefault(part, {})
        try:
            place[last] = json.loads(value)
        except ValueError:
            place[last] = value
    return settings


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except TokeffError:
        raise
    except Exception as error:
        raise TokeffError("the storage refuses", where=url, got=f"{type(error).__name__}: {error}", fix=FIX) from error
