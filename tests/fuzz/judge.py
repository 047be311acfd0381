"""One corrupted file after the other, found, its headers read, decoded: `python judge.py ORIGINALS SCRATCH FIRST STOP`.

Prints a line of JSON before and behind each case, so that whoever watches knows which one killed the process. A case
is the same whenever it is made: its number seeds the choice of the file and of the damage. Beyond the standard library
it uses what it tests.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from tokeff.errors import ItemError
from tokeff.media.dispatch import decode, read_header
from tokeff.readers.corpus import find
from tokeff.records.items import Failure, Item
from tokeff.records.signals import AudioSignal, VideoSignal

ADDRESS_SPACE_BYTES = 12 * 2**30
"""What asks for more is refused by the system, and must end as a failure."""


CASE_CPU_SECONDS = 60
"""A case that takes more is ended by the system: a loop is seen on a busy machine too. The slowest takes 1 s."""


def corrupted(data: bytes, other: bytes, random: Random) -> tuple[str, bytes]:
    """The kind of damage, and the damaged bytes."""
    kind = random.choice(["bits", "bits", "few bits", "cut", "cut", "splice", "zeros", "insert", "remove", "swap"])
    changed = bytearray(data)
    place = random.randrange(len(data))
    length = random.choice([1, 4, 16, 100, 512, 4096, len(data) // 4 + 1])
    match kind:
        case "bits" | "few bits":
            # Headers are where readers trust what they read: half of the flips go there.
            reach = random.choice([64, 512, len(data)])
            for _ in range(1 if kind == "few bits" else random.choice([2, 8, 64])):
                changed[random.randrange(min(reach, len(data)))] ^= 1 << random.randrange(8)
        case "cut":
            del changed[place:]
        case "splice":
            start = random.randrange(len(other))
            changed[place : place + length] = other[start : start + length]
        case "zeros":
            changed[place : place + length] = bytes(min(length, len(data) - place))
        case "insert":
            changed[place:place] = random.randbytes(length)
        case "remove":
            del changed[place : place + length]
        case _:
            far = random.randrange(len(data))
            changed[place : place + length], changed[far : far + length] = (
                changed[far : far + length],
                changed[place : place + length],
            )
    return kind, bytes(changed)


def make_case(originals: list[Path], number: int) -> tuple[Path, str, bytes]:
    """The original, the kind of damage, and the damaged bytes of a case."""
    random = Random(number)
    path = originals[number % len(originals)]
    kind, data = corrupted(path.read_bytes(), random.choice(originals).read_bytes(), random)
    return path, kind, data


def judge(path: Path) -> dict[str, Any]:
    """What became of every item; `wrong` lists what must not happen."""
    seen: dict[str, str] = {}
    wrong: list[str] = []
    for found in find([path]):
        if found.key in seen:
            wrong.append(f"the key {found.key} comes twice")
        seen[found.key] = outcome(found, wrong)
    return {"seen": seen, "wrong": wrong}


def outcome(found: Item | Failure, wrong: list[str]) -> str:
    """`ok`, or the reason why not."""
    if isinstance(found, Failure):
        return found.reason
    with suppress(ItemError):  # decoding has the last word
        read_header(found)
    try:
        signal = decode(found)
        if isinstance(signal, VideoSignal):
            for _ in signal.source.frames():
                pass
        elif isinstance(signal, AudioSignal):
            for _ in signal.blocks():
                pass
    except ItemError as error:
        if not error.reason or " " in error.reason:
            wrong.append(f"{found.key}: no reason code: {error.reason!r}")
        return error.reason
    return "ok"


def tell(line: dict[str, Any]) -> None:
    """To whoever watches, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(originals_folder: str, scratch: str, first: int, stop: int, step: int) -> None:
    """Every `step`-th case of a range."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    originals = sorted(Path(originals_folder).iterdir())
    sound = {path.name: judge(path)["seen"] for path in originals} if first < 0 else {}
    if first < 0:
        tell({"sound": sound})
        return
    for number in range(first, stop, step):
        path, kind, data = make_case(originals, number)
        damaged = Path(scratch) / path.name
        damaged.write_bytes(data)
        tell({"begin": number, "name": path.name, "kind": kind})
        start = time.process_time()
        resource.setrlimit(resource.RLIMIT_CPU, (int(start) + CASE_CPU_SECONDS, resource.RLIM_INFINITY))
        try:
            result = judge(damaged)
        except Exception as error:
            result = {"seen": {}, "wrong": [f"{type(error).__name__}: {error}"]}
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        tell({"end": number, "cpu_seconds": seconds, "peak_bytes": peak, **result})
        damaged.unlink()


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
