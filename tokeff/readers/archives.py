"""Archives of samples (WebDataset) and of files: tar, plain or compressed. Members are items.

    shard-0001.tar/dir/cat.jpg    shard-0001.tar/dir/cat.txt      one sample: the keys differ in the extension alone

Read from front to back, never written to disk. With columns, members of these extensions are read: all that follows
the first dot of a name, as WebDataset has it. Of names, a leading `/` or `./` is dropped; `..` is refused, and so are
links, devices and sparse files. Where two members have one name, the second's key ends in `~2`. Leaves out zip.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from typing import BinaryIO

from tokeff.errors import ItemError
from tokeff.media.containers import HEAD_BYTES
from tokeff.media.sniff import named_modality, sniff, sniff_stream
from tokeff.readers.columns import Guess
from tokeff.readers.fields import UNKNOWN, failure
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Piece
from tokeff.readers.streams import compression_of, is_url, open_inflated, open_stored
from tokeff.readers.tar import Blocks, Lost, Member, content, members
from tokeff.readers.units import MAX_UNIT_BYTES, split
from tokeff.readers.windows import open_window
from tokeff.records.items import Failure, Item, Modality

SAMPLES = ("*",)
"""For columns: pictures, recordings, clips and captions, whatever their extensions."""
CAPTIONS = frozenset(["txt", "text", "caption", "transcript"])
LOOKED_AT_MEMBERS = 64
LOOKED_AT_BYTES = 2**23
REFUSED = {
    "link": "a link, which is not followed in an archive",
    "device": "a device or pipe, which is never opened",
    "sparse": "a sparse file, which is not expanded",
}


def archive_items(piece: Piece, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of an archive, in its order. Raises OSError where it cannot be opened."""
    with open_inflated(piece.path, options.storage) as stream:
        blocks = Blocks(stream)
        blocks.advance_to(piece.start)
        archive = _Archive(blocks, piece, options)
        n_wanted = 0
        try:
            for member in members(blocks, piece.stop):
                if isinstance(member, Lost):
                    yield failure(f"{piece.key}@{member.start}", member.reason, member.message)
                elif member.kind != "folder" and is_wanted(member.name, piece.columns):
                    n_wanted += 1
                    yield from archive.items(member)
            if not n_wanted and piece.columns and piece.start == 0 and piece.stop is None:
                endings = " or ".join(f".{column}" for column in piece.columns)
                yield failure(piece.key, "no_column", f"no member's name ends in {endings}", None, piece.n_bytes)
        except ItemError as error:
            yield failure(f"{piece.key}@{blocks.place}", error.reason, str(error))


class _Archive:
    """An archive that is being read, and the names that it has had."""

    def __init__(self, blocks: Blocks, piece: Piece, options: ReadOptions) -> None:
        self._blocks, self._piece, self._options = blocks, piece, options
        self._lies_open = compression_of(piece.path) is None and not is_url(piece.path)
        self._n_seen: dict[bytes, int] = {}

    def items(self, member: Member) -> Iterator[Item | Failure]:
        """The items of a member, or its failure."""
        name = name_in_key(member.name)
        named = named_modality(name)
        key = self._key(name)
        wanted = self._options.modality
        problem = _refusal(member, name)
        if problem is None:
            try:
                yield from self._content_items(member, key, name)
            except ItemError as error:
                yield failure(key, error.reason, str(error), named, member.size)
        elif wanted in (None, named) or (named is None and problem[0] != "empty_file"):
            yield failure(key, *problem, named, member.size)

    def _key(self, name: str) -> str:
        digest = _digest(name)
        self._n_seen[digest] = n_seen = self._n_seen.get(digest, 0) + 1
        return f"{self._piece.key}/{name}" + (f"~{n_seen}" if n_seen > 1 else "")

    def _content_items(self, member: Member, key: str, name: str) -> Iterator[Item | Failure]:
        open_member = self._opener(member)
        kind = self._modality(member, name, open_member)
        wanted = self._options.modality
        if kind is None and wanted is None:
            yield failure(key, *UNKNOWN, None, member.size)
        if kind is None or wanted not in (None, kind):
            return
        if kind == "text" and self._options.unit != "file":
            with open_member() as stream:
                yield from split(stream, key, self._options.unit)
        else:
            yield Item(modality=kind, key=key, stored_bytes=member.size, open=open_member)

    def _modality(self, member: Member, name: str, open_member: Callable[[], BinaryIO]) -> Modality | None:
        """As `sniff_stream`; where the first bytes suffice, they are read where the archive stands."""
        if self._lies_open:
            head = self._blocks.read(min(member.size, HEAD_BYTES))
            if (likely := sniff(head, name)) in (None, "text", "image"):
                return likely
        return sniff_stream(open_member, name)

    def _opener(self, member: Member) -> Callable[[], BinaryIO]:
        """A way to the content: where it lies in a plain local file, else in memory. Raises ItemError."""
        if self._lies_open:
            if not self._blocks.reaches(member.start + member.size):
                self._blocks.cut_is_told = True
                raise ItemError("truncated", "the archive is cut within this member", fix="Fetch the file again.")
            return partial(open_window, self._piece.path, member.start, member.size)
        if member.size > MAX_UNIT_BYTES:
            raise ItemError("too_large", f"the member is longer than {MAX_UNIT_BYTES} bytes")
        return partial(io.BytesIO, content(self._blocks, member))


def _refusal(member: Member, name: str) -> tuple[str, str] | None:
    """Reason and message for a member that is not read."""
    if member.kind in REFUSED:
        return "not_a_file", f"{REFUSED[member.kind]}; expected a file"
    if ".." in name.split("/") or not name:
        return "unsafe_name", f"the name {member.name!r} leads out of the archive"
    return None if member.size else ("empty_file", "the member has no bytes")


def name_in_key(name: str) -> str:
    """A member's name as part of a key: valid Unicode, without `/` or `./` in front."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts)


def extension(name: str) -> str:
    """All that follows the first dot of the last part, in small letters, as WebDataset has it."""
    return name.rpartition("/")[2].partition(".")[2].lower()


def is_wanted(name: str, columns: tuple[str, ...]) -> bool:
    """Whether a member is to be read. All are without columns."""
    if not columns:
        return True
    own = extension(name)
    return (named_modality(name) not in (None, "text") or own in CAPTIONS) if columns == SAMPLES else own in columns


def member_stretches(path: str, columns: tuple[str, ...], n_bytes: int) -> list[tuple[int, int | None]]:
    """(start, stop) of stretches of whole members, of about so many bytes, of a plain local archive.

    One where it is damaged, names repeat or nothing is wanted: that is told where it is read from front to back.
    """
    stretches: list[tuple[int, int | None]] = []
    seen: set[bytes] = set()
    start, n_wanted = 0, 0
    with open_stored(path) as stream:
        for n_members, member in enumerate(members(Blocks(stream)), 1):
            if isinstance(member, Lost):
                return [(0, None)]
            seen.add(_digest(name_in_key(member.name)))
            if len(seen) < n_members:
                return [(0, None)]
            n_wanted += is_wanted(member.name, columns)
            if member.header - start >= n_bytes:
                stretches.append((start, member.header))
                start = member.header
    return [*stretches, (start, None)] if n_wanted else [(0, None)]


def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()


def guess_of_archive(path: str, options: ReadOptions) -> Guess:
    """Whether the first members are samples of several files each; else every member is read as it lies."""
    names = []
    with open_inflated(path, options.storage) as stream:
        blocks = Blocks(stream)
        try:
            for member in members(blocks):
                if isinstance(member, Member) and member.kind == "file":
                    names.append(member.name)
                if len(names) == LOOKED_AT_MEMBERS or blocks.place > LOOKED_AT_BYTES:
                    break
        except ItemError:
            pass  # it is told where the archive is read
    stems = [name.removesuffix(f".{extension(name)}") for name in names]
    if all(one != other for one, other in pairwise(stems)) or not any(is_wanted(name, SAMPLES) for name in names):
        return Guess(columns=(), note="")
    left_out = sorted({f".{extension(name)}" for name in names if not is_wanted(name, SAMPLES)})
    beside = f", not from {', '.join(left_out[:6])}" if left_out else ""
    note = "tar of samples: items are read from pictures, recordings, clips and captions"
    return Guess(columns=SAMPLES, note=f"{note} (.txt){beside}; --column chooses extensions")
