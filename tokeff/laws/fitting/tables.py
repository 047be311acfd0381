"""A table of training runs from a CSV or Parquet file, as columns. Leaves out what the columns mean (`runs`)."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokeff.errors import LawError, NotFound

PARQUET = frozenset({".parquet", ".pq"})


def read_table(path: Path, where: Mapping[str, str] | None = None) -> dict[str, list[Any]]:
    """Columns by name: text from CSV (with a header), values from Parquet (.parquet, .pq).

    `where` keeps only rows whose columns, as text, have these values. Raises NotFound for an absent file or column,
    LawError for a file that cannot be read and a table without a run.
    """
    if not path.is_file():
        raise NotFound("there is no such table of runs", where=str(path), expected="a CSV or Parquet file")
    columns = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    wanted = where or {}
    for name in wanted:
        if name not in columns:
            raise NotFound.among("column", name, columns)
    n_rows = len(next(iter(columns.values()), []))
    kept = [k for k in range(n_rows) if all(str(columns[name][k]) == value for name, value in wanted.items())]
    if not kept:
        none = f", none with {dict(wanted)}" if wanted else ""
        raise LawError("the table has no run", where=str(path), got=f"{n_rows} rows{none}")
    return {name: [values[k] for k in kept] for name, values in columns.items()}


def _csv(path: Path) -> dict[str, list[Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise LawError(f"cannot be read: {error}", where=str(path), expected="a CSV file in UTF-8") from error
    rows = [row for row in rows if row]
    header = [name.strip() for name in header]
    if len(header) == 1 and (sign := next((sign for sign in ";\t|" if sign in header[0]), None)):
        raise LawError("the fields are not separated by commas", where=str(path), got=repr(sign), expected="','")
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise LawError("a row has another number of fields than the header", where=f"{path}, run {number}",
                           got=len(row), expected=len(header))  # fmt: skip
    if twice := [name for name in header if header.count(name) > 1]:
        raise LawError("two columns of one name", where=str(path), got=twice[0])
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def _parquet(path: Path) -> dict[str, list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise LawError(f"cannot be read: {error}", where=str(path), expected="a Parquet file") from error
    return columns
