"""Walking folders: every file once, in a fixed order, lazily.

Entries are sorted within each folder, so only one folder's names per level are in memory. Hidden entries (a dot in
front), what systems leave behind (`Thumbs.db`, `__pycache__`, ...) and runs of tokeff are passed over, unless they
were named themselves. Symbolic links are followed; loops and broken links are found. Leaves out what is in the files
(`corpus`).
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from tokeff.readers.roots import Root, matcher

JUNK = {"Thumbs.db", "ehthumbs.db", "desktop.ini", "__pycache__", "__MACOSX", "$RECYCLE.BIN", "lost+found"}
DATASET_FILES = {"state.json", "dataset_info.json", "dataset_dict.json"}
"""What `save_to_disk` of the datasets library writes beside its Arrow files."""
RUN_LEDGER = "shards/job.json"
"""What a run directory holds: its files are results, not content."""
Identity = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file, or a place that cannot be walked or read: then `reason` is set and `message` says why."""

    path: str
    key: str
    n_bytes: int = 0
    mark: str = ""
    """Changes when the file does."""
    reason: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    key: str
    below_root: str
    """The path below the root: empty for the root itself."""
    above: tuple[Identity, ...]
    """The folders that lead here."""


def walk(root: Root) -> Iterator[Found]:
    """The files under a root."""
    wanted = _filter(root.pattern)
    pending = [_Place(str(root.path), root.label, "", ())]
    while pending:
        place = pending.pop()
        try:
            status = os.stat(place.path)  # noqa: PTH116 - this is called for every file of a corpus
            is_folder = stat.S_ISDIR(status.st_mode)
            if place.below_root and not wanted(place.below_root, is_folder):
                continue
            if not is_folder:
                yield _file(place, status)
            elif (status.st_dev, status.st_ino) in place.above:
                message = "a symbolic link leads back to a folder above it"
                yield Found(path=place.path, key=place.key, reason="symlink_loop", message=message)
            else:
                pending += _entries(place, (status.st_dev, status.st_ino))
        except OSError as error:
            if not place.below_root or wanted(place.below_root, False):
                yield _refused(place, error)


def _filter(pattern: str | None) -> Callable[[str, bool], bool]:
    """Whether a path below the root is wanted; a folder also if something below it may be."""
    if pattern is None:
        return lambda below_root, is_folder: True
    matches, depth = matcher(pattern)

    def wanted(below_root: str, is_folder: bool) -> bool:
        return matches(below_root) or (is_folder and (depth is None or below_root.count("/") + 1 < depth))

    return wanted


def _entries(place: _Place, identity: Identity) -> list[_Place]:
    """What a folder holds, last name first: the list is taken from its end."""
    listed = os.listdir(place.path)  # noqa: PTH208 - names are wanted, not paths
    if place.below_root and "shards" in listed and os.path.exists(f"{place.path}/{RUN_LEDGER}"):  # noqa: PTH110
        return []
    names = contents(listed)[::-1]
    prefix, above = place.below_root and f"{place.below_root}/", (*place.above, identity)
    return [_Place(f"{place.path}/{name}", f"{place.key}/{name}", prefix + name, above) for name in names]


def contents(listed: Collection[str]) -> list[str]:
    """The names of a folder that are content, sorted: not hidden ones, nor what systems and `save_to_disk` add."""
    has_arrow = "dataset_info.json" in listed and any(name.endswith(".arrow") for name in listed)
    is_dataset = has_arrow or "dataset_dict.json" in listed
    no_content = JUNK | DATASET_FILES if is_dataset else JUNK
    return sorted(name for name in listed if not name.startswith(".") and name not in no_content)


def _file(place: _Place, status: os.stat_result) -> Found:
    path, key = place.path, place.key
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for name, test in SPECIAL.items() if test(status.st_mode)), "special file")
        message = f"a {kind}, which is never opened; expected a file"
        return Found(path=path, key=key, reason="not_a_file", message=message)
    if status.st_size == 0:
        return Found(path=path, key=key, reason="empty_file", message="the file has no bytes")
    return Found(path=path, key=key, n_bytes=status.st_size, mark=str(status.st_mtime_ns))


def refusal(error: OSError) -> tuple[str, str]:
    """Reason and message of an operating system's refusal."""
    if isinstance(error, PermissionError):
        return "permission_denied", f"{error.strerror}. Give this user the right to read it, or leave it out"
    if error.errno == errno.ELOOP:
        return "symlink_loop", "a symbolic link leads to itself"
    return "unreadable", f"{type(error).__name__}: {error}"


def _refused(place: _Place, error: OSError) -> Found:
    path, key = place.path, place.key
    if isinstance(error, FileNotFoundError) and os.path.islink(path):  # noqa: PTH114
        message = f"a symbolic link to {os.readlink(path)}, which is not there"  # noqa: PTH115
        return Found(path=path, key=key, reason="broken_link", message=message)
    reason, message = refusal(error)
    return Found(path=path, key=key, reason=reason, message=message)


SPECIAL: dict[str, Callable[[int], bool]] = {
    "named pipe": stat.S_ISFIFO,
    "socket": stat.S_ISSOCK,
    "character device": stat.S_ISCHR,
    "block device": stat.S_ISBLK,
}
