"""A corpus: every item that files, folders and globs hold, found lazily and without decoding.

    folders     recursively, sorted by name, hidden entries and system junk passed over (`walk`)
    globs       `*`, `?`, `[...]` and `**`, matched here, so that they may be quoted
    keys        the path from the argument's last part on, e.g. `photos/2024/a.jpg` for the argument `/data/photos`
    units       a text may be one item, or each of its lines or paragraphs may be one (`units`)

A file that two arguments reach is one item. What cannot be an item is a Failure with the stage `find` and the reason
`empty_file`, `unknown_type`, `permission_denied`, `broken_link`, `symlink_loop`, `not_a_file` or `unreadable`. Leaves
out reading headers and decoding (`tokeff.media`).
"""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from tokeff.errors import NotFound
from tokeff.media.sniff import named_modality, sniff_stream
from tokeff.readers.roots import Root, roots_of
from tokeff.readers.units import Unit, split
from tokeff.readers.walk import Found, refusal, walk
from tokeff.records.items import Failure, Item, Modality


def find(
    paths: Sequence[str | Path], *, modality: Modality | None = None, unit: Unit = "file"
) -> Iterator[Item | Failure]:
    """The items under `paths`, in a fixed order. With `modality`, the others are passed over without a word.

    Raises NotFound, at once, for a path that is not there, and at the end for a glob that matches nothing.
    """
    return _find(roots_of([paths] if isinstance(paths, str) else paths), modality, unit)


def _find(roots: list[Root], modality: Modality | None, unit: Unit) -> Iterator[Item | Failure]:
    seen: set[str] | None = set() if _overlap(roots) else None
    for root in roots:
        is_empty = True
        for found in walk(root):
            is_empty = False
            if seen is not None:
                place = _real_place(found.path)
                if place in seen:
                    continue
                seen.add(place)
            yield from _items(found, modality, unit)
        if is_empty and root.pattern is not None:
            fix = "Quote the pattern where the shell should not expand it; ** stands for any number of folders."
            raise NotFound("no file matches this pattern", where=f"{root.path}/{root.pattern}", fix=fix)


def _items(found: Found, modality: Modality | None, unit: Unit) -> Iterator[Item | Failure]:
    key = _readable(found.key)
    named = named_modality(found.path)

    def failure(reason: str, message: str) -> Failure:
        n_bytes = found.n_bytes or None
        return Failure(key=key, modality=named, stage="find", reason=reason, message=message, stored_bytes=n_bytes)

    if found.reason is not None:
        if modality in (None, named) or (named is None and found.reason != "empty_file"):
            yield failure(found.reason, found.message)
        return
    open_file = partial(open_path, found.path)
    try:
        kind = sniff_stream(open_file, found.path)
        if kind is None and modality is None:
            yield failure(
                "unknown_type",
                "neither its content nor its name is that of a text, image, audio or video that can be read",
            )
        if kind is None or modality not in (None, kind):
            return
        if kind != "text" or unit == "file":
            yield Item(modality=kind, key=key, stored_bytes=found.n_bytes, open=open_file)
            return
        with open_file() as stream:
            yield from split(stream, key, unit)
    except OSError as error:
        yield failure(*refusal(error))


def open_path(path: str) -> BinaryIO:
    """The bytes of a file. Named, so that an item can be pickled."""
    return open(path, "rb")  # noqa: PTH123 - no Path for every file of a corpus


def _overlap(roots: list[Root]) -> bool:
    """Whether one root may reach what another one reaches: only then need the places seen be remembered."""
    real = [Path(os.path.realpath(root.path)) for root in roots]
    places = set(real)
    return len(places) < len(real) or any(parent in places for path in real for parent in path.parents)


def _real_place(path: str) -> str:
    folder, name = os.path.split(path)
    return f"{_real_folder(folder)}/{name}"


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _readable(key: str) -> str:
    """The key as valid Unicode: bytes of a file name that are not UTF-8 are written as `\\xff`."""
    return os.fsencode(key).decode("utf-8", "backslashreplace")
