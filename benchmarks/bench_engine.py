"""The engine at scale: what a second worker gains, what an item costs, how much memory the driver takes.

    python benchmarks/bench_engine.py scaling  [--pictures 600 --files 60]  wall time of one worker over that of two
    python benchmarks/bench_engine.py overhead [--items 300000]        CPU time per line of JSON, everything included
    python benchmarks/bench_engine.py memory   [--items 1000 1000000]  peak memory of the driver
    python benchmarks/bench_engine.py large    [--gigabytes 10]        one JSON lines file: peak memory, of workers too
    python benchmarks/bench_engine.py files    [--items 100000]        tiny files: peak memory and time

Corpora are synthetic and made in a temporary folder. Each run is a process of its own. Results go to
benchmarks/results/engine_<name>.json.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tokeff.engine.environment import library_versions, machine

RESULTS = Path(__file__).parent / "results"
N_ROUNDS = 3
TOKENIZERS = {"pictures": "jpeg-q75", "texts": "tekken"}
PLAIN = {"tokenizers": "bytes", "reconstruction": "off"}
PROGRAM = """
import json, resource, sys, time
import tokeff
options = json.loads(sys.argv[2])
start = time.perf_counter()
profile = tokeff.profile(sys.argv[1], **options)
own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "seconds": time.perf_counter() - start,
    "cpu_seconds": sum(each.ru_utime + each.ru_stime for each in (own, workers)),
    "driver_peak_bytes": own.ru_maxrss * 1024, "worker_peak_bytes": workers.ru_maxrss * 1024,
    "n_items": profile.n_ok, "n_errors": profile.n_err,
    "n_tokens": [each.n_tokens for each in profile.measurements],
}))
"""


def profiled(corpus: Path, **options: Any) -> dict[str, Any]:
    """One run in a fresh process that keeps its run directory: seconds, CPU seconds, peak memory, counts."""
    with tempfile.TemporaryDirectory() as run:
        given = {"device": "cpu", "out": f"{run}/run", **options}
        command = [sys.executable, "-c", PROGRAM, str(corpus), json.dumps(given)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def lines_of_text(path: Path, n_items: int, n_bytes: int = 100) -> None:
    """JSON lines, each with a text of about n_bytes."""
    draw = np.random.default_rng(0)
    words = np.array([f"w{number:x}" for number in range(5000)])
    texts = [" ".join(draw.choice(words, size=max(1, n_bytes // 5))) for _ in range(1000)]
    with path.open("w") as out:
        for number in range(n_items):
            out.write(json.dumps({"id": number, "text": texts[number % 1000]}) + "\n")


def scaling(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Pictures to JPEG and back, and texts through a vocabulary: bound by the CPU, the same work for every worker."""
    found = {}
    for name, make, few, many in (
        ("pictures", pictures, arguments.pictures // 10, arguments.pictures),
        ("texts", texts, arguments.files // 10, arguments.files),
    ):
        for n in (few, many):
            (folder / f"{name}{n}").mkdir()
            make(folder / f"{name}{n}", n)
        found[name] = _scaled([folder / f"{name}{n}" for n in (few, many)], TOKENIZERS[name])
        each = found[name]
        print(
            f"{name}: two workers are {each['whole']:.2f} x as fast as one, start-up included; "
            f"{each['steady']:.2f} x per item; one worker keeps {each['cores_of_one_worker']:.2f} cores busy"
        )
    return found


def pictures(folder: Path, n: int) -> None:
    """Pictures of 768 x 576."""
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(n):
        coarse = Image.fromarray(draw.integers(0, 256, (48, 64, 3), dtype=np.uint8))
        coarse.resize((768, 576), Image.Resampling.BICUBIC).save(folder / f"{number}.png")


def texts(folder: Path, n: int) -> None:
    """Files of 8 MB: so many shards that no worker waits for the other one's last."""
    lines_of_text(folder / "0.jsonl", 4000, 2000)
    for number in range(1, n):
        shutil.copyfile(folder / "0.jsonl", folder / f"{number}.jsonl")


def _scaled(corpora: list[Path], tokenizer: str) -> dict[str, Any]:
    """Wall time of one worker over that of two: of the whole command, and of what more items cost."""
    options = {"tokenizers": tokenizer}
    rounds = [
        {n: [profiled(corpus, workers=n, **options) for corpus in corpora] for n in (1, 2)} for _ in range(N_ROUNDS)
    ]
    if len({json.dumps([run["n_tokens"] for run in runs]) for each in rounds for runs in each.values()}) != 1:
        raise SystemExit("one and two workers count differently")
    whole = [each[1][1]["seconds"] / each[2][1]["seconds"] for each in rounds]
    steady = [_slope(each[1], "seconds") / _slope(each[2], "seconds") for each in rounds]
    busy = [_slope(each[1], "cpu_seconds") / _slope(each[1], "seconds") for each in rounds]
    medians = {"whole": median(whole), "steady": median(steady), "cores_of_one_worker": median(busy)}
    return {**medians, "whole_by_round": whole, "steady_by_round": steady, "rounds": rounds}


def _slope(runs: list[dict[str, Any]], name: str) -> float:
    """What one item more costs: start-up falls out."""
    few, many = runs
    slope: float = (many[name] - few[name]) / (many["n_items"] - few["n_items"])
    return slope


def overhead(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The slope between few and many lines: reading, decoding, encoding, tallying, writing rows, adding up."""
    runs = []
    for n_items in (1000, arguments.items[0]):
        corpus = folder / f"{n_items}.jsonl"
        lines_of_text(corpus, n_items)
        tries = [profiled(corpus, **PLAIN, workers=1) for _ in range(N_ROUNDS)]
        runs.append(min(tries, key=lambda run: float(run["cpu_seconds"])))
    slope = _slope(runs, "cpu_seconds") * 1e6
    print(f"{slope:.1f} µs of CPU per line, everything included")
    return {"microseconds_per_item": slope, "runs": runs}


def memory(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Driver and worker, from few items to many: all of it measured, and counted from headers alone."""
    found: dict[str, Any] = {}
    for name, options in (("measured", PLAIN), ("counted", {"tokenizers": "bytes", "count_only": True})):
        runs = found[name] = {}
        for n_items in arguments.items:
            corpus = folder / f"{n_items}.jsonl"
            if not corpus.exists():
                lines_of_text(corpus, n_items)
            runs[n_items] = profiled(corpus, **options, workers=1)
            print(f"{n_items} {name}: {_peaks(runs[n_items])}")
    return found


def large(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """One file of so many gigabytes."""
    n_bytes = int(arguments.gigabytes * 1e9)
    corpus = folder / "large.jsonl"
    lines_of_text(corpus, 20_000, 2000)
    block = corpus.read_bytes()
    with corpus.open("ab") as out:
        while out.tell() < n_bytes:
            out.write(block)
    run = profiled(corpus, tokenizers="tekken", reconstruction="off", workers=arguments.workers)
    size = corpus.stat().st_size
    print(f"{size / 1e9:.1f} GB: {_peaks(run)}, {run['seconds']:.0f} s, {size / 1e6 / run['seconds']:.0f} MB/s")
    return {"stored_bytes": size, **run}


def files(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Tiny files, a thousand to a folder."""
    for number in range(arguments.items[0]):
        if number % 1000 == 0:
            (folder / f"{number // 1000:04d}").mkdir()
        (folder / f"{number // 1000:04d}" / f"{number}.txt").write_text(f"tiny text number {number}")
    run = profiled(folder, **PLAIN, workers=arguments.workers)
    print(f"{run['n_items']} files: {_peaks(run)}, {run['seconds']:.0f} s")
    return run


def _peaks(run: dict[str, Any]) -> str:
    return f"driver {run['driver_peak_bytes'] / 1e6:.0f} MB, worker {run['worker_peak_bytes'] / 1e6:.0f} MB"


BENCHMARKS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "scaling": scaling, "overhead": overhead, "memory": memory, "large": large, "files": files,
}  # fmt: skip
DEFAULT_ITEMS = {"overhead": [300_000], "memory": [1000, 10_000, 100_000, 1_000_000], "files": [100_000]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--items", type=int, nargs="+")
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.items = arguments.items or DEFAULT_ITEMS.get(arguments.name)
    with tempfile.TemporaryDirectory() as folder:
        figures = BENCHMARKS[arguments.name](Path(folder), arguments)
    report = {"machine": machine(), "libraries": library_versions(), "load_average": os.getloadavg(), **figures}
    out = RESULTS / f"engine_{arguments.name}.json"
    out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
