"""The ledger: what of a run is done, in `shards/` of its directory. Killed at any moment, a run goes on from it.

    job.json                        options, code, libraries, cards: a run is only resumed with the same
    plan.jsonl                      one line per shard
    000012-measure-<key>.zip        the result of a shard; the key is of what was read and on what terms

A result is written beside its place, forced to the disk and renamed: it is there whole or not at all. So work may be
done twice, but counts once. Leaves out the work itself (`executors`).
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tokeff.engine.directory import unwritable
from tokeff.engine.options import Options
from tokeff.engine.results import Result
from tokeff.engine.shards import Shard, divided
from tokeff.errors import RunError
from tokeff.readers.parts import parts
from tokeff.readers.pieces import Part, Piece

FOLDER = "shards"
MAX_SHOWN = 5


class Ledger:
    """An open ledger. Use `Ledger.open` or `Ledger.read`."""

    def __init__(self, folder: Path, job: Mapping[str, Any]) -> None:
        self.folder, self.job = folder, job
        self._digest = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()
        self.total_bytes = 0
        self.n_shards = 0

    @classmethod
    @contextmanager
    def open(cls, run: Path, job: Mapping[str, Any], *, fresh: bool = False) -> "Iterator[Ledger]":
        """The ledger of a run that begins or goes on. Raises RunError, saying what differs, and for a full disk."""
        folder = run / FOLDER
        with _written(run):
            folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            if fresh:
                _empty(folder)
            if (folder / "job.json").exists():
                _refuse_other_job(run, _load(folder / "job.json"), job)
            ledger = cls(folder, job)
            ledger.keep(folder / "job.json", (json.dumps(job, indent=1) + "\n").encode())
            yield ledger

    @classmethod
    def read(cls, run: Path) -> "Ledger":
        """The ledger of a run that is there, to look at. Raises RunError where it has none."""
        folder = run / FOLDER
        if not (folder / "plan.jsonl").is_file():
            raise RunError("this run keeps no ledger", where=str(run), got=f"no {FOLDER}/plan.jsonl")
        ledger = cls(folder, _load(folder / "job.json"))
        ledger._measure_plan()
        return ledger

    def plan(self, options: Options) -> None:
        """List the corpus and cut it into shards. Raises RunError where it is not the one that was begun with."""
        listed, planned, plan = (self.folder / name for name in ("parts.jsonl.new", "plan.jsonl.new", "plan.jsonl"))
        with _written(self.folder):
            total = 0
            with listed.open("w", encoding="utf-8") as out:
                for part in parts(options.paths, options.reading):
                    total += part.stored_bytes
                    out.write(json.dumps(part.to_json()) + "\n")
            with listed.open(encoding="utf-8") as lines, planned.open("w", encoding="utf-8") as out:
                for line in lines:
                    for share in divided(Part.from_json(json.loads(line)), total):
                        out.write(Shard(number=0, part=share).to_line() + "\n")
                _force(out.fileno())
            if plan.exists():
                _refuse_other_corpus(self.folder.parent, plan, planned)
            planned.replace(plan)
            listed.unlink()
        self._measure_plan()

    def shards(self) -> Iterator[Shard]:
        """Every shard, in order."""
        yield from _shards(self.folder / "plan.jsonl")

    def path(self, kind: str, shard: Shard, *terms: object) -> Path:
        """Where a result lies or will lie."""
        return self.folder / f"{shard.number:06d}-{kind}-{shard.key(self._digest, kind, *terms)}.zip"

    def keep(self, path: Path, data: bytes) -> None:
        """Commit a result. Raises RunError where the disk is full."""
        with _written(self.folder.parent):
            commit(path, data)

    def result(self, path: Path) -> Result:
        """A result that was kept. Raises RunError where it is not there or damaged."""
        try:
            return Result.from_bytes(path.read_bytes(), str(path))
        except OSError as error:
            fix = "Run the same command again: it does what is missing."
            raise RunError("the result of a shard is missing", where=str(path), got=error.strerror, fix=fix) from error

    def _measure_plan(self) -> None:
        self.n_shards = self.total_bytes = 0
        for shard in self.shards():
            self.n_shards += 1
            self.total_bytes += shard.part.stored_bytes


def commit(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, whatever happens meanwhile."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as out:
        out.write(data)
        out.flush()
        _force(out.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        _force(folder)
    finally:
        os.close(folder)


def _force(descriptor: int) -> None:
    os.fsync(descriptor)


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot be read: {error}", where=str(path), fix="Begin again with --fresh.") from error
    return content


@contextmanager
def _written(run: Path) -> Iterator[None]:
    """What the operating system refuses is a refusal that a person can act on."""
    try:
        yield
    except OSError as error:
        raise unwritable(run, error) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl

    with _written(path.parent):
        lock = path.open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError("another process is at work on this run", where=str(path.parent.parent)) from error
        yield


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "lock":
            path.unlink()


def _refuse_other_job(run: Path, begun: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    before, now = _flat(begun), _flat(json.loads(json.dumps(job)))
    names = [name for name in dict.fromkeys((*before, *now)) if before.get(name) != now.get(name)]
    if names:
        shown = [f"{name}: {before.get(name)!r} then, {now.get(name)!r} now" for name in names[:MAX_SHOWN]]
        shown += [f"and {len(names) - MAX_SHOWN} more"] * (len(names) > MAX_SHOWN)
        raise _differs(run, "an unfinished run with other terms", "; ".join(shown))


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found


def _refuse_other_corpus(run: Path, plan: Path, planned: Path) -> None:
    for was, now in zip_longest(_pieces(plan), _pieces(planned)):
        if was != now:
            raise _differs(run, "an unfinished run of another corpus", _difference(was, now))


def _shards(plan: Path) -> Iterator[Shard]:
    with plan.open(encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines):
                yield Shard.from_line(number, line)
        except (ValueError, KeyError, TypeError) as error:
            fix = "Begin again with --fresh."
            raise RunError("the plan of a run is damaged", where=str(plan), got=error, fix=fix) from error


def _pieces(plan: Path) -> Iterator[Piece]:
    for shard in _shards(plan):
        yield from shard.part.pieces


def _difference(was: Piece | None, now: Piece | None) -> str:
    if was is None or now is None:
        return f"{now.key} is new" if now else f"{was.key if was else 'all'} is gone"
    return f"{was.key} changed" if was.key == now.key else f"{now.key} instead of {was.key}"


def _differs(run: Path, what: str, got: str) -> RunError:
    fix = "Give the same command on the same corpus, name another -o, or begin again with --fresh."
    return RunError(f"the output directory holds {what}", where=str(run), got=got, fix=fix)
