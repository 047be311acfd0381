"""Speed of each stage: a Stopwatch takes the time of every batch, Timings hold them and give medians.

The device is synchronised before each reading of the clock. The first batch of each stopwatch is warm-up and is left
out when there are others. Leaves out benchmarks of whole programs (`benchmarks/`).
"""

import math
import resource
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from time import perf_counter
from typing import Any, Literal, NamedTuple, get_args

Stage = Literal["decode", "encode", "reconstruct", "measure"]
STAGES: tuple[Stage, ...] = get_args(Stage)
LAPS_KEPT = 10_000
"""Of more batches than this every second is forgotten, again and again: medians keep, memory is bounded."""


class Lap(NamedTuple):
    """One batch in one stage."""

    seconds: float
    raw_bytes: int
    n_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """One stage: sums over all batches but warm-ups, and (at most LAPS_KEPT of) the batches themselves."""

    n_batches: int = 0
    seconds: float = 0.0
    raw_bytes: int = 0
    n_tokens: int = 0
    laps: tuple[Lap, ...] = ()
    warm_up: tuple[Lap, ...] = ()

    @classmethod
    def total(cls, parts: "Iterable[StageTimes]") -> "StageTimes":
        """Sums of all, laps of all."""
        parts = list(parts)
        laps = [lap for part in parts for lap in part.laps]
        while len(laps) > LAPS_KEPT:
            laps = laps[::2]
        return cls(
            n_batches=sum(part.n_batches for part in parts),
            seconds=math.fsum(part.seconds for part in parts),
            raw_bytes=sum(part.raw_bytes for part in parts),
            n_tokens=sum(part.n_tokens for part in parts),
            laps=tuple(laps),
            warm_up=tuple(lap for part in parts for lap in part.warm_up),
        )

    def figures(self) -> dict[str, Any]:
        """Sums, medians and quartiles; of the warm-ups where there was nothing else."""
        alone = not self.n_batches
        laps = self.warm_up if alone else self.laps
        return {
            "n_batches": len(laps) if alone else self.n_batches,
            "n_warm_up": 0 if alone else len(self.warm_up),
            "seconds": math.fsum(lap.seconds for lap in laps) if alone else self.seconds,
            "raw_bytes": sum(lap.raw_bytes for lap in laps) if alone else self.raw_bytes,
            "n_tokens": sum(lap.n_tokens for lap in laps) if alone else self.n_tokens,
            "raw_megabytes_per_second": _spread([(lap.raw_bytes / 1e6 / lap.seconds, lap.raw_bytes) for lap in laps]),
            "tokens_per_second": _spread([(lap.n_tokens / lap.seconds, lap.raw_bytes) for lap in laps]),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What any number of stopwatches took, and the most memory that any of them saw."""

    stages: Mapping[Stage, StageTimes] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    """Of one process: the largest of all."""
    peak_device_memory_bytes: int | None = None
    """Of one CUDA device; None without one."""

    @classmethod
    def total(cls, parts: "Iterable[Timings]") -> "Timings":
        """The times of all workers, the largest memory of any."""
        parts = list(parts)
        device = [part.peak_device_memory_bytes for part in parts if part.peak_device_memory_bytes is not None]
        stages = [stage for stage in STAGES if any(stage in part.stages for part in parts)]
        return cls(
            stages={s: StageTimes.total(part.stages[s] for part in parts if s in part.stages) for s in stages},
            peak_memory_bytes=max((part.peak_memory_bytes for part in parts), default=0),
            peak_device_memory_bytes=max(device, default=None),
        )

    def figures(self) -> dict[str, Any]:
        """For a Measurement's `throughput`: by stage, then memory. Stages that did not run are left out."""
        figures: dict[str, Any] = {stage: times.figures() for stage, times in self.stages.items()}
        figures["peak_memory_bytes"] = self.peak_memory_bytes
        if self.peak_device_memory_bytes is not None:
            figures["peak_device_memory_bytes"] = self.peak_device_memory_bytes
        return figures

    def to_json(self) -> dict[str, Any]:
        """For a ledger."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Timings":
        """What `to_json` gave."""
        return cls(**{**table, "stages": {stage: _stage_times(times) for stage, times in table["stages"].items()}})


class Batch:
    """The times of one batch while it runs."""

    def __init__(self, device: str, raw_bytes: int) -> None:
        self.device, self.raw_bytes, self.n_tokens = device, raw_bytes, 0
        self.seconds: dict[Stage, float] = {}

    def tokens(self, n_tokens: int) -> None:
        """How many tokens the batch has, as soon as it is known."""
        self.n_tokens = n_tokens

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time a block; a stage that runs twice in a batch adds up."""
        _synchronise(self.device)
        start = perf_counter()
        yield
        _synchronise(self.device)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - start


class Stopwatch:
    """Times the batches of one worker on one device (`cpu` or `cuda`).

    >>> watch = Stopwatch()
    >>> with watch.batch(raw_bytes=1_000_000) as lap:
    ...     with lap.stage("encode"):
    ...         tokens = list(range(250_000))
    ...     lap.tokens(len(tokens))
    >>> watch.figures()["encode"]["n_tokens"]
    250000
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self._stages: dict[Stage, StageTimes] = {}
        self._pending: dict[Stage, list[Lap]] = {}

    @contextmanager
    def batch(self, *, raw_bytes: int) -> Iterator[Batch]:
        """A batch of so many raw bytes. One that raises leaves no times: they would belong to no tokens."""
        batch = Batch(self.device, raw_bytes)
        yield batch
        for stage, seconds in batch.seconds.items():
            # A clock may stand still over a block that does nothing.
            lap = Lap(max(seconds, 1e-9), raw_bytes, batch.n_tokens)
            if stage not in self._stages:
                self._stages[stage] = StageTimes(warm_up=(lap,))
                continue
            pending = self._pending.setdefault(stage, [])
            pending.append(lap)
            if len(pending) >= LAPS_KEPT:
                self._settle()

    def timings(self) -> Timings:
        """What was taken so far, with the peak memory of this process and device until now."""
        self._settle()
        # Linux counts kibibytes, macOS bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Timings(
            stages={stage: self._stages[stage] for stage in STAGES if stage in self._stages},
            peak_memory_bytes=peak,
            peak_device_memory_bytes=_device_memory(self.device),
        )

    def figures(self) -> dict[str, Any]:
        """The figures of its timings."""
        return self.timings().figures()

    def _settle(self) -> None:
        for stage, laps in self._pending.items():
            self._stages[stage] = StageTimes.total((self._stages[stage], _times_of(laps)))
        self._pending.clear()


def _times_of(laps: Sequence[Lap]) -> StageTimes:
    return StageTimes(
        n_batches=len(laps),
        seconds=math.fsum(lap.seconds for lap in laps),
        raw_bytes=sum(lap.raw_bytes for lap in laps),
        n_tokens=sum(lap.n_tokens for lap in laps),
        laps=tuple(laps),
    )


def _stage_times(table: Mapping[str, Any]) -> StageTimes:
    laps = {name: tuple(Lap(*lap) for lap in table[name]) for name in ("laps", "warm_up")}
    return StageTimes(**{**table, **laps})


def _spread(rates: Sequence[tuple[float, int]]) -> dict[str, float]:
    """Median and quartiles of (rate, bytes) over bytes: a batch of one tiny file must not stand for the others."""
    ordered = sorted(rates)
    below = list(accumulate(n_bytes for _, n_bytes in ordered))
    shares = {"median": 0.5, "q1": 0.25, "q3": 0.75}
    return {name: ordered[bisect_left(below, share * below[-1])][0] for name, share in shares.items()}


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def _device_memory(device: str) -> int | None:
    if not device.startswith("cuda"):
        return None
    import torch

    return int(torch.cuda.max_memory_allocated(device))
