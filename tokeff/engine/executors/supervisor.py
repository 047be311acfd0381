"""The supervisor: one worker process and what happens when it dies or hangs.

A shard is first worked on in batches. When that kills the worker, the recorder tells which items it had in hand; they
are tried again one by one, and the one that does it STRIKES times in the same way is excluded: quarantined, with the
signal or the time limit as its reason. Then the whole shard is worked on anew without it, so that what counts never
depends on when a worker died. Death from outside costs the shard another try and nobody the quarantine.
"""

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokeff.engine.executors.child import Child, ChildDied, ChildOverdue
from tokeff.engine.recorder import Place, Recorder, Step
from tokeff.engine.stream import MAX_BATCH_ITEMS
from tokeff.engine.tasks import Exclusion, Task
from tokeff.errors import RunError
from tokeff.readers.options import ReadOptions

STRIKES = 3
MAX_DEATHS = 8
"""So often the worker may die over one shard with nobody to blame: then something else is wrong."""
FOREVER = 10**9
EVERYTHING = (Place(0, 0), Place(FOREVER, FOREVER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How a worker ended, and what it was at. `status`: its exit code, -N for signal N; None: it was overdue."""

    steps: Sequence[Step]
    status: int | None

    @property
    def reason(self) -> str:
        """For the quarantine."""
        return "timed_out" if self.status is None else "worker_died"


class Supervisor:
    """Keeps a worker alive and at work."""

    def __init__(self, read: ReadOptions, item_timeout: float, environment: dict[str, str] | None = None) -> None:
        self._read, self._limit, self._environment = read, item_timeout, environment
        self._child: Child | None = None
        self._is_stopped = False

    @property
    def recorder(self) -> Recorder | None:
        """That of the worker, while there is one."""
        return self._child.recorder if self._child else None

    @property
    def pid(self) -> int | None:
        """Of the worker."""
        return self._child.pid if self._child else None

    def run(self, task: Task) -> bytes:
        """The result of a task. Raises what the task raises, and RunError where workers die and nobody is to blame."""
        n_unexplained, allowance = 0, self._limit
        while True:
            fate = self._attempt(task, allowance)
            if isinstance(fate, bytes):
                return fate
            found = self._isolated(task, fate.steps)
            if found:
                task = replace(task, excluded=(*task.excluded, *found))
                continue
            n_unexplained += 1
            # Each item came through alone, so together they may take as long as all of them.
            allowance = self._limit * MAX_BATCH_ITEMS
            if n_unexplained > MAX_DEATHS // 2 and task.span is None:
                task = replace(task, span=EVERYTHING)
            if n_unexplained > MAX_DEATHS:
                raise self._hopeless(task, fate)

    def stop(self) -> None:
        """Kill the worker, whoever waits for it; what it was doing is lost."""
        self._is_stopped = True
        if child := self._child:
            child.kill()

    def close(self) -> None:
        """Let the worker go. Nobody may be waiting for it."""
        self._is_stopped = True
        if self._child:
            self._child.close()

    def _attempt(self, task: Task, allowance: float) -> bytes | Fate:
        if self._child is None:
            self._child = Child(self._read, self._environment)
        if self._is_stopped:
            self._child.kill()
        try:
            return self._child.perform(task, allowance)
        except (ChildDied, ChildOverdue) as death:
            steps = [death.step] if isinstance(death, ChildOverdue) else self._child.recorder.steps()
            self._child.close()
            self._child = None
            if self._is_stopped:
                raise
            return Fate(steps=steps, status=death.status if isinstance(death, ChildDied) else None)

    def _isolated(self, task: Task, steps: Sequence[Step]) -> tuple[Exclusion, ...]:
        """Try the items that the worker had in hand one by one; those that are to blame."""
        if not steps:
            return ()
        first, last = min(step.first for step in steps), max(step.last for step in steps)
        strikes: Counter[tuple[Place, int | None, int | None]] = Counter()
        found: list[Exclusion] = []
        n_unexplained = 0
        while n_unexplained <= MAX_DEATHS:
            fate = self._attempt(replace(task, span=(first, last), excluded=(*task.excluded, *found)), self._limit)
            if isinstance(fate, bytes):
                break
            if not fate.steps:
                n_unexplained += 1
                continue
            step = fate.steps[-1]
            blame = (step.first, step.tokenizer, fate.status)
            strikes[blame] += 1
            if strikes[blame] >= STRIKES:
                found.append(self._exclusion(step, fate))
            # What came before it has come through.
            first = step.first
        return tuple(found)

    def _exclusion(self, step: Step, fate: Fate) -> Exclusion:
        if fate.status is None:
            message = f"took longer than {self._limit:g} s to {step.stage}; --item-timeout allows more"
        else:
            message = f"the process that was to {step.stage} it died {STRIKES} times: {_cause(fate.status)}"
        return Exclusion(
            piece=step.first.piece,
            # A reader that dies cannot be told to skip one item.
            number=None if step.stage == "find" else step.first.number,
            tokenizer=step.tokenizer,
            stage=step.stage,
            reason=fate.reason,
            message=message,
        )

    def _hopeless(self, task: Task, fate: Fate) -> RunError:
        return RunError(
            "worker processes die again and again, and no single item is to blame",
            where=f"shard {task.shard.number} ({task.shard.part.key})",
            got=f"a step took more than {self._limit:g} s" if fate.status is None else _cause(fate.status),
            fix="Fewer --workers need less memory. What is done is kept: the same command goes on.",
        )


def _cause(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"{name} (perhaps for want of memory)" if name == "SIGKILL" else name
