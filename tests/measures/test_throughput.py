"""Stopwatches: warm-up apart, medians of what was timed, records that add and travel as JSON."""

import json
from time import perf_counter, sleep

import pytest

from tokeff.measures.throughput import LAPS_KEPT, Lap, StageTimes, Stopwatch, Timings


def timed(watch: Stopwatch, seconds: float, *, raw_bytes: int = 1_000_000, n_tokens: int = 1000) -> None:
    with watch.batch(raw_bytes=raw_bytes) as lap:
        with lap.stage("encode"):
            sleep(seconds)
        lap.tokens(n_tokens)
        with lap.stage("measure"):
            pass


def test_the_first_batch_is_warm_up() -> None:
    watch = Stopwatch()
    timed(watch, 0.2)
    for _ in range(3):
        timed(watch, 0.01)
    figures = watch.figures()["encode"]
    assert (figures["n_batches"], figures["n_warm_up"], figures["raw_bytes"]) == (3, 1, 3_000_000)
    assert figures["n_tokens"] == 3000
    assert 0.03 <= figures["seconds"] < 0.2
    rate = figures["raw_megabytes_per_second"]
    assert rate["q1"] <= rate["median"] <= rate["q3"] <= 100
    assert figures["tokens_per_second"]["median"] == pytest.approx(rate["median"] * 1000)


def test_one_batch_stands_for_itself() -> None:
    watch = Stopwatch()
    timed(watch, 0.01)
    figures = watch.figures()["encode"]
    assert (figures["n_batches"], figures["n_warm_up"], figures["n_tokens"]) == (1, 0, 1000)
    assert figures["raw_megabytes_per_second"]["q1"] == figures["raw_megabytes_per_second"]["q3"]


def test_a_stage_that_runs_twice_in_a_batch_adds_up() -> None:
    watch = Stopwatch()
    with watch.batch(raw_bytes=10) as lap:
        for _ in range(2):
            with lap.stage("decode"):
                sleep(0.02)
    figures = watch.figures()
    assert figures["decode"]["seconds"] >= 0.04
    assert "encode" not in figures


def test_a_batch_that_fails_leaves_no_time() -> None:
    watch = Stopwatch()

    def fail() -> None:
        with watch.batch(raw_bytes=10) as lap, lap.stage("encode"):
            raise RuntimeError("poison")

    with pytest.raises(RuntimeError, match="poison"):
        fail()
    assert not watch.timings().stages


def test_memory_is_that_of_a_process_with_an_interpreter() -> None:
    timings = Stopwatch().timings()
    assert 5e6 < timings.peak_memory_bytes < 1e12
    assert timings.peak_device_memory_bytes is None
    assert "peak_device_memory_bytes" not in timings.figures()


def test_timings_of_workers_add_and_travel_as_json() -> None:
    watches = [Stopwatch(), Stopwatch()]
    for watch in watches:
        for _ in range(3):
            timed(watch, 0.001)
    parts = [watch.timings() for watch in watches]
    total = Timings.total(parts)
    assert total.figures()["encode"]["n_batches"] == 4
    assert total.figures()["encode"]["n_warm_up"] == 2
    assert total.peak_memory_bytes == max(part.peak_memory_bytes for part in parts)
    back = Timings.from_json(json.loads(json.dumps(total.to_json(), allow_nan=False)))
    assert back == total
    assert back.figures() == total.figures()


def test_memory_of_laps_is_bounded_and_sums_are_not() -> None:
    lap = Lap(seconds=0.5, raw_bytes=1_000_000, n_tokens=10)
    part = StageTimes(n_batches=8000, seconds=4000.0, raw_bytes=8 * 10**9, n_tokens=80_000, laps=(lap,) * 8000)
    total = StageTimes.total([part, part])
    assert len(total.laps) == 8000 <= LAPS_KEPT
    assert total.figures()["raw_bytes"] == 16 * 10**9
    assert total.figures()["n_batches"] == 16_000
    assert total.figures()["raw_megabytes_per_second"]["median"] == 2


def test_tiny_batches_do_not_stand_for_large_ones() -> None:
    """Two stray files of a few bytes, each a batch of its own shard, beside one batch of 9 MB in a second."""
    laps = (Lap(1.0, 14, 5), Lap(0.001, 18, 4), Lap(1.0, 9_000_000, 2_000_000))
    for times in (StageTimes(warm_up=laps), StageTimes(n_batches=3, seconds=2.001, laps=laps)):
        rates = times.figures()
        assert rates["raw_megabytes_per_second"] == {"median": 9, "q1": 9, "q3": 9}
        assert rates["tokens_per_second"]["median"] == 2_000_000


def test_quartiles_of_equal_batches() -> None:
    laps = tuple(Lap(1 / rate, 1_000_000, 10) for rate in (1, 2, 3, 4, 5, 6, 7))
    rates = StageTimes(n_batches=7, seconds=1.0, laps=laps).figures()["raw_megabytes_per_second"]
    assert (rates["q1"], rates["median"], rates["q3"]) == pytest.approx((2, 4, 6))


def test_a_long_run_settles_its_laps() -> None:
    watch = Stopwatch()
    for _ in range(LAPS_KEPT + 5):
        with watch.batch(raw_bytes=1) as lap:
            with lap.stage("encode"):
                pass
            lap.tokens(2)
    times = watch.timings().stages["encode"]
    assert times.n_batches == LAPS_KEPT + 4
    assert times.n_tokens == 2 * (LAPS_KEPT + 4)
    assert len(times.laps) <= LAPS_KEPT


@pytest.mark.cuda
def test_the_device_is_waited_for(cuda: str) -> None:
    """A launch returns at once; the time of its work belongs to the stage."""
    import torch

    matrix = torch.rand(8192, 8192, device=cuda)

    def work() -> None:
        product = matrix
        for _ in range(10):
            product = product @ matrix / 8192

    watch = Stopwatch(cuda)
    for _ in range(3):
        with watch.batch(raw_bytes=1) as lap, lap.stage("encode"):
            work()
    start = perf_counter()
    work()
    torch.cuda.synchronize()
    waited = perf_counter() - start
    timings = watch.timings()
    assert timings.stages["encode"].seconds / 2 > 0.7 * waited
    assert (timings.peak_device_memory_bytes or 0) >= 8192 * 8192 * 4
