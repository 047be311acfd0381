"""When workers are worth their start, and that figures do not depend on threads."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import tokeff
from tokeff.engine.executors.choose import MEDIA_WEIGHT, WORTH_WORKERS_BYTES, worth_workers
from tokeff.engine.shards import Shard
from tokeff.measures.saved import to_json
from tokeff.readers.pieces import Part, Piece


def shard(*files: tuple[str, int]) -> Shard:
    pieces = tuple(Piece(path=f"/{name}", key=name, n_bytes=n_bytes) for name, n_bytes in files)
    return Shard(number=0, part=Part(key="all", pieces=pieces))


def test_media_weigh_more_than_text() -> None:
    eighth = WORTH_WORKERS_BYTES // MEDIA_WEIGHT
    assert not worth_workers([shard(("a/b.txt", eighth), ("c.jsonl", eighth)), shard(("no ending", eighth))])
    assert worth_workers([shard(("a/b.txt", WORTH_WORKERS_BYTES - 1)), shard(("c.jsonl", 1))])
    assert worth_workers([shard(("a.PNG", eighth - 3), ("b.flac", 2), ("c.mp4", 1))])
    assert not worth_workers([shard(("a.PNG", eighth - 1))])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_figures_of_networks_do_not_depend_on_threads(tmp_path: Path, n_threads: int) -> None:
    draw = np.random.default_rng(0)
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * draw.standard_normal(30_000 + number), 16_000)
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        here = tokeff.profile(tmp_path, tokenizers="rvq-6k")
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    in_worker = tokeff.profile(tmp_path, tokenizers="rvq-6k", workers=1)
    mine, theirs = (to_json(each.measurements[0]) for each in (here, in_worker))
    assert {**mine, "throughput": None} == {**theirs, "throughput": None}
