"""Workers on a Ray cluster: core actors, each of which keeps a worker process on its node.

The actor only supervises, with the same code as on one machine, so a decoder that crashes kills neither the actor nor
the node's slot. An actor that is lost is replaced and its shard given out again. Ray itself retries nothing.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from tokeff.engine.executors.messages import answer, understood
from tokeff.engine.executors.supervisor import Supervisor
from tokeff.engine.observer import Observer
from tokeff.engine.tasks import Task
from tokeff.errors import RunError, TokeffError
from tokeff.readers.options import ReadOptions

MAX_LOST = 8
"""Actors lost over one shard."""
OBJECT_STORE_BYTES = 2**28
"""Of a cluster that is started here: results are small."""
HANDED_ON = ("TOKEFF_", "TIKTOKEN_", "HF_", "AWS_", "GOOGLE_", "AZURE_")
"""Variables of the environment that workers elsewhere need too."""
POLL_SECONDS = 0.5


class Actor:
    """Lives on some node. Told tasks as JSON, answers in bytes."""

    def __init__(self, read: ReadOptions, item_timeout: float, environment: dict[str, str]) -> None:
        self._supervisor = Supervisor(read, item_timeout, environment)

    def run(self, task: str) -> tuple[bytes, tuple[int, int, int]]:
        """The answer to a task; items, stored bytes and failed items that it is about."""
        message = answer(lambda: self._supervisor.run(Task.from_json(json.loads(task))))
        recorder = self._supervisor.recorder
        return message, recorder.progress() if recorder else (0, 0, 0)


class OnRay:
    """The executor."""

    def __init__(
        self, read: ReadOptions, n_workers: int | None, item_timeout: float, *, address: str | None, use_gpu: bool
    ) -> None:
        self._ray, self._is_ours = _connected(address)
        resources = self._ray.cluster_resources()
        self.n_workers = n_workers or max(1, int(resources.get("GPU" if use_gpu else "CPU", 1)))
        environment = {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}
        self._arguments = (read, item_timeout, environment)
        self._class = self._ray.remote(Actor).options(num_cpus=1, num_gpus=int(use_gpu), max_restarts=0)
        self._idle: list[Any] = []
        self._hired: list[Any] = []

    def run(self, tasks: Iterable[Task], observer: Observer) -> Iterator[tuple[Task, bytes]]:
        """Tasks in order, results as they come."""
        waiting = iter(tasks)
        out: dict[Any, tuple[Any, Task]] = {}
        lost: dict[int, int] = {}
        while True:
            for task in islice(waiting, self.n_workers - len(out)):
                self._give(task, out)
            if not out:
                return
            ready, _ = self._ray.wait(list(out), num_returns=1, timeout=POLL_SECONDS)
            for reference in ready:
                actor, task = out.pop(reference)
                try:
                    message, (n_items, stored_bytes, n_errors) = self._ray.get(reference)
                except self._ray.exceptions.RayActorError as error:
                    number = task.shard.number
                    lost[number] = lost.get(number, 0) + 1
                    if lost[number] > MAX_LOST:
                        where = f"shard {number} ({task.shard.part.key})"
                        raise RunError("Ray loses the worker again and again", where=where, got=str(error)) from error
                    self._hired.remove(actor)
                    self._give(task, out)
                    continue
                except self._ray.exceptions.RayError as error:
                    fix = "What is done is kept: the same command goes on."
                    raise RunError("Ray gave up", where="--engine ray", got=str(error), fix=fix) from error
                self._idle.append(actor)
                data = understood(message)
                observer.advance(stored_bytes=stored_bytes, n_items=n_items, n_errors=n_errors)
                yield task, data

    def close(self) -> None:
        """Let the actors go, and leave the cluster if it was joined here."""
        for actor in self._hired:
            self._ray.kill(actor)
        if self._is_ours:
            self._ray.shutdown()

    def _give(self, task: Task, out: dict[Any, tuple[Any, Task]]) -> None:
        if not self._idle:
            self._hired.append(self._class.remote(*self._arguments))
            self._idle.append(self._hired[-1])
        actor = self._idle.pop()
        out[actor.run.remote(json.dumps(task.to_json()))] = actor, task


def _connected(address: str | None) -> tuple[Any, bool]:
    """Ray, and whether it was joined here: who calls from a program of Ray's is there already."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        fix = "pip install 'tokeff[ray]'"
        raise TokeffError("Ray is not installed", where="--engine ray", got=str(error), fix=fix) from error
    if ray.is_initialized():
        return ray, False
    here: dict[str, Any] = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    try:
        ray.init(
            address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else here)
        )
    except Exception as error:
        # Ray raises bare ones, too.
        raise RunError(f"cannot join the Ray cluster: {error}", where=f"--address {address or 'local'}") from error
    return ray, True
