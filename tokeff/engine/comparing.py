"""Comparing: runs read back, checked for likeness, their items matched by key, and contrasted.

Leaves out the arithmetic (`tokeff.measures.contrasts`) and how it is shown (`tokeff.reports.comparison`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tokeff.engine.groups import at_one_depth, folders_and_endings
from tokeff.engine.languages import languages
from tokeff.engine.loading import load_profile, row_batches
from tokeff.errors import NotFound, RunError, TokeffError
from tokeff.measures import contrasts as paired
from tokeff.measures.contrasts import COLUMNS, METRICS, System
from tokeff.records.comparisons import Comparison
from tokeff.records.items import MODALITIES, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile

By = Literal["folder", "ending", "language"]
BYS: tuple[By, ...] = ("folder", "ending", "language")
Likeness = Literal["corpus", "dtype", "denominator"]
LIKENESSES: tuple[Likeness, ...] = ("corpus", "dtype", "denominator")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidate:
    """A tokenizer of a run with its rows, not yet aligned with others."""

    name: str
    run: Path
    measurement: Measurement
    rows: Any
    """pyarrow.Table sorted by key."""


def compare(
    runs: Sequence[Path],
    *,
    baseline: str | None = None,
    allow: Collection[str] = (),
    by: str = "folder",
    seed: int = 0,
) -> Comparison:
    """Every tokenizer of the runs against a baseline (by default the first), on the items that all of a modality hold.

    allow: likenesses that may be missing: `corpus` (other items beside the common ones), `dtype`, `denominator` (the
    same items with other raw bytes: the baseline's then count). by: what the parts of the corpus are, `folder`,
    `ending` or `language` (of texts, which are read again where they lie: at most 1,000). Raises RunError, naming what
    differs, NotFound for a baseline that is none, TokeffError where there is nothing to compare.
    """
    if strangers := [name for name in allow if name not in LIKENESSES]:
        raise NotFound.among("likeness", strangers[0], LIKENESSES)
    if by not in BYS:
        raise NotFound.among("way to group", by, BYS)
    profiles = {run: load_profile(run) for run in dict.fromkeys(runs)}
    notes = [*_corpora(profiles, allow), *_dtypes(profiles, allow)]
    candidates = list(_candidates(profiles))
    _refuse_unknown(baseline, [each.name for each in candidates])
    compared: list[_Compared] = []
    for modality in MODALITIES:
        mine = [each for each in candidates if each.measurement.modality == modality]
        if len(mine) > 1:
            compared.append(_modality(mine, baseline, allow, notes, _Parts(by=by, arguments=_arguments(profiles))))
    if not compared:
        held = ", ".join(f"{each.name} ({each.measurement.modality})" for each in candidates)
        fix = "Profile with several -t of one modality, or name several runs of the same corpus."
        raise TokeffError("there are no two tokenizers of one modality to compare", got=held or "none", fix=fix)
    kind = next((each.kind for each in compared if each.kind != by), by)
    return replace(_comparison(profiles, compared, notes, seed), grouped_by=kind)


def _arguments(profiles: dict[Path, Profile]) -> Any:
    return next(iter(profiles.values())).run["arguments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """How the items are grouped, and the arguments of the run that says where they lie."""

    by: str
    arguments: Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Compared:
    """The aligned systems of one modality."""

    systems: list[System]
    baseline: System
    groups: Any
    kind: str
    n_dropped: int


def _comparison(
    profiles: dict[Path, Profile], compared: Sequence[_Compared], notes: Sequence[str], seed: int
) -> Comparison:
    standings = [paired.standing(system) for each in compared for system in each.systems]
    held = {name for each in standings for name, value in each.values.items() if value is not None}
    return Comparison(
        runs=tuple(str(run) for run in profiles),
        baselines={each.baseline.modality: each.baseline.name for each in compared},
        n_common={each.baseline.modality: len(each.groups) for each in compared},
        n_dropped={each.baseline.modality: each.n_dropped for each in compared},
        metrics=tuple(metric for metric in METRICS if metric.name in held),
        standings=tuple(standings),
        contrasts=tuple(c for each in compared for c in paired.contrasts(each.systems, each.baseline, seed=seed)),
        winners=tuple(winner for each in compared for winner in paired.winners(each.systems, seed=seed)),
        fronts=tuple(front for each in compared for front in paired.fronts(each.systems)),
        groups=tuple(g for each in compared for g in paired.groups(each.systems, each.baseline, each.groups)),
        notes=tuple(notes),
    )


def _corpora(profiles: dict[Path, Profile], allow: Collection[str]) -> Iterator[str]:
    """Whether all runs are of the same items, by their fingerprints."""
    prints = {run: str(profile.run["corpus"]["fingerprint"]) for run, profile in profiles.items()}
    if len(set(prints.values())) > 1:
        got = "; ".join(f"{run}: {digest[:12]}" for run, digest in prints.items())
        if "corpus" not in allow:
            fix = "Profile the same items with the same --unit, or --allow corpus: only items in all runs then count."
            raise RunError("the runs are of different corpora", where="fingerprint", got=got, fix=fix)
        yield f"The runs are of different corpora ({got}); only items that all hold are compared."


def _dtypes(profiles: dict[Path, Profile], allow: Collection[str]) -> Iterator[str]:
    dtypes = {run: sorted({each.dtype for each in profile.measurements}) for run, profile in profiles.items()}
    if len({dtype for named in dtypes.values() for dtype in named}) > 1:
        got = "; ".join(f"{run}: {', '.join(named)}" for run, named in dtypes.items())
        if "dtype" not in allow:
            fix = "Another dtype gives other ids: profile again with one dtype, or --allow dtype."
            raise RunError("the runs were computed in different dtypes", where="dtype", got=got, fix=fix)
        yield f"The runs were computed in different dtypes ({got})."


def _candidates(profiles: dict[Path, Profile]) -> Iterator[_Candidate]:
    counts: dict[str, int] = {}
    for profile in profiles.values():
        for each in profile.measurements:
            counts[each.tokenizer] = counts.get(each.tokenizer, 0) + 1
    for run, profile in profiles.items():
        rows = _rows(run)
        for each in profile.measurements:
            name = each.tokenizer if counts[each.tokenizer] == 1 else f"{run.name}:{each.tokenizer}"
            yield _Candidate(name=name, run=run, measurement=each, rows=_of(rows, each))


def _rows(run: Path) -> Any:
    import pyarrow as pa

    batches = list(row_batches(run, ("key", "modality", "tokenizer", *COLUMNS)))
    if not batches:
        raise RunError(
            "the run kept no rows of single items",
            where=str(run),
            fix="A comparison pairs items: profile without --count-only.",
        )
    return pa.Table.from_batches(batches)


def _of(rows: Any, each: Measurement) -> Any:
    import pyarrow.compute as pc

    mine = pc.and_(pc.equal(rows["tokenizer"], each.tokenizer), pc.equal(rows["modality"], each.modality))
    return rows.filter(mine).sort_by("key")


def _refuse_unknown(baseline: str | None, names: Sequence[str]) -> None:
    if baseline is not None and baseline not in names:
        raise NotFound.among("tokenizer in these runs", baseline, names)


def _modality(
    candidates: Sequence[_Candidate], baseline: str | None, allow: Collection[str], notes: list[str], parts: _Parts
) -> _Compared:
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = candidates[0].rows["key"]
    for each in candidates[1:]:
        keys = keys.filter(pc.is_in(keys, value_set=each.rows["key"]))
    modality = candidates[0].measurement.modality
    if not len(keys):
        raise RunError(f"the runs share no {modality} item", got=", ".join(str(each.run) for each in candidates))
    every = len(pc.unique(pa.chunked_array([c for each in candidates for c in each.rows["key"].chunks], pa.string())))
    first = next((each for each in candidates if each.name == baseline), candidates[0])
    systems = [_aligned(each, keys) for each in candidates]
    base = next(system for system in systems if system.name == first.name)
    systems = _one_denominator(systems, base, keys, allow, notes)
    kind, groups = _groups(keys, modality, parts, notes)
    return _Compared(
        systems=systems,
        baseline=next(system for system in systems if system.name == first.name),
        groups=groups,
        kind=kind,
        n_dropped=every - len(keys),
    )


def _aligned(each: _Candidate, keys: Any) -> System:
    import pyarrow.compute as pc

    rows = each.rows.filter(pc.is_in(each.rows["key"], value_set=keys))
    columns = {name: rows[name].to_numpy().astype(np.float64) for name in COLUMNS}
    return System(name=each.name, run=str(each.run), measurement=each.measurement, columns=columns)


def _one_denominator(
    systems: Sequence[System], base: System, keys: Any, allow: Collection[str], notes: list[str]
) -> list[System]:
    """Every system with the raw bytes of the baseline, which are its own unless that was allowed."""
    theirs = base.columns["raw_bytes"]
    for each in systems:
        differ = np.flatnonzero(each.columns["raw_bytes"] != theirs)
        if len(differ):
            place = int(differ[0])
            got = f"{each.columns['raw_bytes'][place]:,.0f} bytes by {each.name}, {theirs[place]:,.0f} by {base.name}"
            if "denominator" not in allow:
                fix = "The files or how they are decoded changed; --allow denominator counts the baseline's bytes."
                what = f"{len(differ):,} items have other raw bytes in another run"
                raise RunError(what, where=str(keys[place]), got=got, fix=fix)
            notes.append(f"{len(differ):,} items have other raw bytes in {each.run}; those of {base.run} count.")
    return [
        System(name=s.name, run=s.run, measurement=s.measurement, columns={**s.columns, "raw_bytes": theirs})
        for s in systems
    ]


def _groups(keys: Any, modality: Modality, parts: _Parts, notes: list[str]) -> tuple[str, Any]:
    """What the groups are, and [n_items] the group of each item: a name, or None where it has none."""
    if parts.by == "language":
        return _languages(keys, modality, parts, notes)
    folders, endings = folders_and_endings(keys)
    if parts.by == "ending":
        return parts.by, np.array(endings.to_pylist(), dtype=object)
    named = folders.to_pylist()
    into = at_one_depth(named)
    return parts.by, np.array([into[folder] for folder in named], dtype=object)


def _languages(keys: Any, modality: Modality, parts: _Parts, notes: list[str]) -> tuple[str, Any]:
    if modality != "text":
        return parts.by, np.full(len(keys), None, dtype=object)
    found = languages(parts.arguments, keys.to_pylist())
    notes.append(found.sentence)
    return found.kind, np.array([found.of.get(key) for key in keys.to_pylist()], dtype=object)
