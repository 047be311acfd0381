"""A progress bar on standard error, where that is a terminal; silence elsewhere."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import TaskProgressColumn as Share


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
        self._n_items = self._n_errors = 0

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
        self._n_items = self._n_errors = 0
        self._task = self._progress.add_task(name, total=total_bytes, items="")

    def advance(self, *, stored_bytes: int, n_items: int, n_errors: int) -> None:
        """So much more of the stage is done."""
        if self._task is None:
            return
        self._n_items += n_items
        self._n_errors += n_errors
        items = f"{self._n_items:,} items" + (f", {self._n_errors:,} failed" if self._n_errors else "")
        self._progress.update(self._task, advance=stored_bytes, items=items)
