"""Performing a task, in whatever process: the one entry that every engine calls."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from tokeff.engine.recorder import Recorder
from tokeff.engine.tasks import Task
from tokeff.readers.options import ReadOptions


def perform(task: Task, read: ReadOptions, recorder: Recorder) -> bytes:
    """The result of a task. Raises TokeffError for what a person must decide."""
    recorder.begin()
    with _seldom_collected():
        return _performed(task, read, recorder)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Python looks for garbage in cycles, of which there is hardly any, at every 700 new objects: of lines a quarter
    of the time would go there.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The bits of a network's answer depend on the number of threads: it is one, in whatever process. Parallelism comes
    from the number of workers.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _performed(task: Task, read: ReadOptions, recorder: Recorder) -> bytes:
    if task.kind == "look":
        from tokeff.engine.look import look

        return look(task, read, recorder).to_bytes()
    from tokeff.engine.bench import open_tools

    with _one_thread():
        tools = open_tools(task.terms)
        if task.kind == "count":
            from tokeff.engine.census import count

            return count(task, tools, read, recorder).to_bytes()
        from tokeff.engine.measure import measure

        return measure(task, tools, read, recorder).to_bytes()
