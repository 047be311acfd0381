"""Texts of a run by language: which were looked at, and sums over them by tokenizer. Leaves out drawing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokeff.engine.languages import Languages, languages
from tokeff.engine.loading import row_batches
from tokeff.records.runs import Profile
from tokeff.reports.page.statistics import Group, Who, add_groups

COLUMNS = ("key", "modality", "tokenizer", "raw_bytes", "n_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Languages, and sums by tokenizer and language."""

    found: Languages
    groups: dict[Who, dict[str, Group]]


def spoken(profile: Profile, run: Path) -> Spoken | None:
    """None where the run holds no row of a text, or no text can be read again."""
    names = [each.tokenizer for each in profile.measurements if each.modality == "text"]
    if not names:
        return None
    keys = (key for rows in _texts(run, names[0]) for key in rows["key"].to_pylist())
    found = languages(profile.run["arguments"], keys)
    if not found.of:
        return None
    groups: dict[Who, dict[str, Group]] = {}
    for name in names:
        held = groups.setdefault(("text", name), {})
        for rows in _texts(run, name):
            add_groups(held, _with_language(rows, found), "language")
    return Spoken(found=found, groups={who: _largest_first(held) for who, held in groups.items()})


def _texts(run: Path, tokenizer: str) -> Iterator[Any]:
    """Rows of texts by one tokenizer, batch by batch, as pyarrow.Table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in row_batches(run, COLUMNS):
        rows = pa.Table.from_batches([batch])
        yield rows.filter(pc.and_(pc.equal(rows["modality"], "text"), pc.equal(rows["tokenizer"], tokenizer)))


def _with_language(rows: Any, found: Languages) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    keys, names = pa.array(list(found.of)), pa.array(list(found.of.values()))
    places = pc.index_in(rows["key"], value_set=keys)
    return rows.append_column("language", pc.take(names, places)).filter(pc.is_valid(places))


def _largest_first(groups: dict[str, Group]) -> dict[str, Group]:
    return dict(sorted(groups.items(), key=lambda named: (-named[1].x, named[0])))
