"""Items of a finished run, found again by their keys where they still lie on this machine.

Only the files that hold them are opened, not the corpus walked. Leaves out URLs, and whether an item has changed.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tokeff.errors import TokeffError
from tokeff.readers.locating import holding
from tokeff.readers.options import ReadOptions, Unit
from tokeff.readers.parts import items, parts
from tokeff.readers.roots import Root, roots_of
from tokeff.records.items import Item, Modality

MOST_READ = 200_000
"""Items that are passed in one piece of a file of many."""


def again(arguments: Mapping[str, Any], keys: Collection[str], modality: Modality) -> dict[str, Item]:
    """key -> item, for those of `keys` that are still there. `arguments` are those of run.json."""
    try:
        roots = [root for root in roots_of(arguments["paths"]) if root.url is None]
    except TokeffError:
        return {}
    files: dict[Path, dict[str, str]] = {}
    for key in keys:
        place = _place(key, roots)
        if place is not None:
            path, rest = place
            files.setdefault(path, {})[rest] = key
    found: dict[str, Item] = {}
    for path, wanted in files.items():
        found |= _inside(path, wanted, arguments, modality)
    return found


def _place(key: str, roots: Sequence[Root]) -> tuple[Path, str] | None:
    """The file that holds an item, and what its key has beyond that file's own."""
    for root in roots:
        if key == root.label or key.startswith((f"{root.label}/", f"{root.label}#")):
            rest = key.removeprefix(root.label)
            end = len(rest)
            while end >= 0:
                path = Path(f"{root.path}{rest[:end]}")
                if path.is_file():
                    return path, rest[end:]
                end = max(rest.rfind("/", 0, end), rest.rfind("#", 0, end)) if end else -1
    return None


def _inside(path: Path, wanted: Mapping[str, str], arguments: Mapping[str, Any], modality: Modality) -> dict[str, Item]:
    """Items of one file by the keys that the run gave them."""
    label = roots_of([path])[0].label
    unit: Unit = arguments.get("unit", "file") if set(wanted) != {""} else "file"
    options = ReadOptions(
        modality=modality,
        unit=unit,
        format=arguments.get("format"),
        columns=tuple(arguments.get("columns", ())),
        audio_track=arguments.get("audio_track", False),
    )
    found: dict[str, Item] = {}
    try:
        near = holding(parts([path], options), wanted)
        every = (item for part in near for item in islice(items(part, options), MOST_READ))
        for item in every:
            if isinstance(item, Item) and (key := wanted.get(item.key.removeprefix(label))) is not None:
                found[key] = item
                if len(found) == len(wanted):
                    break
    except TokeffError:
        # Another file lies where the run read one: what it holds of the run is not known.
        return {}
    return found
