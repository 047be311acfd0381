"""Which executor does a run: as many workers as help, and none for a corpus that is done before they have started."""

import mimetypes
import os
from collections.abc import Callable, Iterable
from itertools import accumulate

from tokeff.engine.executors.protocol import Executor, InProcess
from tokeff.engine.options import ITEM_TIMEOUT_SECONDS, Execution
from tokeff.engine.shards import Shard
from tokeff.readers.options import ReadOptions

WORTH_WORKERS_BYTES = 2**26
"""A worker takes seconds to start. Smaller corpora are measured here, without limits for one item."""
MEDIA = ("image/", "audio/", "video/")
MEDIA_WEIGHT = 8
"""A stored byte of a picture, sound or clip stands for more work than one of text: at least so many times."""


def executor(
    how: Execution, read: ReadOptions, *, device: str, shards: Callable[[], Iterable[Shard]], n_shards: int
) -> Executor:
    """The executor for a corpus. Raises TokeffError where Ray is asked for and cannot be had."""
    limit = how.item_timeout or ITEM_TIMEOUT_SECONDS
    if how.engine == "ray":
        from tokeff.engine.executors.on_ray import OnRay

        return OnRay(read, how.workers, limit, address=how.address, use_gpu=device == "cuda")
    if how.workers is None and how.item_timeout is None and not worth_workers(shards()):
        return InProcess(read)
    from tokeff.engine.executors.local import Processes

    gpus = _gpus() if device == "cuda" else 0
    n_workers = how.workers or gpus or _cores()
    places = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in _visible(gpus)]
    return Processes(read, max(1, min(n_workers, n_shards)), limit, places)


def worth_workers(shards: Iterable[Shard]) -> bool:
    """Whether a corpus has WORTH_WORKERS_BYTES, those of media files counted MEDIA_WEIGHT times. Looks no further."""
    weights = (
        piece.n_bytes * (MEDIA_WEIGHT if (mimetypes.guess_type(piece.key)[0] or "").startswith(MEDIA) else 1)
        for shard in shards
        for piece in shard.part.pieces
    )
    return any(total >= WORTH_WORKERS_BYTES for total in accumulate(weights))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _visible(n_gpus: int) -> list[str]:
    """The names of the GPUs that this process may use."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else [str(number) for number in range(n_gpus)]
    return names[:n_gpus]
