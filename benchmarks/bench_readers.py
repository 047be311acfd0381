"""Reading corpora: microseconds per item of each format beside the library people use, and memory against size.

Run: python benchmarks/bench_readers.py [--rows 200000] [--gigabytes 1 10] [--out benchmarks/results/readers.json]

The same texts lie in every format. `tokeff` gives items that can be opened (key, size, content), the library rows of
Python values; both run to the end, in turns. Times are of the processor, all threads together. Then JSON lines of so
many GB are read in a process of its own, whose peak memory is noted: it must not grow. The file is made on the fly and
thrown away.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from tokeff.engine.environment import library_versions, machine
from tokeff.readers.corpus import find

N_ROUNDS = 3
SENTENCE = "the of and to in is that for on with as by at from or an été schön 日本 λόγος"


def rows(n_rows: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    random, words = Random(seed), SENTENCE.split()
    for n in range(n_rows):
        text = " ".join(random.choices(words, k=60))
        yield {"id": n, "url": f"https://example.com/{n}", "text": text, "meta": {"score": n / 7, "lang": "en"}}


def write_corpora(folder: Path, n_rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    table = list(rows(n_rows))
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table).encode()
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines, 6))
    (folder / "a.jsonl.zst").write_bytes(zstandard.compress(lines, 3))
    pq.write_table(pa.Table.from_pylist(table), folder / "a.parquet", row_group_size=20_000, compression="zstd")
    _write_tar(folder / "a.tar", table[: n_rows // 10])


def _write_tar(path: Path, table: list[dict[str, Any]]) -> None:
    import io
    import tarfile

    with tarfile.open(path, "w") as archive:
        for row in table:
            data = row["text"].encode()
            entry = tarfile.TarInfo(f"{row['id']:09}.txt")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def by_tokeff(path: Path) -> Iterator[Any]:
    return find([path], columns=() if path.suffix == ".tar" else ("text",))


def by_datasets(path: Path) -> Iterator[Any]:
    import datasets

    kind = "parquet" if path.suffix == ".parquet" else "json"
    return iter(datasets.load_dataset(kind, data_files=str(path), split="train", streaming=True))


def by_webdataset(path: Path) -> Iterator[Any]:
    import webdataset

    return iter(webdataset.WebDataset(str(path), shardshuffle=False))


def seconds_of(read: Callable[[Path], Iterator[Any]], path: Path) -> tuple[float, int]:
    start = time.process_time()
    n_rows = sum(1 for _ in read(path))
    return time.process_time() - start, n_rows


def compare(path: Path) -> dict[str, Any]:
    library = by_webdataset if path.suffix == ".tar" else by_datasets
    fastest: dict[str, float] = {}
    counts = set()
    for _ in range(N_ROUNDS):
        for name, read in (("tokeff", by_tokeff), (library.__name__.removeprefix("by_"), library)):
            seconds, n_rows = seconds_of(read, path)
            fastest[name] = min(seconds, fastest.get(name, seconds))
            counts.add(n_rows)
    if len(counts) != 1:
        raise SystemExit(f"{path.name}: numbers of rows differ: {counts}")
    n_rows = counts.pop()
    per_row = {name: round(seconds / n_rows * 1e6, 3) for name, seconds in fastest.items()}
    print(path.name, n_rows, per_row, "microseconds per row", flush=True)
    return {"file": path.name, "n_rows": n_rows, "bytes": path.stat().st_size, "cpu_microseconds_per_row": per_row}


MEASURE = """
import pathlib, re, sys, time
from tokeff.readers.corpus import find
start, n_items, n_bytes = time.process_time(), 0, 0
for one in find([sys.argv[1]], columns=("text",)):
    n_items, n_bytes = n_items + 1, n_bytes + one.stored_bytes
seconds = time.process_time() - start
# Not ru_maxrss: a new process inherits that of the one that started it.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())
print(n_items, n_bytes, seconds, int(peak[1]) * 1024)
"""


def memory(folder: Path, gigabytes: float) -> dict[str, Any]:
    """Peak memory of a process that reads so many GB of JSON lines."""
    path = folder / "large.jsonl"
    block = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(50_000)).encode()
    with path.open("wb") as file:
        while file.tell() < gigabytes * 1e9:
            file.write(block)
    command = [sys.executable, "-c", MEASURE, str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    found = {
        "bytes": path.stat().st_size,
        "n_items": int(said[0]),
        "cpu_microseconds_per_item": round(float(said[2]) / int(said[0]) * 1e6, 3),
        "peak_memory_bytes": int(said[3]),
    }
    path.unlink()
    print(found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, nargs="*", default=[0.5, 1.0, 10.0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "readers.json")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpora(folder, arguments.rows)
        formats = [compare(path) for path in sorted(folder.iterdir())]
        sizes = [memory(folder, gigabytes) for gigabytes in arguments.gigabytes]
    report = {
        "machine": machine(),
        "libraries": library_versions(),
        "load_average": os.getloadavg(),
        "formats": formats,
        "json_lines": sizes,
    }
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
