"""A corpus: every item that files, folders, globs, URLs and datasets hold, found lazily and without decoding.

    folders     recursively, sorted by name, hidden entries and system junk passed over (`walk`, `remote`)
    globs       `*`, `?`, `[...]` and `**`, matched here, so that they may be quoted
    keys        the path from the argument's last part on, e.g. `photos/2024/a.jpg` for the argument `/data/photos`
    records     fields of JSON lines, cells of tables, members of archives are items (`cutting` has the formats)
    units       a text may be one item, or each of its lines or paragraphs may be one (`units`)

A file that two arguments reach is one item. What cannot be an item is a Failure with the stage `find` and a reason:

    files       `empty_file`, `unknown_type`, `permission_denied`, `broken_link`, `symlink_loop`, `not_a_file`,
                `unreadable`, `unsafe_name` (in archives)
    records     `not_json`, `not_an_object`, `not_utf8`, `not_unicode`, `no_column`, `no_value`, `no_bytes`,
                `empty_field`, `wrong_type`
    all         `truncated`, `corrupt`, `too_large`

Leaves out reading headers and decoding (`tokeff.media`), and the parts in which workers read it (`parts`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tokeff.readers.options import Format, ReadOptions, Unit
from tokeff.readers.parts import items, parts
from tokeff.readers.pieces import Part
from tokeff.records.items import Failure, Item, Modality


def find(
    paths: Sequence[str | Path],
    *,
    modality: Modality | None = None,
    unit: Unit = "file",
    format: Format | None = None,
    columns: Sequence[str] = (),
    storage: Sequence[tuple[str, str]] = (),
) -> Iterator[Item | Failure]:
    """The items under `paths`, in a fixed order; the options are those of ReadOptions.

    Raises NotFound, at once, for a path that is not there, and at the end for a glob that matches nothing.
    """
    options = ReadOptions(modality=modality, unit=unit, format=format, columns=tuple(columns), storage=tuple(storage))
    return _chained(parts(paths, options), options)


def _chained(found: Iterator[Part], options: ReadOptions) -> Iterator[Item | Failure]:
    for part in found:
        yield from items(part, options)
