"""Worker processes on this machine: one thread here for each, which feeds it and waits for it.

The threads live as long as the executor, and so do the workers: models are loaded once. Leaves out what happens when
a worker dies (`supervisor`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from queue import Empty, Queue
from threading import Thread

from tokeff.engine.executors.supervisor import Supervisor
from tokeff.engine.observer import Observer
from tokeff.engine.tasks import Task
from tokeff.readers.options import ReadOptions

POLL_SECONDS = 0.1
JOIN_SECONDS = 10.0
Progress = tuple[int, int, int]
NOTHING: Progress = (0, 0, 0)


class _Worker(Thread):
    """Feeds one supervisor."""

    def __init__(
        self,
        supervisor: Supervisor,
        inbox: "Queue[Task | None]",
        outbox: "Queue[tuple[_Worker, Task, bytes | BaseException]]",
    ) -> None:
        super().__init__(name="worker", daemon=True)
        self.supervisor, self._inbox, self._outbox = supervisor, inbox, outbox
        self._reported = NOTHING

    def run(self) -> None:
        while (task := self._inbox.get()) is not None:
            try:
                data: bytes | BaseException = self.supervisor.run(task)
            except BaseException as error:
                data = error
            self._outbox.put((self, task, data))

    def report(self, observer: Observer, *, finished: bool = False) -> None:
        """Tell what is new of the present shard. One that is tried again is not told twice."""
        recorder = self.supervisor.recorder
        now = recorder.progress() if recorder else NOTHING
        items, stored_bytes, errors = (max(0, new - old) for new, old in zip(now, self._reported, strict=True))
        if items or stored_bytes or errors:
            observer.advance(stored_bytes=stored_bytes, n_items=items, n_errors=errors)
        highest = [max(pair) for pair in zip(now, self._reported, strict=True)]
        self._reported = NOTHING if finished else (highest[0], highest[1], highest[2])


class Processes:
    """The executor."""

    def __init__(
        self, read: ReadOptions, n_workers: int, item_timeout: float, environments: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self.n_workers = n_workers
        self._read, self._limit = read, item_timeout
        self._environments = environments or [{}]
        self._inbox: Queue[Task | None] = Queue()
        self._outbox: Queue[tuple[_Worker, Task, bytes | BaseException]] = Queue()
        self._workers: list[_Worker] = []

    def run(self, tasks: Iterable[Task], observer: Observer) -> Iterator[tuple[Task, bytes]]:
        """Tasks in order, results as they come; one task waits for every worker, so that none is idle."""
        waiting, n_out = iter(tasks), 0
        while True:
            for task in islice(waiting, 2 * self.n_workers - n_out):
                self._hire()
                self._inbox.put(task)
                n_out += 1
            if not n_out:
                return
            try:
                worker, task, data = self._outbox.get(timeout=POLL_SECONDS)
            except Empty:
                for each in self._workers:
                    each.report(observer)
                continue
            n_out -= 1
            worker.report(observer, finished=True)
            if isinstance(data, BaseException):
                raise data
            yield task, data

    def close(self) -> None:
        """Kill the workers and wait for the threads."""
        while True:
            try:
                self._inbox.get_nowait()
            except Empty:
                break
        for worker in self._workers:
            self._inbox.put(None)
            worker.supervisor.stop()
        for worker in self._workers:
            worker.join(JOIN_SECONDS)
            worker.supervisor.close()
        self._workers.clear()

    def _hire(self) -> None:
        """One more worker, until there are enough: few shards need few."""
        number = len(self._workers)
        if number < self.n_workers:
            environment = dict(self._environments[number % len(self._environments)])
            worker = _Worker(Supervisor(self._read, self._limit, environment), self._inbox, self._outbox)
            worker.start()
            self._workers.append(worker)
