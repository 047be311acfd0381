"""A worker process as its parent sees it: started, told tasks, watched, killed. And its own main program.

Messages go through pipes as JSON and bytes, never pickled; where the child is stands in memory that both map. The
child is a program of its own, so scripts and notebooks need no `__main__` guard. Leaves out what to do when it dies
(`supervisor`).
"""

import ctypes
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait
from time import monotonic_ns
from typing import Any

from tokeff.engine.executors.messages import answer, understood
from tokeff.engine.perform import perform
from tokeff.engine.recorder import N_BYTES, Recorder, Step
from tokeff.engine.tasks import Task
from tokeff.readers.options import ReadOptions

PROGRAM = "from tokeff.engine.executors.child import main; main()"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
"""A worker is one core: parallelism comes from their number."""
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1


class ChildDied(Exception):
    """The process ended before it answered. `status` is its exit code, -N for signal N."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class ChildOverdue(Exception):
    """A step took longer than it may; the process was killed."""

    def __init__(self, step: Step) -> None:
        self.step = step
        super().__init__(step)


class Child:
    """One worker process."""

    def __init__(self, read: ReadOptions, environment: Mapping[str, str] | None = None) -> None:
        self._memory, self._file = _shared_memory()
        self.recorder = Recorder(memoryview(self._memory))
        ours, theirs = Pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno()), str(self._file.fileno()), str(os.getpid())],
                pass_fds=(theirs.fileno(), self._file.fileno()),
                stdin=subprocess.DEVNULL,
                # Standard output belongs to the answer that a person asked for.
                stdout=2 if _is_open(2) else subprocess.DEVNULL,
                env={**os.environ, **dict.fromkeys(THREADS, "1"), **(environment or {}), "PYTHONPATH": _path()},
            )
        finally:
            theirs.close()
        self._pipe = ours
        self.pid = self._process.pid
        self._send({**read.to_json(), "storage": [list(pair) for pair in read.storage]})

    def perform(self, task: Task, allowance_seconds: float) -> bytes:
        """The result of a task. Raises ChildDied, ChildOverdue, and what the task raised."""
        self.recorder.begin()
        self._send(task.to_json())
        while not wait([self._pipe], timeout=POLL_SECONDS):
            if self._process.poll() is not None and not self._pipe.poll():
                raise ChildDied(self._process.returncode)
            now = monotonic_ns()
            for step in self.recorder.steps():
                if now - step.since_ns > allowance_seconds * 1e9:
                    self.kill()
                    raise ChildOverdue(step)
        try:
            reply = self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise ChildDied(self._process.wait()) from error
        return understood(reply)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and give back what it held. Nobody may be waiting for it."""
        self.kill()
        self._pipe.close()
        self._file.close()

    def _send(self, content: Any) -> None:
        try:
            self._pipe.send_bytes(json.dumps(content).encode())
        except OSError as error:
            raise ChildDied(self._process.wait()) from error


def _shared_memory() -> tuple[mmap.mmap, Any]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the child lives
    file.truncate(N_BYTES)
    return mmap.mmap(file.fileno(), N_BYTES), file


def _path() -> str:
    """Whatever this process can import the worker can."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def main() -> None:
    """The worker: read options once, then tasks until the pipe closes."""
    pipe_number, memory_number, parent = map(int, sys.argv[1:4])
    _die_with(parent)
    # An interrupt at the terminal is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Connection(pipe_number)
    recorder = Recorder(memoryview(mmap.mmap(memory_number, N_BYTES)))
    try:
        settings = json.loads(pipe.recv_bytes())
        read = ReadOptions.from_json(settings, tuple((name, value) for name, value in settings["storage"]))
        while True:
            task = Task.from_json(json.loads(pipe.recv_bytes()))
            pipe.send_bytes(answer(partial(perform, task, read, recorder)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The parent is gone.
        os._exit(0)


def _die_with(parent: int) -> None:
    """Where the system can, have it kill this process when its parent dies, even amid a long call of a library."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
