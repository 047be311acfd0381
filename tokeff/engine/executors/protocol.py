"""What an executor is, and one that has no workers: every task is done in this process."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from tokeff.engine.observer import Observer
from tokeff.engine.perform import perform
from tokeff.engine.recorder import Recorder
from tokeff.engine.tasks import Task
from tokeff.readers.options import ReadOptions


class Executor(Protocol):
    """Does tasks in any order."""

    @property
    def n_workers(self) -> int:
        """Processes; 0 where there are none but this one."""
        ...

    def run(self, tasks: Iterable[Task], observer: Observer) -> Iterator[tuple[Task, bytes]]:
        """The result of every task as it is done. Raises TokeffError where one cannot be done by anybody."""
        ...

    def close(self) -> None:
        """Let everybody go."""
        ...


class InProcess:
    """No workers and no limits: for corpora that are done before a worker would have started."""

    n_workers = 0

    def __init__(self, read: ReadOptions) -> None:
        self._read = read

    def run(self, tasks: Iterable[Task], observer: Observer) -> Iterator[tuple[Task, bytes]]:
        """One after the other."""
        for task in tasks:
            yield task, perform(task, self._read, _Told(observer))

    def close(self) -> None:
        """Nobody is here."""


class _Told(Recorder):
    """Tells the observer at once."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self._observer = observer

    def done(self, *, n_items: int, stored_bytes: int, n_errors: int) -> None:
        self._observer.advance(stored_bytes=stored_bytes, n_items=n_items, n_errors=n_errors)
