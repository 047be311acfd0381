"""Seeded corruptions of every format and sample: no crash, no hang, no wrong count.

200 of them here; as many as TOKEFF_FUZZ_CASES says otherwise (2,000 take a minute or two):

    TOKEFF_FUZZ_CASES=2000 python -m pytest tests/fuzz

Every case is read in a process of its own kind (`judge.py`), so that a decoder that dies or hangs is seen. What was in
the sound file and is not in the corrupted one must be told by a failure.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

HERE = Path(__file__).parent
N_CASES = int(os.environ.get("TOKEFF_FUZZ_CASES", "200"))
N_PROCESSES = 2
PATIENCE_SECONDS = 900.0
"""So long may one case take, which catches what waits for ever; one that computes for ever is ended by `judge.py`."""
MAX_PEAK_BYTES = 4 * 2**30
"""Libraries alone take 0.7 GB."""


@dataclass(slots=True)
class Record:
    """What became of a range of cases."""

    ended: dict[int, dict[str, Any]] = field(default_factory=dict)
    crashed: list[dict[str, Any]] = field(default_factory=list)
    hung: list[dict[str, Any]] = field(default_factory=list)


def said(command: list[str], patience_seconds: float) -> Iterator[dict[str, Any] | None]:
    """The lines that a process prints; None where it says nothing for so long, or dies. It is dead in the end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    lines: queue.Queue[str] = queue.Queue()

    def listen(out: IO[str]) -> None:
        for line in out:
            lines.put(line)
        lines.put("")

    # Decoders complain on stderr of what is damaged.
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment) as process:
        assert process.stdout is not None
        listener = threading.Thread(target=listen, args=(process.stdout,))
        listener.start()
        try:
            while line := lines.get(timeout=patience_seconds):
                yield json.loads(line)
        except queue.Empty:
            process.kill()
            yield {"hung": True}
        listener.join()
        if process.wait() != 0:
            yield None


def watch(command: list[str], first: int, stop: int, patience_seconds: float, step: int = 1) -> Record:
    """Every `step`-th case of a range; behind one that kills its process, a new process goes on."""
    record = Record()
    while first < stop:
        begun: dict[str, Any] = {"begin": first}
        is_whole = True
        for line in said([*command, str(first), str(stop), str(step)], patience_seconds):
            if line is None:
                if is_whole:
                    record.crashed.append(begun)
                is_whole = False
            elif "hung" in line:
                record.hung.append(begun)
                is_whole = False
            elif "begin" in line:
                begun = line
            else:
                record.ended[line["end"]] = {**begun, **line}
        if is_whole:
            break
        first = begun["begin"] + step
    return record


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    subprocess.run([sys.executable, str(HERE / "originals.py"), str(folder)], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def sound(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Name -> key -> outcome of every original."""
    command = judge(originals, tmp_path_factory.mktemp("sound"))
    (line,) = said([*command, "-1", "0", "1"], 300)
    assert line is not None
    found: dict[str, dict[str, str]] = line["sound"]
    return found


def judge(originals: Path, scratch: Path) -> list[str]:
    return [sys.executable, str(HERE / "judge.py"), str(originals), str(scratch)]


def test_the_originals_are_sound(sound: dict[str, dict[str, str]]) -> None:
    assert len(sound) > 80
    assert {outcome for seen in sound.values() for outcome in seen.values()} == {"ok"}
    assert {len(sound[name]) for name in ("lines.jsonl.zst", "packed.arrow", "snappy.parquet", "text.txt")} == {400, 1}


def test_corruptions(originals: Path, sound: dict[str, dict[str, str]], tmp_path: Path) -> None:
    records = [Record() for _ in range(N_PROCESSES)]

    def run(place: int) -> None:
        scratch = tmp_path / str(place)
        scratch.mkdir()
        records[place] = watch(judge(originals, scratch), place, N_CASES, PATIENCE_SECONDS, N_PROCESSES)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(N_PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = {number: case for record in records for number, case in record.ended.items()}
    assert [case for record in records for case in record.crashed] == []
    assert [case for record in records for case in record.hung] == []
    assert sorted(ended) == list(range(N_CASES))
    assert [case for case in ended.values() if case["wrong"]] == []
    assert [case for case in ended.values() if not case["seen"]] == []
    assert max(case["peak_bytes"] for case in ended.values()) < MAX_PEAK_BYTES
    assert [case for case in ended.values() if in_silence(case, sound[case["name"]])] == []
    # The damage did do something: many a file is still read, and many a failure told.
    outcomes = [outcome for case in ended.values() for outcome in case["seen"].values()]
    assert "ok" in outcomes
    assert len(set(outcomes)) > 5


def in_silence(case: dict[str, Any], before: dict[str, str]) -> bool:
    """Whether items are gone and nothing says so. Lines that are cut out and leave others whole leave no trace."""
    if case["name"] == "lines.jsonl" and case["kind"] not in ("cut", "zeros"):
        return False
    return len(case["seen"]) < len(before) and set(case["seen"].values()) == {"ok"}


PLANTED = """
import json, os, sys, time
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    print(json.dumps({"begin": number}), flush=True)
    if number == 2:
        os.abort()
    if number == 4:
        time.sleep(600)
    print(json.dumps({"end": number}), flush=True)
"""


def test_the_watch_sees_a_crash_and_a_hang() -> None:
    record = watch([sys.executable, "-c", PLANTED], 0, 7, 3.0)
    assert sorted(record.ended) == [0, 1, 3, 5, 6]
    assert (record.crashed, record.hung) == ([{"begin": 2}], [{"begin": 4}])


def test_a_loss_in_silence_would_be_seen() -> None:
    case = {"name": "a.tar", "kind": "bits", "seen": {"a": "ok"}}
    assert in_silence(case, {"a": "ok", "b": "ok"})
    assert not in_silence({**case, "seen": {"a": "ok", "c": "corrupt"}}, {"a": "ok", "b": "ok"})
