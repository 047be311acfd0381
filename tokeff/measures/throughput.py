"""Speed of each stage: a Stopwatch takes the time of every batch, Timings hold them and give medians.

The device is synchronised before each reading of the clock; the first batch of a stage of each stopwatch is warm-up
and is left out when there are others. Leaves out benchmarks of whole programs (`benchmarks/`).
"""

import resource
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from time import perf_counter
from typing import Any, Literal, get_args

Stage = Literal["decode", "encode", "reconstruct", "measure"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(slots=True, kw_only=True)
class Lap:
    """One batch in one stage. `n_tokens` may be set inside the timed block, when it is known."""

    stage: Stage
    seconds: float
    raw_bytes: int
    n_tokens: int = 0
    warm_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Laps of any number of stopwatches, and the most memory that any of them saw."""

    laps: tuple[Lap, ...] = ()
    peak_memory_bytes: int = 0
    """Of a process: the largest of all."""
    peak_device_memory_bytes: int | None = None
    """Of a CUDA device; None without one."""

    @classmethod
    def total(cls, parts: "Iterable[Timings]") -> "Timings":
        """The laps of all, the largest memory of any."""
        parts = list(parts)
        device = [part.peak_device_memory_bytes for part in parts if part.peak_device_memory_bytes is not None]
        return cls(
            laps=tuple(lap for part in parts for lap in part.laps),
            peak_memory_bytes=max((part.peak_memory_bytes for part in parts), default=0),
            peak_device_memory_bytes=max(device, default=None),
        )

    def figures(self) -> dict[str, Any]:
        """For a Measurement's `throughput`: by stage, then memory. Stages that did not run are left out."""
        stages = {stage: [lap for lap in self.laps if lap.stage == stage] for stage in STAGES}
        figures: dict[str, Any] = {stage: _stage_figures(laps) for stage, laps in stages.items() if laps}
        figures["peak_memory_bytes"] = self.peak_memory_bytes
        if self.peak_device_memory_bytes is not None:
            figures["peak_device_memory_bytes"] = self.peak_device_memory_bytes
        return figures

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Timings":
        """What `to_json` gave."""
        return cls(**{**table, "laps": tuple(Lap(**lap) for lap in table["laps"])})


@dataclass(slots=True, kw_only=True)
class Stopwatch:
    """Times the batches of one worker on one device (`cpu` or `cuda`)."""

    device: str = "cpu"
    _laps: list[Lap] = field(default_factory=list)

    @contextmanager
    def time(self, stage: Stage, *, raw_bytes: int, n_tokens: int = 0) -> Iterator[Lap]:
        """Time a block; a block that raises leaves no lap.

        >>> watch = Stopwatch()
        >>> with watch.time("encode", raw_bytes=1_000_000) as lap:
        ...     lap.n_tokens = len(range(250_000))
        >>> watch.timings().figures()["encode"]["n_tokens"]
        250000
        """
        warm_up = not any(lap.stage == stage for lap in self._laps)
        lap = Lap(stage=stage, seconds=0.0, raw_bytes=raw_bytes, n_tokens=n_tokens, warm_up=warm_up)
        self._synchronise()
        start = perf_counter()
        yield lap
        self._synchronise()
        lap.seconds = perf_counter() - start
        self._laps.append(lap)

    def timings(self) -> Timings:
        """What was taken so far, with the peak memory of this process and device until now."""
        # Linux counts kibibytes, macOS bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Timings(laps=tuple(self._laps), peak_memory_bytes=peak, peak_device_memory_bytes=self._device_memory())

    def _synchronise(self) -> None:
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.synchronize(self.device)

    def _device_memory(self) -> int | None:
        if not self.device.startswith("cuda"):
            return None
        import torch

        return torch.cuda.max_memory_allocated(self.device)


def _stage_figures(laps: list[Lap]) -> dict[str, Any]:
    counted = [lap for lap in laps if not lap.warm_up] or laps
    return {
        "n_batches": len(counted),
        "n_warm_up": len(laps) - len(counted),
        "seconds": sum(lap.seconds for lap in counted),
        "raw_bytes": sum(lap.raw_bytes for lap in counted),
        "n_tokens": sum(lap.n_tokens for lap in counted),
        "megabytes_per_second": _spread([lap.raw_bytes / 1e6 / lap.seconds for lap in counted if lap.seconds > 0]),
        "tokens_per_second": _spread([lap.n_tokens / lap.seconds for lap in counted if lap.seconds > 0]),
    }


def _spread(rates: list[float]) -> dict[str, float] | None:
    """Median and quartiles over batches; one batch is all three."""
    if not rates:
        return None
    low, middle, high = quantiles(rates, n=4, method="inclusive") if len(rates) > 1 else rates * 3
    return {"median": middle, "q1": low, "q3": high}
