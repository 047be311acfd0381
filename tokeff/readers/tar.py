"""The members of a tar archive, one after the other, from a stream that may be damaged.

Unlike `tarfile`, it ends in silence neither at a broken header (it is told, and reading goes on at the next good one,
as GNU tar does) nor at a cut between two members; and names of any length cannot fill the memory. Zero blocks between
members are passed over, so archives may be joined. Leaves out what the members hold.
"""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from tokeff.errors import ItemError

BLOCK = tarfile.BLOCKSIZE
USTAR = slice(257, 262)
MAX_HEADER_BYTES = 2**20
"""Of names and attributes before a member: what claims more is damaged."""
SKIP_BYTES = 2**20
Kind = Literal["file", "folder", "link", "device", "sparse"]
KINDS: dict[bytes, Kind] = {
    tarfile.LNKTYPE: "link",
    tarfile.SYMTYPE: "link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "device",
    tarfile.DIRTYPE: "folder",
    tarfile.GNUTYPE_SPARSE: "sparse",
}
LONG_NAMES = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
EXTENDED = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An entry; its content begins at `start` of the stream, which stands there."""

    name: str
    kind: Kind
    header: int
    """Where what says its name begins."""
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A stretch that is no member."""

    reason: Literal["truncated", "corrupt"]
    start: int
    message: str


class Blocks:
    """A stream read forwards, with its place; what is passed over is sought where that is possible."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.place = stream, 0
        self._seekable = stream.seekable()
        self._n_bytes: int | None = None
        self.cut_is_told = False
        """Set by whoever tells that the archive is cut within a member."""

    def read(self, n_bytes: int) -> bytes:
        """So many bytes, or fewer at the end."""
        data = self.stream.read(n_bytes)
        self.place += len(data)
        return data

    def reaches(self, place: int) -> bool:
        """Whether a stream that can be sought is so long."""
        if self._n_bytes is None:
            self._n_bytes = self.stream.seek(0, os.SEEK_END)
            self.stream.seek(self.place)
        return place <= self._n_bytes

    def advance_to(self, place: int) -> bool:
        """Go forwards; whether the stream is that long."""
        if self._seekable and place > self.place:
            self.stream.seek(place - 1)
            self.place = place - 1
        while self.place < place:
            if not self.read(min(SKIP_BYTES, place - self.place)):
                self.place = self.stream.seek(0, os.SEEK_END) if self._seekable else self.place
                return False
        return True


def members(blocks: Blocks, stop: int | None = None) -> Iterator[Member | Lost]:
    """Members, folders and links too, and what is lost. The content of a member may be read before the next is asked.

    stop: where to end, at the header of a member; None: at the end, which is looked at.
    Raises what the stream raises (OSError; ItemError where a compressed one is damaged).
    """
    extended: dict[str, str] = {}
    lost_from: int | None = None
    ended, header_start = False, 0
    while True:
        start = blocks.place
        if stop is not None and start >= stop:
            return
        header_start = start if not extended else header_start
        block = blocks.read(BLOCK)
        if len(block) < BLOCK:
            yield from _at_the_end(start, block, lost_from, ended or not (start or block), bool(extended))
            return
        if not block.strip(b"\0"):
            ended = True
            continue
        header = _header(block, lost_from is not None or ended)
        if header is None:
            lost_from = start if lost_from is None else lost_from
            extended = {}
            continue
        if lost_from is not None:
            yield _unreadable(lost_from, start)
        lost_from, ended = None, False
        if header.type in LONG_NAMES or header.type in (*EXTENDED, tarfile.XGLTYPE):
            if not _extend(extended, header, blocks):
                lost_from = start
                extended = {}
            continue
        member = _member(header, extended, blocks, header_start)
        extended = {}
        yield member
        n_blocks = -(-member.size // BLOCK)
        if not blocks.advance_to(member.start + n_blocks * BLOCK) and blocks.place < member.start + member.size:
            if not blocks.cut_is_told:
                message = f"the archive is cut within the member {member.name!r}, which was not asked for"
                yield Lost(reason="truncated", start=member.start, message=message)
            return


def _header(block: bytes, strict: bool) -> tarfile.TarInfo | None:
    """The header in a block, or None. strict: among lost blocks, only one with the magic is believed."""
    if strict and block[USTAR] != b"ustar":
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return None
    return header if header.size >= 0 else None


def _extend(extended: dict[str, str], header: tarfile.TarInfo, blocks: Blocks) -> bool:
    """Read what stands before a member and says more of it. Whether it could be read."""
    if header.size > MAX_HEADER_BYTES:
        return False
    data = blocks.read(-(-header.size // BLOCK) * BLOCK)[: header.size]
    if header.type in LONG_NAMES:
        extended[LONG_NAMES[header.type]] = data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    elif header.type in EXTENDED:
        extended.update(_records(data))
    return len(data) == header.size


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """Keywords and values of POSIX records: `length keyword=value\\n`. What is no record ends them."""
    place = 0
    while place < len(data):
        digits, _, _ = data[place : place + 20].partition(b" ")
        if not digits.isdigit() or int(digits) <= len(digits) + 1:
            return
        keyword, _, value = data[place + len(digits) + 1 : place + int(digits) - 1].partition(b"=")
        yield keyword.decode("utf-8", "replace"), value.decode("utf-8", "surrogateescape")
        place += int(digits)


def _member(header: tarfile.TarInfo, extended: dict[str, str], blocks: Blocks, header_start: int) -> Member:
    kind: Kind = KINDS.get(header.type, "file")
    size = header.size
    if (larger := extended.get("size", "")).isdigit():
        size = int(larger)
    if kind == "sparse":
        more = header._sparse_structs[1]  # type: ignore[attr-defined]
        while more and len(block := blocks.read(BLOCK)) == BLOCK:
            more = bool(block[504])
    elif any(keyword.startswith("GNU.sparse.") for keyword in extended):
        kind = "sparse"
    elif kind != "file":
        size = 0
    name = extended.get("path", header.name)
    return Member(name=name, kind=kind, header=header_start, start=blocks.place, size=size)


def _unreadable(start: int, stop: int) -> Lost:
    message = f"no header of a member can be read at byte {start}: {stop - start} bytes are passed over"
    return Lost(reason="corrupt", start=start, message=message)


def _at_the_end(start: int, block: bytes, lost_from: int | None, ended: bool, half_said: bool) -> Iterator[Lost]:
    if lost_from is not None:
        yield _unreadable(lost_from, start + len(block))
    elif block.strip(b"\0") or half_said:
        yield Lost(reason="truncated", start=start, message=f"the archive is cut within a header, at byte {start}")
    elif not ended:
        message = f"the archive has no end mark: it is cut at byte {start}, between two members"
        yield Lost(reason="truncated", start=start, message=message)


def content(blocks: Blocks, member: Member) -> bytes:
    """The content of the member at which the stream stands. Raises ItemError `truncated`."""
    data = blocks.read(member.size)
    if len(data) < member.size:
        blocks.cut_is_told = True
        message = f"the archive is cut within this member: {len(data)} of its {member.size} bytes are there"
        raise ItemError("truncated", message)
    return data
