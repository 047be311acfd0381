"""Performing a task, in whatever process: the one entry that every engine calls."""

from tokeff.engine.recorder import Recorder
from tokeff.engine.tasks import Task
from tokeff.readers.options import ReadOptions


def perform(task: Task, read: ReadOptions, recorder: Recorder) -> bytes:
    """The result of a task. Raises TokeffError for what a person must decide."""
    recorder.begin()
    if task.kind == "look":
        from tokeff.engine.look import look

        return look(task, read, recorder).to_bytes()
    from tokeff.engine.bench import open_tools

    tools = open_tools(task.terms)
    if task.kind == "count":
        from tokeff.engine.census import count

        return count(task, tools, read, recorder).to_bytes()
    from tokeff.engine.measure import measure

    return measure(task, tools, read, recorder).to_bytes()
