"""What a person named on the command line: files, folders, globs, URLs; each with a label that begins its items' keys.

The label is the last part of the path; where two arguments share it, as many parts more as tell them apart. Leaves
out walking (`walk`).
"""

import fnmatch
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path, PurePath

from tokeff.errors import NotFound, TokeffError
from tokeff.readers.streams import is_url

GLOB_SIGNS = re.compile(r"[*?\[]")
MAX_LISTED_NAMES = 10_000
"""So many names of a folder are looked at for a suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A place to begin. `pattern` is the glob's part behind the last plain folder, or None."""

    path: Path
    """Absolute; symbolic links are kept. Of a URL, its parts as a path: for comparison alone."""
    label: str
    pattern: str | None = None
    url: str | None = None


def roots_of(paths: Sequence[str | Path]) -> list[Root]:
    """The roots of the arguments, in their order, equal ones once. Raises NotFound for a path that is not there."""
    split = list(dict.fromkeys(_split_url(str(path)) or _split_glob(path) for path in paths))
    labels = _labels([path for path, _, _ in split])
    return [Root(path=path, label=labels[path], pattern=pattern, url=url) for path, pattern, url in split]


def matcher(pattern: str) -> tuple[Callable[[str], bool], int | None]:
    """Whether a path, relative to the glob's folder, or a folder above it matches; and the depth of the pattern.

    The depth is None with `**`, which stands for any number of folders. Segments match as in `fnmatch`.
    """
    segments = PurePath(pattern).parts
    regex = ""
    for segment in segments:
        # fnmatch wraps its regex in (?s:...)\Z, and lets * run over slashes.
        inner = fnmatch.translate(segment).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*")
        regex += "(?:[^/]+/)*" if segment == "**" else f"{inner}/"
    tail = ".+" if segments[-1] == "**" else "(?:/.*)?"
    match = re.compile(regex.removesuffix("/") + tail, re.DOTALL).fullmatch
    return lambda relative: match(relative) is not None, None if "**" in segments else len(segments)


def _split_url(path: str) -> tuple[Path, str | None, str | None] | None:
    """The parts of a URL as a path, the glob in it, and the URL before the glob; None for what is no remote URL."""
    if path.startswith("dataset:"):
        name = path.removeprefix("dataset:")
        return Path("/dataset:", name.partition("?")[0].strip("/")), None, path
    protocol, separator, rest = path.partition("://")
    if not separator or not is_url(path) or protocol.lower() == "file":
        return None
    if "::" in rest:
        fix = "Unpack it, or give a tar: those are read as they are."
        raise TokeffError("addresses within archives cannot be read", where=path, fix=fix)
    is_web = protocol.lower() in {"http", "https"}
    parts = (rest.partition("?")[0] if is_web else rest).strip("/").split("/")
    first = next((place for place, part in enumerate(parts) if not is_web and GLOB_SIGNS.search(part)), len(parts))
    url = path if first == len(parts) else f"{protocol}://{'/'.join(parts[:first])}"
    return Path(f"/{protocol}:", *parts[:first]), "/".join(parts[first:]) or None, url


def _split_glob(path: str | Path) -> tuple[Path, str | None, None]:
    given = Path(path.removeprefix("file://") if isinstance(path, str) else path).expanduser()
    absolute = Path(os.path.abspath(given))  # noqa: PTH100 - unlike resolve, it keeps symbolic links
    if os.path.lexists(absolute):
        return absolute, None, None
    parts = absolute.parts
    first = next((place for place, part in enumerate(parts) if GLOB_SIGNS.search(part)), None)
    if first is None:
        raise _not_found(absolute, str(path))
    folder = Path(*parts[:first])
    if not folder.is_dir():
        raise _not_found(folder, str(path))
    return folder, "/".join(parts[first:]), None


def _not_found(absolute: Path, given: str) -> NotFound:
    parent = next((folder for folder in absolute.parents if folder.is_dir()), Path("/"))
    missing = absolute.relative_to(parent).parts[0]
    try:
        with os.scandir(parent) as entries:
            names = [entry.name for entry in islice(entries, MAX_LISTED_NAMES)]
    except OSError:
        names = []
    close = get_close_matches(missing, names, n=3, cutoff=0.6)
    fix = f"Did you mean {' or '.join(str(parent / name) for name in close)}?" if close else f"In {parent}."
    return NotFound("there is no file or folder here", where=given, got=f"no {missing!r}", fix=fix)


def _labels(paths: Sequence[Path]) -> dict[Path, str]:
    """The shortest end of each path that no other path has."""
    labels: dict[Path, str] = {}
    waiting, length = set(paths), 1
    while waiting:
        by_end: dict[str, list[Path]] = {}
        for path in waiting:
            by_end.setdefault("/".join(path.parts[1:][-length:]), []).append(path)
        for end, sharing in by_end.items():
            if len(sharing) == 1 or length > len(sharing[0].parts):
                labels[sharing[0]] = end
        waiting -= labels.keys()
        length += 1
    taken = {PurePath(label) for label in labels.values()}
    if any(parent in taken for label in taken for parent in label.parents):
        # A label that continues another one could give two files one key.
        return {path: "/".join(path.parts[1:]) for path in paths}
    return labels
