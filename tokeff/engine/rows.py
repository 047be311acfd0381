"""Rows of `items.parquet`: one per item and tokenizer, streamed, with the same columns whatever was measured.

A column that does not exist for an item is null. Leaves out what the columns mean (`tokeff.measures.batch`).
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tokeff.records.items import Modality
from tokeff.records.tallies import Tally, from_fixed

ROWS_PER_GROUP = 50_000
PRESENCES = (
    *("n_psnr", "n_ssim", "n_ms_ssim", "n_si_sdr", "n_log_mel_distance", "n_stft_distance"),
    *("n_pesq_wb", "n_pesq_nb", "n_stoi"),
)
"""Say of how many items a mean is, and why others have none: in a row the figure itself is there or null."""


class RowWriter:
    """Writes rows in groups; memory is that of one group."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: list[dict[str, Any]] = []
        self._writer: Any = None

    def __enter__(self) -> Self:
        """Open the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # Here, since it brings torch, and who only reads a run needs none.
        from tokeff.measures.batch import ROW_COUNTS, ROW_REALS

        self._counts, self._reals = frozenset(ROW_COUNTS), frozenset(ROW_REALS)
        texts = [(name, pa.string()) for name in ("key", "modality", "tokenizer")]
        counts = [(name, pa.int64()) for name in ROW_COUNTS]
        reals = [(name, pa.float64()) for name in ROW_REALS]
        self._schema = pa.schema(texts + counts + reals)
        self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        return self

    def add(self, modality: Modality, tokenizer: str, tally: Tally) -> None:
        """Append the rows of one batch. Raises ValueError for a column that is not declared here."""
        for key, row in (tally.rows or {}).items():
            self._held.append({"key": key, "modality": modality, "tokenizer": tokenizer, **self._values(row)})
        if len(self._held) >= ROWS_PER_GROUP:
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
            self._writer.write_table(pa.Table.from_pylist(self._held, schema=self._schema))
            self._held.clear()

    def _values(self, row: Mapping[str, int]) -> dict[str, float]:
        row = {name: value for name, value in row.items() if not name.startswith(PRESENCES)}
        undeclared = row.keys() - self._counts - self._reals
        if undeclared:
            # pyarrow would drop the column without a word.
            names = ", ".join(sorted(undeclared))
            raise ValueError(f"items.parquet has no column for {names}: declare it in ROW_COUNTS or ROW_REALS")
        return {name: from_fixed(value) if name in self._reals else value for name, value in row.items()}
