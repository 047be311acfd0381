"""A finished run read back: its measurements, its profile and its rows as records. Leaves out what is made of them."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tokeff.engine.directory import MEASUREMENTS_SCHEMA, RUN_SCHEMA, read_json
from tokeff.engine.sums import N_EXAMPLES
from tokeff.errors import RunError
from tokeff.records.items import Failure
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Alert, Population, Profile

ROWS_PER_BATCH = 10_000


def load_measurements(run: Path) -> tuple[Measurement, ...]:
    """The measurements of a run directory, or of a measurements.json. Raises RunError for anything else."""
    from tokeff.measures.saved import from_json

    folder, name = (run.parent, run.name) if run.suffix == ".json" else (run, "measurements.json")
    table = read_json(folder, name)
    _refuse_other_schema(table, folder / name, MEASUREMENTS_SCHEMA, "measurements")
    return tuple(from_json(entry) for entry in table["measurements"])


def load_profile(run: Path) -> Profile:
    """The profile that a run directory keeps, with its first failures. Raises RunError for anything else."""
    table = read_json(run, "run.json")
    _refuse_other_schema(table, run / "run.json", RUN_SCHEMA, "alerts")
    try:
        return Profile(
            measurements=load_measurements(run),
            population={m: Population(**held) for m, held in table["corpus"]["population"].items()},
            failures=table["failures"],
            examples=tuple(islice(load_failures(run), N_EXAMPLES)),
            alerts=tuple(Alert(**alert) for alert in table["alerts"]),
            run={name: value for name, value in table.items() if name != "schema"},
            **table["totals"],
        )
    except (KeyError, TypeError) as error:
        raise RunError("run.json lacks or misnames something", where=str(run), got=repr(error)) from error


def load_failures(run: Path) -> Iterator[Failure]:
    """The quarantine of a run, line by line. Raises RunError for a line that is none."""
    path = run / "errors.jsonl"
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield Failure(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"cannot read it: {error}", where=str(path)) from error


def row_batches(run: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Rows of `items.parquet` as pyarrow.RecordBatch, in order, a bounded number at a time. Raises RunError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = run / "items.parquet"
    try:
        with pq.ParquetFile(path) as file:
            if missing := sorted(set(columns) - set(file.schema_arrow.names)):
                raise RunError("items.parquet lacks columns", where=str(path), got=", ".join(missing))
            yield from file.iter_batches(batch_size=ROWS_PER_BATCH, columns=list(columns))
    except (OSError, pa.ArrowInvalid) as error:
        raise RunError(f"cannot read it: {error}", where=str(path)) from error


def _refuse_other_schema(table: dict[str, Any], path: Path, schema: str, key: str) -> None:
    if table.get("schema") != schema or not isinstance(table.get(key), list):
        raise RunError(
            f"is not a file of {key} of this version of tokeff",
            where=str(path),
            got=table.get("schema"),
            expected=schema,
        )
