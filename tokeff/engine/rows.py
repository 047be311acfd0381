"""Rows of `items.parquet`: one per item and tokenizer, streamed, with the same columns whatever was measured.

A column that does not exist for an item is null. Leaves out what the columns mean (`tokeff.measures.batch`).
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tokeff.records.items import Modality
from tokeff.records.tallies import FIXED_UNIT, Tally

ROWS_PER_GROUP = 10_000
"""What is held at once: with all columns, some megabytes."""
PRESENCES = (
    *("n_psnr", "n_ssim", "n_ms_ssim", "n_si_sdr", "n_log_mel_distance", "n_stft_distance"),
    *("n_pesq_wb", "n_pesq_nb", "n_stoi"),
)
"""Say of how many items a mean is, and why others have none: in a row the figure itself is there or null."""
TEXTS = ("key", "modality", "tokenizer")


class RowWriter:
    """Writes rows in groups, to a file or into memory; memory is that of one group."""

    def __init__(self, sink: Path | io.BytesIO) -> None:
        self._sink = sink
        self._held: list[Any] = []
        self._n_held = 0
        self.n_rows = 0

    def __enter__(self) -> Self:
        """Open the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # Here, since it brings torch, and who only reads a run needs none.
        from tokeff.measures.batch import ROW_COUNTS, ROW_REALS

        self._counts, self._reals = tuple(ROW_COUNTS), tuple(ROW_REALS)
        self._known = frozenset(self._counts + self._reals)
        texts = [(name, pa.string()) for name in TEXTS]
        counts = [(name, pa.int64()) for name in self._counts]
        reals = [(name, pa.float64()) for name in self._reals]
        self._schema = pa.schema(texts + counts + reals)
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        return self

    def add(self, modality: Modality, tokenizer: str, tally: Tally) -> None:
        """Append the rows of one batch. Raises ValueError for a column that is not declared here."""
        if tally.rows:
            self.add_table(self._table(modality, tokenizer, tally.rows))

    def add_table(self, table: Any) -> None:
        """Append rows that were written by another writer, as pyarrow.Table."""
        self._held.append(table)
        self._n_held += table.num_rows
        self.n_rows += table.num_rows
        if self._n_held >= ROWS_PER_GROUP:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is held and close."""
        if kind is None:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=ROWS_PER_GROUP)
            self._held.clear()
            self._n_held = 0

    def _table(self, modality: Modality, tokenizer: str, rows: Mapping[str, Mapping[str, int]]) -> Any:
        """Column by column: a row of text costs microseconds to measure and must not cost more to write."""
        import pyarrow as pa

        n_rows = len(rows)
        present = dict.fromkeys(name for row in rows.values() for name in row if not name.startswith(PRESENCES))
        self._refuse_undeclared(present)
        fixed: dict[str, list[Any]] = {
            "key": list(rows),
            "modality": [modality] * n_rows,
            "tokenizer": [tokenizer] * n_rows,
        }
        columns = []
        for field in self._schema:
            values = fixed.get(field.name)
            if values is None and field.name in present:
                values = [row.get(field.name) for row in rows.values()]
                if field.name in self._reals:
                    values = [None if value is None else value / FIXED_UNIT for value in values]
            columns.append(pa.nulls(n_rows, field.type) if values is None else pa.array(values, field.type))
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _refuse_undeclared(self, names: Iterable[str]) -> None:
        if undeclared := sorted(set(names) - self._known):
            # The column would be missing without a word.
            listed = ", ".join(undeclared)
            raise ValueError(f"items.parquet has no column for {listed}: declare it in ROW_COUNTS or ROW_REALS")
