"""How far a run is, on standard error: a bar where that is a terminal, one JSON object per event where it is asked for,
silence elsewhere. Of all workers together.
"""

import json
import sys
from time import monotonic
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import TaskProgressColumn as Share

EVERY_SECONDS = 1.0
"""So often progress is logged."""


class TerminalProgress:
    """An Observer of a run that draws."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            Share(),
            TextColumn("{task.fields[items]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task: TaskID | None = None
        self._count = Count()

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no trace on the terminal."""
        self._progress.stop()

    def stage(self, name: str, *, total_bytes: int | None = None) -> None:
        """A stage begins."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._count = Count(total_bytes)
        self._task = self._progress.add_task(name, total=total_bytes, items="")

    def advance(self, *, stored_bytes: int, n_items: int, n_errors: int) -> None:
        """So much more of the stage is done."""
        if self._task is None:
            return
        count = self._count
        count.add(stored_bytes, n_items, n_errors)
        items = f"{count.n_items:,} items" + (f", {count.n_errors:,} failed" if count.n_errors else "")
        self._progress.update(self._task, advance=stored_bytes, items=f"{items}, {decimal(count.rate)}/s")


class JsonLog:
    """An Observer that writes one JSON object per event: stage, progress (once a second), end."""

    def __init__(self) -> None:
        self._name = ""
        self._count = Count()
        self._told = 0.0

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the end."""
        self._tell("progress", **self._count.facts())
        self._write({"event": "end", "error": None if error is None else str(error)})

    def stage(self, name: str, *, total_bytes: int | None = None) -> None:
        """A stage begins."""
        if self._name:
            self._tell("progress", **self._count.facts())
        self._name, self._count = name, Count(total_bytes)
        self._tell("stage", total_bytes=total_bytes)

    def advance(self, *, stored_bytes: int, n_items: int, n_errors: int) -> None:
        """So much more of the stage is done."""
        self._count.add(stored_bytes, n_items, n_errors)
        if monotonic() - self._told >= EVERY_SECONDS:
            self._tell("progress", **self._count.facts())

    def _tell(self, event: str, **facts: Any) -> None:
        self._told = monotonic()
        self._write({"event": event, "stage": self._name, **facts})

    @staticmethod
    def _write(entry: dict[str, Any]) -> None:
        print(json.dumps(entry), file=sys.stderr, flush=True)


class Count:
    """What is done of a stage, how fast, and how long the rest may take."""

    def __init__(self, total_bytes: int | None = None) -> None:
        self.n_items = self.n_errors = self.stored_bytes = 0
        self._total = total_bytes
        self._start = monotonic()

    def add(self, stored_bytes: int, n_items: int, n_errors: int) -> None:
        """So much more is done."""
        self.stored_bytes += stored_bytes
        self.n_items += n_items
        self.n_errors += n_errors

    @property
    def rate(self) -> int:
        """Stored bytes per second."""
        return round(self.stored_bytes / max(monotonic() - self._start, 1e-3))

    def facts(self) -> dict[str, Any]:
        """For a log."""
        left = None if self._total is None or not self.rate else max(0, self._total - self.stored_bytes) / self.rate
        return {
            "n_items": self.n_items,
            "n_errors": self.n_errors,
            "stored_bytes": self.stored_bytes,
            "bytes_per_second": self.rate,
            "seconds_left": None if left is None else round(left, 1),
        }
