"""A table of training runs from CSV or Parquet, as columns. Leaves out what they mean (`tokeff.laws.fitting`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokeff.errors import LawError, NotFound
from tokeff.laws.fitting import read_table


def read_runs(path: Path, where: Mapping[str, str]) -> dict[str, list[Any]]:
    """The columns of a table; `where` keeps only rows whose columns have these values. Raises NotFound and LawError."""
    return _parquet(path, where) if path.suffix in {".parquet", ".pq"} else dict(read_table(path, where))


def _parquet(path: Path, where: Mapping[str, str]) -> dict[str, list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise NotFound("there is no such table of runs", where=str(path), expected="a CSV or Parquet file")
    try:
        columns: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise LawError(f"cannot be read: {error}", where=str(path), expected="a Parquet file") from error
    for name in where:
        if name not in columns:
            raise NotFound.among("column", name, columns)
    n_rows = len(next(iter(columns.values()), []))
    kept = [k for k in range(n_rows) if all(str(columns[name][k]) == value for name, value in where.items())]
    if not kept:
        raise LawError("the table has no run", where=str(path), got=f"{n_rows} rows, none with {dict(where)}")
    return {name: [values[k] for k in kept] for name, values in columns.items()}
