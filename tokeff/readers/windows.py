"""A stretch of a file as a stream of its own: a member of an archive, read where it lies."""

import io
import os
from typing import Any, BinaryIO

from tokeff.readers.streams import Storage, open_stored


def open_window(path: str, start: int, size: int, storage: Storage = ()) -> BinaryIO:
    """`size` bytes from `start` on, seekable. Named, so that an item can be pickled. Raises OSError."""
    return io.BufferedReader(Window(open_stored(path, storage), start, size))


class Window(io.RawIOBase):
    """The stretch; reading ends where it ends, or where the file does."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        self._stream, self._start, self._size, self._place = stream, start, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning of the stretch."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere; beyond the end, nothing is read."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"before the beginning: {origin + offset}")
        self._place = origin + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the stretch goes."""
        wanted = min(len(buffer), max(0, self._size - self._place))
        self._stream.seek(self._start + self._place)
        data = self._stream.read(wanted)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        """Close the file too."""
        if not self.closed:
            self._stream.close()
        super().close()
