"""Batches of equal parts: whatever comes, in whatever order, is put together by its shape and run when there is enough.

A batch that does not fit into the device's memory is halved, which is logged, and later batches stay so small.
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from tokeff.errors import ItemError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

P = TypeVar("P")
T = TypeVar("T")
R = TypeVar("R")
LOG = logging.getLogger(__name__)
BATCH_SAMPLES = {"cpu": 720_000, "cuda": 2**23}
"""Samples that a codec sees at once: 30 s at 24 kHz on a CPU, 6 min on a GPU."""


@dataclass(slots=True)
class Batches:
    """Where batches run, and how large they may be."""

    name: str
    """For messages."""
    device: str
    max_samples: int = field(init=False)

    def __post_init__(self) -> None:
        """Batches begin as large as the device usually allows."""
        self.max_samples = BATCH_SAMPLES[self.device.partition(":")[0]]

    def run(
        self,
        parts: Iterable[tuple[P, T]],
        shape: Callable[[T], tuple[Hashable, int]],
        function: Callable[[Sequence[T]], list[R]],
    ) -> Iterator[tuple[P, R]]:
        """(place, result) of every (place, part). `shape` tells equal parts, and how many samples each stands for.

        Parts of one shape come out in the order in which they went in; shapes in the order in which they filled up or,
        at the end, first came.
        """
        waiting: dict[Hashable, list[tuple[P, T]]] = {}
        for place, part in parts:
            key, n_samples = shape(part)
            bucket = waiting.setdefault(key, [])
            bucket.append((place, part))
            if (len(bucket) + 1) * n_samples > self.max_samples:
                yield from self._run(waiting.pop(key), n_samples, function)
        for bucket in waiting.values():
            yield from self._run(bucket, shape(bucket[0][1])[1], function)

    def _run(
        self, bucket: Sequence[tuple[P, T]], n_samples: int, function: Callable[[Sequence[T]], list[R]]
    ) -> Iterator[tuple[P, R]]:
        places = [place for place, _ in bucket]
        n_done, n = 0, len(bucket)
        while n_done < len(bucket):
            try:
                with exact():
                    done = function([part for _, part in bucket[n_done : n_done + n]])
            except torch.OutOfMemoryError as error:
                if n == 1:
                    raise ItemError(
                        "out_of_memory",
                        "one chunk alone does not fit into the device's memory",
                        where=self.name,
                        got=f"{n_samples} samples on {self.device}",
                        fix="Use a larger device, --device cpu, or a smaller chunk_seconds.",
                    ) from error
                done = None
            if done is None:  # outside of the handler: the exception would keep the tensors alive
                n = max(1, n // 2)
                self._shrink(n, n_samples)
                continue
            yield from zip(places[n_done : n_done + n], done, strict=True)
            n_done += n

    def _shrink(self, n: int, n_samples: int) -> None:
        self.max_samples = n * n_samples
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        LOG.warning("%s: not enough memory on %s; going on with %d chunks at once", self.name, self.device, n)


def exact() -> "AbstractContextManager[Any]":
    """On CUDA: no TF32, and the same kernels for the same shapes."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
