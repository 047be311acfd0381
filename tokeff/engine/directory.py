"""The run directory: what a run leaves behind.

    run.json             arguments, seed, corpus fingerprint, cards, device, versions, timings, totals
    measurements.json    the figures
    items.parquet        one row per item and tokenizer
    errors.jsonl         the quarantine: one line per failure
    shards/              the ledger: the result of every shard (`ledger`)

Files are written beside their place and renamed, `run.json` last: a directory with a `run.json` is complete.
"""

import errno
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from tokeff.engine.rows import RowWriter
from tokeff.errors import RunError
from tokeff.records.items import Failure, Modality
from tokeff.records.tallies import Tally

MEASUREMENTS_SCHEMA = "tokeff.measurements/1"
RUN_SCHEMA = "tokeff.run/1"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FILES = ("run.json", "measurements.json", "items.parquet", "errors.jsonl")


class RunDirectory:
    """An open run directory. Use `RunDirectory.create`."""

    def __init__(self, folder: Path, rows: RowWriter, errors: TextIO) -> None:
        self._folder, self._rows, self._errors = folder, rows, errors

    @classmethod
    @contextmanager
    def create(cls, folder: Path) -> "Iterator[RunDirectory]":
        """A new run directory, or one that has nothing but a ledger; of one that fails nothing else is left.

        Raises RunError where `folder` holds a complete run or anything else, or cannot be written.
        """
        refuse_occupied(folder)
        was_there = folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            errors_path, rows_path = _part(folder, "errors.jsonl"), _part(folder, "items.parquet")
            with errors_path.open("w", encoding="utf-8") as errors, RowWriter(rows_path) as rows:
                yield cls(folder, rows, errors)
            errors_path.rename(folder / "errors.jsonl")
            rows_path.rename(folder / "items.parquet")
            # Its presence says that the rest is whole.
            _part(folder, "run.json").rename(folder / "run.json")
        except BaseException as error:
            _clear(folder, remove=not was_there)
            if isinstance(error, OSError):
                raise unwritable(folder, error) from error
            raise

    def add_rows(self, modality: Modality, tokenizer: str, tally: Tally) -> None:
        """Append the items of a batch's tally."""
        self._rows.add(modality, tokenizer, tally)

    def add_table(self, table: Any) -> None:
        """Append rows that a shard has."""
        self._rows.add_table(table)

    def add_failures(self, failures: Sequence[Failure]) -> None:
        """Append to the quarantine."""
        for failure in failures:
            self._errors.write(json.dumps(asdict(failure), ensure_ascii=False) + "\n")

    def finish(self, measurements: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
        """Write the figures and what produced them."""
        _write_json(self._folder / "measurements.json", {"schema": MEASUREMENTS_SCHEMA, "measurements": measurements})
        _write_json(_part(self._folder, "run.json"), {"schema": RUN_SCHEMA, **run})


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """One of a run's JSON files. Raises RunError where it is absent or not what it should be."""
    path = folder / name
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RunError(
            "this is not a complete run",
            where=str(folder),
            got=f"no {name}",
            expected="a folder that `tokeff profile ... -o RUN` wrote",
        ) from error
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read it: {error}", where=str(path)) from error
    if not isinstance(content, dict):
        raise RunError("is not a JSON object", where=str(path))
    return content


def unwritable(folder: Path, error: OSError) -> RunError:
    """The system's refusal to write, with what a person can do."""
    is_full = error.errno in FULL
    again = "What is done is kept: make room, then give the same command again."
    fix = again if is_full else "Give -o a place that can be written."
    return RunError(f"cannot write the run: {error.strerror or error}", where=str(folder), fix=fix)


def refuse_occupied(folder: Path) -> None:
    """Raises RunError unless `folder` is new, empty, or holds a run that is not complete."""
    if folder.exists() and not folder.is_dir():
        raise RunError("a file is in the way", where=str(folder), expected="a new or empty directory")
    if not folder.exists():
        return
    is_complete = (folder / "run.json").exists()
    others = [path.name for path in folder.iterdir() if not _is_of_unfinished_run(folder, path.name)]
    if is_complete or others:
        held = "another run, which is complete" if is_complete else "other files"
        raise RunError(
            f"the output directory holds {held}",
            where=str(folder),
            expected="a new or empty directory, or an unfinished run",
            fix="Give -o another name, or delete it first.",
        )


def discard(folder: Path, *, remove: bool) -> None:
    """Take away a run of which nothing was measured yet; anything more is kept to go on from."""
    ledger = folder / "shards"
    if not ledger.is_dir() or any(ledger.glob("*-measure-*.zip")) or any(ledger.glob("*-count-*.zip")):
        return
    shutil.rmtree(ledger)
    _clear(folder, remove=remove)


def _is_of_unfinished_run(folder: Path, name: str) -> bool:
    return name == "shards" or name.endswith((".part", ".writing")) or (name in FILES and (folder / "shards").is_dir())


def _clear(folder: Path, *, remove: bool) -> None:
    """Take away what an unfinished run wrote, but for its ledger; nothing else was there."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
        if remove and not any(folder.iterdir()):
            folder.rmdir()


def _part(folder: Path, name: str) -> Path:
    return folder / f"{name}.part"


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(path.name.removesuffix(".part") + ".writing")
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # Names of files that are not UTF-8 have surrogates: as escapes they are JSON.
    part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    part.rename(path)
