"""A run that is killed at random moments ends as one that was not, and loses exactly the items that are to blame."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-c", "from tokeff.cli import main; main()"]
ITEM_SECONDS = 3.0
VOLATILE = ("seconds", "execution", "decoding")


def command(corpus: Path, run: Path, trap: dict[str, str], *more: str) -> list[str]:
    options = ["-t", "trap", "--cards", trap["TRAP_CARDS"], "--device", "cpu", "--no-report", "-o", str(run)]
    return [*PROGRAM, "profile", str(corpus), *options, "--item-timeout", str(ITEM_SECONDS), "--json", *more]


def finished(arguments: list[str], trap: dict[str, str]) -> None:
    result = subprocess.run(arguments, env=trap, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def content(run: Path) -> dict[str, Any]:
    """What a run says, without how long it took."""
    measurements = json.loads((run / "measurements.json").read_text())
    for each in measurements["measurements"]:
        each.pop("throughput")
    facts = {k: v for k, v in json.loads((run / "run.json").read_text()).items() if k not in VOLATILE}
    files = {name: (run / name).read_bytes() for name in ("items.parquet", "errors.jsonl")}
    return {"measurements": json.dumps(measurements), "facts": facts, **files}


def workers_of(pid: int) -> list[int]:
    """Worker processes and actors of Ray below a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes()
            except (OSError, IndexError):
                continue
            if parent == pid:
                found += [int(entry.name)] * (b"executors.child" in command or b"ray::Actor" in command)
                found += workers_of(int(entry.name))
    return found


def until(happened: Callable[[], Any], process: "subprocess.Popen[bytes]") -> Any:
    """Wait for it, however slow the machine is; the process must not end meanwhile."""
    while not (found := happened()):
        assert process.poll() is None, "the run ended by itself"
        time.sleep(0.05)
    return found


def kill_at_random(
    arguments: list[str], trap: dict[str, str], run: Path, *, n_kills: int, seed: int, within: float
) -> None:
    """Start the run again and again; kill the driver or one of its processes, half of each, at random moments.

    In the middle it is left alone until a shard is done, so that what follows goes on from something.
    """
    draw = random.Random(seed)
    victims = ["driver", "worker"] * (n_kills // 2)
    draw.shuffle(victims)
    process = subprocess.Popen(arguments, env=trap, stdout=subprocess.DEVNULL)
    for number, victim in enumerate(victims):
        if number == n_kills // 2:
            until(lambda: list((run / "shards").glob("*-measure-*.zip")), process)
        if victim == "worker":
            until(partial(workers_of, process.pid), process)
        time.sleep(draw.uniform(0, within))
        if victim == "driver":
            process.kill()
            process.wait()
            process = subprocess.Popen(arguments, env=trap, stdout=subprocess.DEVNULL)
        else:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(until(partial(workers_of, process.pid), process)), signal.SIGKILL)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def uninterrupted(trap: dict[str, str], trapped_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    finished(command(trapped_corpus, run, trap, "--workers", "2"), trap)
    return run


def test_exactly_the_items_that_are_to_blame_are_quarantined(uninterrupted: Path) -> None:
    lines = [json.loads(line) for line in (uninterrupted / "errors.jsonl").read_text().splitlines()]
    found = {(Path(line["key"]).name, line["stage"], line["reason"], line["tokenizer"]) for line in lines}
    assert found == {
        ("text 20b.txt", "encode", "worker_died", "trap"),
        ("text 45b.txt", "encode", "timed_out", "trap"),
        ("text 70b.txt", "encode", "trap", "trap"),
    }
    assert "SIGSEGV" in next(line["message"] for line in lines if line["reason"] == "worker_died")
    sizes = [line["stored_bytes"] for line in lines]
    assert sizes == [len(f"{word} and whatever follows") for word in ("KILL", "HANG", "RAISE")]
    facts = json.loads((uninterrupted / "run.json").read_text())
    assert facts["execution"]["n_shards"] == 8
    assert facts["totals"] == {"n_in": 2007, "n_ok": 2004, "n_err": 3, "n_ignored": 0}
    (measured,) = json.loads((uninterrupted / "measurements.json").read_text())["measurements"]
    assert (measured["n_items"], measured["n_errors"]) == (2004, 3)


def test_killed_at_twenty_moments_it_ends_as_if_nothing_had_been(
    trap: dict[str, str], trapped_corpus: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = command(trapped_corpus, run, trap, "--workers", "2")
    slow = {**trap, "TRAP_SECONDS_PER_ITEM": "0.01"}
    kill_at_random(arguments, slow, run, n_kills=20, seed=7, within=2.5)
    finished(arguments, trap)
    assert content(run) == content(uninterrupted)


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: pip install 'tokeff[ray]'")
def test_on_ray_too(trap: dict[str, str], trapped_corpus: Path, uninterrupted: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = command(trapped_corpus, run, trap, "--workers", "2", "--engine", "ray")
    slow = {**trap, "TRAP_SECONDS_PER_ITEM": "0.01"}
    kill_at_random(arguments, slow, run, n_kills=4, seed=3, within=5)
    finished(arguments, trap)
    assert content(run) == content(uninterrupted)
